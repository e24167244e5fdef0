// SPDX-License-Identifier: Apache-2.0
#include "tools/samples.h"

#include <cstddef>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gyrus {
namespace {

// Takes a quoted value with its escapes off the front of `rest`.
bool TakeQuoted(absl::string_view* rest, std::string* value) {
  if (!absl::ConsumePrefix(rest, "\"")) return false;
  while (!rest->empty() && (*rest)[0] != '"') {
    char c = (*rest)[0];
    rest->remove_prefix(1);
    if (c == '\\') {
      if (rest->empty()) return false;
      c = (*rest)[0] == 'n' ? '\n' : (*rest)[0];
      rest->remove_prefix(1);
    }
    value->push_back(c);
  }
  return absl::ConsumePrefix(rest, "\"");
}

// `{a="b",c="d"}`
bool TakeLabels(absl::string_view* rest, std::map<std::string, std::string>* labels) {
  if (!absl::ConsumePrefix(rest, "{")) return true;
  while (!absl::ConsumePrefix(rest, "}")) {
    const std::size_t equals = rest->find('=');
    if (equals == absl::string_view::npos) return false;
    const std::string name(rest->substr(0, equals));
    rest->remove_prefix(equals + 1);
    if (!TakeQuoted(rest, &(*labels)[name])) return false;
    absl::ConsumePrefix(rest, ",");
  }
  return true;
}

bool Read(absl::string_view line, Sample* sample) {
  const std::size_t end = line.find_first_of("{ ");
  if (end == absl::string_view::npos || end == 0) return false;
  sample->name = std::string(line.substr(0, end));
  line.remove_prefix(end);
  return TakeLabels(&line, &sample->labels) && absl::ConsumePrefix(&line, " ") &&
         absl::SimpleAtod(line, &sample->value);
}

}  // namespace

std::string Sample::Label(const std::string& label) const {
  const auto found = labels.find(label);
  return found == labels.end() ? "" : found->second;
}

absl::StatusOr<Samples> Samples::Parse(absl::string_view text) {
  Samples samples;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (line.empty() || line[0] == '#') continue;
    Sample sample;
    if (!Read(line, &sample)) {
      return absl::InvalidArgumentError(absl::StrCat("no sample: \"", line, "\""));
    }
    samples.samples_.push_back(std::move(sample));
  }
  return samples;
}

std::vector<Sample> Samples::Of(absl::string_view name) const {
  std::vector<Sample> of;
  for (const Sample& sample : samples_) {
    if (sample.name == name) of.push_back(sample);
  }
  return of;
}

bool Samples::Has(absl::string_view name) const { return !Of(name).empty(); }

double Samples::Sum(absl::string_view name) const {
  double sum = 0;
  for (const Sample& sample : samples_) {
    if (sample.name == name) sum += sample.value;
  }
  return sum;
}

double Samples::Where(absl::string_view name, const std::string& label,
                      absl::string_view value) const {
  for (const Sample& sample : samples_) {
    if (sample.name == name && sample.Label(label) == value) return sample.value;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace gyrus
