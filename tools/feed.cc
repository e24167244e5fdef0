// SPDX-License-Identifier: Apache-2.0
#include "tools/feed.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr std::size_t kMaxListed = 257;  // One more than a column may list.

void AddCategory(absl::string_view name, ColumnSpec* column) {
  auto& names = column->categories;
  if (names.size() >= kMaxListed || std::find(names.begin(), names.end(), name) != names.end()) {
    return;
  }
  names.emplace_back(name);
}

}  // namespace

Task TaskOf(const BrainSpec& spec) {
  const bool reals = spec.heads[0].classes == 0;
  if (spec.target_next > 0) return reals ? Task::kNextReals : Task::kNextSymbol;
  return reals ? Task::kReal : Task::kClass;
}

InputSchema DescribeInput(const Schema& schema, std::span<const Record> first,
                          absl::string_view target) {
  InputSchema input;
  switch (schema.kind) {
    case Schema::Kind::kBytes:
      input.kind = InputSchema::Kind::kBytes;
      return input;
    case Schema::Kind::kImages:
      input.kind = InputSchema::Kind::kImages;
      input.image_rows = static_cast<uint32_t>(schema.height);
      input.image_columns = static_cast<uint32_t>(schema.width);
      return input;
    case Schema::Kind::kTable:
      break;
  }
  input.kind = InputSchema::Kind::kTable;
  input.target = std::string(target);
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    ColumnSpec column = {.name = schema.columns[c].name};
    const bool is_target = column.name == target;
    if (schema.columns[c].type == Schema::Type::kCategory) column.type = ColumnType::kCategory;
    for (const Record& record : first) {
      const Field& field = record.fields[c];
      if (field.missing) {
        input.missing |= column.type == ColumnType::kReal && !is_target;
      } else if (column.type == ColumnType::kCategory || is_target) {  // Numbers may be classes.
        AddCategory(field.text, &column);
      }
    }
    input.columns.push_back(std::move(column));
  }
  return input;
}

Feed::Feed(BrainSpec* spec, bool learns)
    : spec_(spec), learns_(learns), task_(TaskOf(*spec)), values_(spec->modalities.size()) {
  observation_.values = values_;
  image_classes_.fill(kUnknownClass);
}

absl::StatusOr<std::unique_ptr<Feed>> Feed::Create(BrainSpec* spec, const Schema& input,
                                                   bool learns) {
  std::unique_ptr<Feed> feed(new Feed(spec, learns));
  for (std::size_t m = 0; m < spec->modalities.size(); ++m) {
    const ModalitySpec& modality = spec->modalities[m];
    if (modality.name == spec->last_target_modality) continue;  // The session's to fill in.
    if (modality.name == spec->target_modality) feed->taught_ = m;
    if (modality.kind == ModalityKind::kImage) feed->image_ = m;
    if (modality.kind == ModalityKind::kReals) feed->reals_ = m;
    if (modality.kind == ModalityKind::kSymbol && input.kind == Schema::Kind::kBytes) {
      feed->bytes_ = m;
      if (modality.size < 256) {
        return absl::InvalidArgumentError(absl::StrCat("modality \"", modality.name, "\" has ",
                                                       modality.size, " symbols; bytes need 256"));
      }
    }
  }
  if (input.kind == Schema::Kind::kTable) GYRUS_RETURN_IF_ERROR(feed->FindColumns(input));
  return feed;
}

absl::Status Feed::FindColumns(const Schema& input) {
  SchemaSpec& schema = spec_->schema;
  for (ColumnSpec& column : schema.columns) {
    const std::optional<int> found = input.Find(column.name);
    if (column.name == schema.target) {
      if (found.has_value()) target_field_ = static_cast<std::size_t>(*found);
      continue;
    }
    if (!found.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("column \"", column.name, "\" is missing"));
    }
    const auto field = static_cast<std::size_t>(*found);
    if (column.type == ColumnType::kReal) {
      real_fields_.push_back(field);
      continue;
    }
    const std::string name = ColumnModality(column.name);
    for (std::size_t m = 0; m < spec_->modalities.size(); ++m) {
      if (spec_->modalities[m].name == name) {
        categories_.push_back({m, field, &column, spec_->modalities[m].size});
      }
    }
  }
  // A table without numbers has one that is always missing.
  if (reals_.has_value()) {
    const uint32_t size = spec_->modalities[*reals_].size;
    if (real_fields_.size() > size) {
      return absl::InvalidArgumentError(absl::StrCat("modality \"", spec_->modalities[*reals_].name,
                                                     "\" has ", size, " numbers, the table has ",
                                                     real_fields_.size()));
    }
    const bool held = task_ == Task::kNextReals;
    row_.assign(size, held ? 0.0F : std::numeric_limits<float>::quiet_NaN());
  }
  return absl::OkStatus();
}

