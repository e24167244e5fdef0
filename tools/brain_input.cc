// SPDX-License-Identifier: Apache-2.0
#include "tools/brain_input.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "tools/feed.h"
#include "tools/inputs/arrange.h"

namespace gyrus {
namespace {

constexpr int kPeekedRows = 1000;

bool HasKind(const BrainSpec& spec, ModalityKind kind) {
  return std::any_of(spec.modalities.begin(), spec.modalities.end(),
                     [kind](const ModalitySpec& modality) { return modality.kind == kind; });
}

bool LearnsBytes(const BrainSpec& spec) {
  return !HasKind(spec, ModalityKind::kImage) && !HasKind(spec, ModalityKind::kReals) &&
         spec.schema.columns.empty() &&
         std::none_of(spec.modalities.begin(), spec.modalities.end(),
                      [](const ModalitySpec& modality) { return modality.size == 0; });
}

// A brain of text reads any file as bytes; standard input is what the brain learns from; all else
// says itself what it is.
std::optional<Schema::Kind> KindFor(const BrainSpec& spec, const std::string& path) {
  if (LearnsBytes(spec)) return path == "proc" ? std::nullopt : std::optional(Schema::Kind::kBytes);
  if (path == "-" && !HasKind(spec, ModalityKind::kImage)) return Schema::Kind::kTable;
  return std::nullopt;
}

std::vector<Schema::Column> KnownColumns(const SchemaSpec& schema) {
  std::vector<Schema::Column> known;
  for (const ColumnSpec& column : schema.columns) {
    const bool category = column.type == ColumnType::kCategory;
    known.push_back({column.name, category ? Schema::Type::kCategory : Schema::Type::kReal});
  }
  return known;
}

// The input's description, checked against what the brain is bound to.
absl::StatusOr<InputSchema> Describe(const BrainSpec& spec, const std::string& path,
                                     const Schema& schema, std::span<const Record> first,
                                     const std::string& target) {
  if (schema.kind != Schema::Kind::kTable && !target.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is no table, so it has no target column \"", target, "\""));
  }
  InputSchema described = DescribeInput(schema, first, target);
  if (!IsBound(spec)) return described;
  if (const absl::Status status = CheckSchema(spec, described); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
  }
  return described;
}

}  // namespace

PeekedInput::PeekedInput(std::unique_ptr<Input> input, int records) : input_(std::move(input)) {
  Record record;
  for (int i = 0; i < records; ++i) {
    const absl::StatusOr<bool> more = input_->Next(&record);
    status_ = more.status();
    if (!more.ok() || !*more) return;
    Kept& kept = kept_.emplace_back();
    kept.record = record;
    kept.texts.reserve(record.fields.size());
    for (Field& field : kept.record.fields) {
      field.text = kept.texts.emplace_back(field.text);
    }
  }
}

std::vector<Record> PeekedInput::first() const {
  std::vector<Record> records;
  for (const Kept& kept : kept_) records.push_back(kept.record);
  return records;
}

absl::StatusOr<bool> PeekedInput::Next(Record* record) {
  if (!kept_.empty()) {
    current_ = std::move(kept_.front());
    kept_.pop_front();
    // Short strings moved: their fields follow.
    for (std::size_t f = 0; f < current_.texts.size(); ++f) {
      current_.record.fields[f].text = current_.texts[f];
    }
    *record = current_.record;
    return true;
  }
  GYRUS_RETURN_IF_ERROR(status_);
  return input_->Next(record);
}

absl::StatusOr<BrainInput> OpenBrainInput(const BrainSpec& spec, const std::string& path,
                                          const BrainInputOptions& options) {
  InputOptions input_options = options.input;
  input_options.kind = KindFor(spec, path);
  input_options.known = KnownColumns(spec.schema);
  GYRUS_ASSIGN_OR_RETURN(std::unique_ptr<Input> input, OpenInput(path, input_options));
  const Schema schema = input->schema();
  std::string target = options.target;
  if (target.empty() && schema.Find(spec.schema.target).has_value()) target = spec.schema.target;
  if (options.by_class) {
    GYRUS_ASSIGN_OR_RETURN(
        input, OrderByClass(std::move(input), {.target = target, .limit = options.limit}));
  }
  if (schema.kind == Schema::Kind::kTable && path != "proc") {
    auto peeked = std::make_unique<PeekedInput>(std::move(input), kPeekedRows);
    GYRUS_ASSIGN_OR_RETURN(InputSchema described,
                           Describe(spec, path, schema, peeked->first(), target));
    return BrainInput{std::move(peeked), std::move(described)};
  }
  if (path == "proc") {
    // Rates are missing in the first record of live sensors.
    Record skipped;
    GYRUS_RETURN_IF_ERROR(input->Next(&skipped).status());
  }
  GYRUS_ASSIGN_OR_RETURN(InputSchema described, Describe(spec, path, schema, {}, target));
  return BrainInput{std::move(input), std::move(described)};
}

}  // namespace gyrus
