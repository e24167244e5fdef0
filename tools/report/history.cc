// SPDX-License-Identifier: Apache-2.0
#include "tools/report/history.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

namespace gyrus {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMaxBins = 64;

const Value* Find(const Struct& object, const std::string& name) {
  const auto field = object.fields().find(name);
  return field == object.fields().end() ? nullptr : &field->second;
}

double NumberOf(const Struct& object, const std::string& name) {
  const Value* value = Find(object, name);
  return value != nullptr && value->has_number_value() ? value->number_value() : kNothing;
}

std::string WordOf(const Struct& object, const std::string& name) {
  const Value* value = Find(object, name);
  return value != nullptr && value->has_string_value() ? value->string_value() : "";
}

double CountOf(const Value& value) {
  const double count = value.has_number_value() ? value.number_value() : 0;
  return std::isfinite(count) && count > 0 ? count : 0;
}

// `list` is the field with the areas, `name` what each of them calls itself by.
std::vector<RegionCounts> CountsOf(const Struct& object, const std::string& list,
                                   const std::string& name) {
  std::vector<RegionCounts> areas;
  const Value* field = Find(object, list);
  if (field == nullptr || !field->has_list_value()) return areas;
  for (const Value& item : field->list_value().values()) {
    if (!item.has_struct_value()) continue;
    RegionCounts area;
    area.area = WordOf(item.struct_value(), name);
    const double regions = NumberOf(item.struct_value(), "regions");
    area.regions = std::isfinite(regions) ? regions : 0;
    const Value* bins = Find(item.struct_value(), "bins");
    if (bins != nullptr && bins->has_list_value()) {
      for (const Value& bin : bins->list_value().values()) {
        if (area.bins.size() < kMaxBins) area.bins.push_back(CountOf(bin));
      }
    }
    if (!area.bins.empty()) areas.push_back(std::move(area));
  }
  return areas;
}

std::vector<LatencyBin> LatencyOf(const Struct& object, const std::string& name) {
  std::vector<LatencyBin> bins;
  const Value* field = Find(object, name);
  if (field == nullptr || !field->has_list_value()) return bins;
  for (const Value& pair : field->list_value().values()) {
    if (!pair.has_list_value() || pair.list_value().values_size() != 2) continue;
    const LatencyBin bin = {CountOf(pair.list_value().values(0)),
                            CountOf(pair.list_value().values(1))};
    if (bin.upper_us > 0 && bin.count > 0) bins.push_back(bin);
  }
  return bins;
}

IntervalLine IntervalOf(const Struct& object) {
  return {.run = NumberOf(object, "run"),
          .examples = NumberOf(object, "examples"),
          .steps = NumberOf(object, "steps"),
          .seconds = NumberOf(object, "seconds"),
          .loss = NumberOf(object, "loss"),
          .baseline = NumberOf(object, "baseline"),
          .accuracy = NumberOf(object, "accuracy"),
          .replay_loss = NumberOf(object, "replay_loss"),
          .renewed = NumberOf(object, "renewed"),
          .loss_name = WordOf(object, "loss_name"),
          .baseline_name = WordOf(object, "baseline_name"),
          .areas = CountsOf(object, "areas", "name")};
}

SummaryLine SummaryOf(const Struct& object) {
  SummaryLine summary;
  summary.run = NumberOf(object, "run");
  for (const auto& [name, value] : object.fields()) {
    if (value.has_number_value()) summary.numbers[name] = value.number_value();
    if (value.has_string_value()) summary.words[name] = value.string_value();
    // {"baseline": {"name": ..., "value": ...}}
    if (value.has_struct_value()) {
      summary.numbers[name] = NumberOf(value.struct_value(), "value");
      summary.words[name + "_name"] = WordOf(value.struct_value(), "name");
    }
  }
  summary.step_us = LatencyOf(object, "step_us_histogram");
  summary.learn_us = LatencyOf(object, "learn_us_histogram");
  summary.load = CountsOf(object, "load", "area");
  return summary;
}

// Whether the line is of the brain's health, not of a run.
bool AddHealth(const std::string& kind, const Struct& object, HistoryLines* history) {
  if (kind == "drift") {
    history->drifts.push_back(NumberOf(object, "step"));
    return true;
  }
  if (kind == "snapshot") return true;  // A rollback; the curve shows it.
  if (kind != "guard") return false;
  history->guard.push_back({.accepted = WordOf(object, "event") == "accepted",
                            .loss = NumberOf(object, "loss"),
                            .reference = NumberOf(object, "reference")});
  return true;
}

}  // namespace

double SummaryLine::Number(const std::string& name) const {
  const auto found = numbers.find(name);
  return found == numbers.end() ? kNothing : found->second;
}

std::string SummaryLine::Word(const std::string& name) const {
  const auto found = words.find(name);
  return found == words.end() ? "" : found->second;
}

double NewestRun(const HistoryLines& history) {
  double newest = 0;
  for (const IntervalLine& interval : history.intervals) newest = std::fmax(newest, interval.run);
  for (const SummaryLine& summary : history.summaries) newest = std::fmax(newest, summary.run);
  return newest;
}

bool BrokeOff(const HistoryLines& history) {
  const double ended = history.summaries.empty() ? 0 : history.summaries.back().run;
  return !history.intervals.empty() && history.intervals.back().run > ended;
}

HistoryLines ReadHistory(const std::vector<std::string>& lines) {
  HistoryLines history;
  // What a run told while it went on: its last words tell the same again, if it came to them.
  std::vector<IntervalLine> told;
  const auto begin_run = [&](double run) {
    if (!told.empty() && told.back().run != run) {
      history.intervals.insert(history.intervals.end(), told.begin(), told.end());
      told.clear();
    }
  };
  for (const std::string& line : lines) {
    Struct object;
    const bool parsed = google::protobuf::util::JsonStringToMessage(line, &object).ok();
    const std::string kind = parsed ? WordOf(object, "kind") : "";
    const bool progress = kind == "progress";
    if (AddHealth(kind, object, &history)) continue;
    if (!progress && kind != "interval" && kind != "summary") {
      ++history.unreadable;
      continue;
    }
    begin_run(NumberOf(object, "run"));
    if (!progress) told.clear();
    if (progress) told.push_back(IntervalOf(object));
    if (kind == "interval") history.intervals.push_back(IntervalOf(object));
    if (kind == "summary") history.summaries.push_back(SummaryOf(object));
  }
  begin_run(kNothing);
  return history;
}

}  // namespace gyrus
