// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/arrange.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr size_t kMaxClasses = 65536;
constexpr size_t kMaxRecords = size_t{1} << 28;

class LimitedInput final : public Input {
 public:
  LimitedInput(std::unique_ptr<Input> input, uint64_t limit)
      : input_(std::move(input)), limit_(limit), left_(limit) {}

  const Schema& schema() const override { return input_->schema(); }

  absl::StatusOr<bool> Next(Record* record) override {
    if (left_ == 0) return false;
    --left_;
    return input_->Next(record);
  }

  std::optional<uint64_t> size_hint() const override {
    return std::min(limit_, input_->size_hint().value_or(limit_));
  }

  absl::Status Seek(const Place& place) override { return input_->Seek(place); }

 private:
  std::unique_ptr<Input> input_;
  const uint64_t limit_;
  uint64_t left_;
};

class OrderedInput final : public Input {
 public:
  OrderedInput(std::unique_ptr<Input> input, std::vector<Place> places)
      : input_(std::move(input)), places_(std::move(places)) {}

  const Schema& schema() const override { return input_->schema(); }

  absl::StatusOr<bool> Next(Record* record) override {
    if (next_ == places_.size()) return false;
    GYRUS_RETURN_IF_ERROR(input_->Seek(places_[next_++]));
    return input_->Next(record);
  }

  std::optional<uint64_t> size_hint() const override { return places_.size(); }

 private:
  std::unique_ptr<Input> input_;
  const std::vector<Place> places_;
  size_t next_ = 0;
};

// The column that holds the class; 0 for images, where it is not used.
absl::StatusOr<int> FindTarget(const Schema& schema, const std::string& target) {
  if (schema.kind == Schema::Kind::kTable) {
    const std::optional<int> column = schema.Find(target);
    if (column.has_value()) return *column;
    return absl::InvalidArgumentError(
        absl::StrCat("class order needs the target column, there is no column \"", target, "\""));
  }
  if (schema.kind == Schema::Kind::kImages && schema.labelled) return 0;
  return absl::InvalidArgumentError(
      absl::StrCat("class order needs records with a class, found ",
                   schema.kind == Schema::Kind::kBytes ? "bytes" : "images without labels"));
}

// Numbers the classes in the order of their first record.
class ClassNames {
 public:
  absl::StatusOr<uint32_t> IdOf(absl::string_view name) {
    const auto found = ids_.find(name);
    if (found != ids_.end()) return found->second;
    if (names_.size() == kMaxClasses) {
      return absl::ResourceExhaustedError(
          absl::StrCat("class order takes at most ", kMaxClasses, " classes, found more"));
    }
    names_.emplace_back(name);
    return ids_.emplace(name, static_cast<uint32_t>(names_.size() - 1)).first->second;
  }

  // ranks[id] is the place of that class in the final order.
  std::vector<uint32_t> Ranks() const {
    std::vector<double> numbers(names_.size());
    bool numeric = true;
    for (size_t i = 0; i < names_.size(); ++i) {
      // An empty name stands for a missing class and says nothing about the others.
      if (!names_[i].empty()) numeric = numeric && absl::SimpleAtod(names_[i], &numbers[i]);
    }
    std::vector<uint32_t> order(names_.size());
    for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      if (names_[a].empty() != names_[b].empty()) return names_[b].empty();
      if (numeric && numbers[a] != numbers[b]) return numbers[a] < numbers[b];
      return names_[a] < names_[b];
    });
    std::vector<uint32_t> ranks(names_.size());
    for (uint32_t i = 0; i < order.size(); ++i) ranks[order[i]] = i;
    return ranks;
  }

 private:
  absl::flat_hash_map<std::string, uint32_t> ids_;
  std::vector<std::string> names_;
};

struct Entry {
  Place place;
  uint32_t id = 0;
};

absl::StatusOr<std::vector<Entry>> ReadClasses(Input* input, int target, uint64_t limit,
                                               ClassNames* names) {
  std::vector<Entry> entries;
  Record record;
  std::string label;
  while (entries.size() < limit) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, input->Next(&record));
    if (!more) break;
    if (entries.size() == kMaxRecords) {
      return absl::ResourceExhaustedError(
          absl::StrCat("class order takes at most ", kMaxRecords, " records, found more"));
    }
    absl::string_view name;
    if (record.label.has_value()) {
      label = absl::StrCat(*record.label);
      name = label;
    } else if (input->schema().kind == Schema::Kind::kTable && !record.fields[target].missing) {
      name = record.fields[target].text;
    }
    GYRUS_ASSIGN_OR_RETURN(const uint32_t id, names->IdOf(name));
    entries.push_back({.place = record.place, .id = id});
  }
  return entries;
}

}  // namespace

std::unique_ptr<Input> LimitRecords(std::unique_ptr<Input> input, uint64_t limit) {
  return std::make_unique<LimitedInput>(std::move(input), limit);
}

absl::StatusOr<std::unique_ptr<Input>> OrderByClass(std::unique_ptr<Input> input,
                                                    const ClassOrder& order) {
  GYRUS_ASSIGN_OR_RETURN(const int target, FindTarget(input->schema(), order.target));
  ClassNames names;
  GYRUS_ASSIGN_OR_RETURN(std::vector<Entry> entries,
                         ReadClasses(input.get(), target, order.limit, &names));
  // Tells a pipe now rather than at the first record.
  if (!entries.empty()) GYRUS_RETURN_IF_ERROR(input->Seek(entries.front().place));
  const std::vector<uint32_t> ranks = names.Ranks();
  std::stable_sort(entries.begin(), entries.end(),
                   [&](const Entry& a, const Entry& b) { return ranks[a.id] < ranks[b.id]; });
  std::vector<Place> places;
  places.reserve(entries.size());
  for (const Entry& entry : entries) places.push_back(entry.place);
  return std::make_unique<OrderedInput>(std::move(input), std::move(places));
}

}  // namespace gyrus