absl::Status Feed::Read(const Record& record) {
  grew_ = false;
  observation_.time = std::chrono::nanoseconds(record.time_ns);
  labelled_ = false;
  if (bytes_.has_value()) {
    values_[*bytes_] = {.present = true, .symbol = record.symbol};
    return absl::OkStatus();
  }
  if (image_.has_value()) {
    values_[*image_] = {.present = true, .pixels = record.pixels};
    return record.label.has_value() ? ReadImageClass(*record.label) : absl::OkStatus();
  }
  if (reals_.has_value()) ReadReals(record);
  for (const Category& category : categories_) {
    ReadCategory(category, record.fields[category.field]);
  }
  return ReadTarget(record);
}

// A stream of reals that is its own teacher holds the last known value where one is missing: a
// target must be finite.
void Feed::ReadReals(const Record& record) {
  for (std::size_t i = 0; i < real_fields_.size(); ++i) {
    const Field& field = record.fields[real_fields_[i]];
    if (!field.missing) {
      row_[i] = static_cast<float>(field.value);
    } else if (task_ != Task::kNextReals) {
      row_[i] = std::numeric_limits<float>::quiet_NaN();
    }
  }
  values_[*reals_] = {.present = true, .reals = row_};
}

void Feed::ReadCategory(const Category& category, const Field& field) {
  Value& value = values_[category.modality];
  value.present = !field.missing;
  if (field.missing) return;
  if (learns_) {
    const std::size_t known = category.column->categories.size();
    value.symbol = CategoryId(field.text, category.size, category.column);
    grew_ |= category.column->categories.size() != known;
    return;
  }
  // Without learning a new name stays out of the schema: it counts as missing.
  const auto& names = category.column->categories;
  if (category.column->hashed) {
    value.symbol = CategoryId(field.text, category.size, category.column);
  } else {
    const auto found = std::find(names.begin(), names.end(), field.text);
    value.present = found != names.end();
    value.symbol = value.present ? static_cast<uint32_t>(found - names.begin()) : 0;
  }
}

absl::Status Feed::ReadTarget(const Record& record) {
  if (!target_field_.has_value()) return absl::OkStatus();
  const Field& field = record.fields[*target_field_];
  if (field.missing) return absl::OkStatus();
  if (task_ == Task::kClass) return ReadClass(field.text);
  if (task_ == Task::kReal) {
    real_target_ = static_cast<float>(field.value);
    target_.reals = {&real_target_, 1};
    labelled_ = true;
  }
  return absl::OkStatus();
}

absl::Status Feed::ReadClass(absl::string_view name) {
  labelled_ = true;
  if (!learns_) {
    target_.symbol = FindClass(name, spec_->schema).value_or(kUnknownClass);
    return absl::OkStatus();
  }
  const std::size_t known = spec_->schema.class_names.size();
  GYRUS_ASSIGN_OR_RETURN(target_.symbol, ClassId(name, spec_->heads[0].classes, &spec_->schema));
  grew_ |= spec_->schema.class_names.size() != known;
  return absl::OkStatus();
}

absl::Status Feed::ReadImageClass(int label) {
  uint32_t& known = image_classes_[static_cast<std::size_t>(label)];
  if (known == kUnknownClass) {
    GYRUS_RETURN_IF_ERROR(ReadClass(absl::StrCat(label)));
    known = target_.symbol;
  }
  target_.symbol = known;
  labelled_ = true;
  return absl::OkStatus();
}

}  // namespace gyrus
