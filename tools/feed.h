// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "activation/brain_spec.h"
#include "activation/observation.h"
#include "runtime/binding.h"
#include "tools/inputs/record.h"
#include "tools/score.h"

namespace gyrus {

// What a bound brain is asked.
Task TaskOf(const BrainSpec& spec);

// What an input's first records say of it, for Bind and CheckSchema. `target` is a column or "".
InputSchema DescribeInput(const Schema& schema, std::span<const Record> first,
                          absl::string_view target);

// Turns the records of one input into what a bound brain senses and should have said. Columns are
// found by name: they may come in any order.
//
// Neither copyable nor movable: what it gives out points into it. Thread-compatible.
class Feed {
 public:
  // `spec` must outlive the feed and have passed CheckSchema with this input. With `learns`, names
  // of classes and categories that are new are added to its schema, else not.
  static absl::StatusOr<std::unique_ptr<Feed>> Create(BrainSpec* spec, const Schema& input,
                                                      bool learns);

  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // Takes in a record. Returns ResourceExhausted for a class that the brain has no room for.
  absl::Status Read(const Record& record);

  // Of the record just read, valid until the next one.
  const Observation& observation() const { return observation_; }

  // Whether it says its own target; never for streams that are their own teacher.
  bool labelled() const { return labelled_; }
  const Target& target() const { return target_; }

  // The modality that teaches a stream that is its own teacher.
  const Value& taught() const { return values_[taught_]; }

  // Whether the record just read added names to the schema.
  bool schema_grew() const { return grew_; }

  // A class that a brain that does not learn has never seen.
  static constexpr uint32_t kUnknownClass = UINT32_MAX;

 private:
  struct Category {
    std::size_t modality = 0;
    std::size_t field = 0;
    ColumnSpec* column = nullptr;
    uint32_t size = 0;
  };

  Feed(BrainSpec* spec, bool learns);

  absl::Status FindColumns(const Schema& input);
  void ReadReals(const Record& record);
  void ReadCategory(const Category& category, const Field& field);
  absl::Status ReadTarget(const Record& record);
  absl::Status ReadClass(absl::string_view name);
  absl::Status ReadImageClass(int label);

  BrainSpec* spec_;
  bool learns_;
  Task task_;
  std::vector<Value> values_;
  Observation observation_;
  std::optional<std::size_t> bytes_;  // Modalities.
  std::optional<std::size_t> image_;
  std::optional<std::size_t> reals_;
  std::size_t taught_ = 0;
  std::vector<std::size_t> real_fields_;
  std::vector<float> row_;
  std::vector<Category> categories_;
  std::optional<std::size_t> target_field_;
  std::array<uint32_t, 256> image_classes_;  // By label; kUnknownClass: not looked up.
  bool labelled_ = false;
  Target target_;
  float real_target_ = 0;
  bool grew_ = false;
};

}  // namespace gyrus
