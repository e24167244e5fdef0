// SPDX-License-Identifier: Apache-2.0
#include "runtime/binding.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status_macros.h"
#include "runtime/nearest.h"
#include "runtime/text_hash.h"

namespace gyrus {
namespace {

using Kind = InputSchema::Kind;

bool IsOpen(const ModalitySpec& modality) {
  return modality.kind == ModalityKind::kImage ? modality.rows == 0 || modality.columns == 0
                                               : modality.size == 0;
}

bool IsOpen(const HeadSpec& head) { return head.classes == 0 && head.outputs == 0; }

absl::string_view Name(Kind kind) {
  switch (kind) {
    case Kind::kBytes:
      return "bytes";
    case Kind::kTable:
      return "a table";
    case Kind::kImages:
      return "images";
  }
  return "";
}

absl::string_view Name(ColumnType type) {
  return type == ColumnType::kReal ? "a number" : "a category";
}

const ModalitySpec* FindModality(const BrainSpec& spec, ModalityKind kind) {
  const auto found = std::find_if(spec.modalities.begin(), spec.modalities.end(),
                                  [kind](const ModalitySpec& m) { return m.kind == kind; });
  return found == spec.modalities.end() ? nullptr : &*found;
}

// What a brain learns from: what it senses says it.
Kind KindOf(const BrainSpec& spec) {
  if (FindModality(spec, ModalityKind::kImage) != nullptr) return Kind::kImages;
  const bool open = std::any_of(spec.modalities.begin(), spec.modalities.end(),
                                [](const ModalitySpec& m) { return IsOpen(m); });
  const bool table =
      FindModality(spec, ModalityKind::kReals) != nullptr || open || !spec.schema.columns.empty();
  return table ? Kind::kTable : Kind::kBytes;
}

absl::Status CheckKind(const BrainSpec& spec, const InputSchema& input) {
  if (KindOf(spec) == input.kind) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("brain \"", spec.name, "\" learns from ",
                                                 Name(KindOf(spec)), "; this input is ",
                                                 Name(input.kind)));
}

const ColumnSpec* FindColumn(const std::vector<ColumnSpec>& columns, absl::string_view name) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [name](const ColumnSpec& c) { return c.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

// In the input's order.
std::string Names(const std::vector<ColumnSpec>& columns) {
  return absl::StrJoin(columns, ", ", [](std::string* out, const ColumnSpec& column) {
    absl::StrAppend(out, column.name);
  });
}

absl::Status NoColumn(absl::string_view what, absl::string_view name,
                      const std::vector<ColumnSpec>& columns) {
  std::vector<std::string> names;
  for (const ColumnSpec& column : columns) names.push_back(column.name);
  return absl::InvalidArgumentError(absl::StrCat(what, " \"", name, "\" is not there",
                                                 DidYouMean(name, names),
                                                 " (columns: ", Names(columns), ")"));
}

// What to do where a class too many is a number.
absl::string_view NumberHint(absl::string_view name) {
  double number = 0;
  return absl::SimpleAtod(name, &number) ? "; a number is predicted by a brain of --preset series"
                                         : "";
}

// Whether the first head predicts a class of a table's row, and not numbers.
bool PredictsClass(const BrainSpec& spec) {
  if (spec.heads.empty()) return false;
  const HeadSpec& head = spec.heads[0];
  if (!IsOpen(head)) return head.classes > 0;
  return std::holds_alternative<MixingHeadSpec>(head.kind) ||
         std::holds_alternative<SoftmaxHeadSpec>(head.kind);
}

absl::Status CheckColumns(const BrainSpec& spec, const InputSchema& input) {
  std::set<std::string> names;
  for (const ColumnSpec& column : input.columns) {
    if (column.name.empty()) return absl::InvalidArgumentError("a column has no name");
    if (!names.insert(column.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("two columns have the name \"", column.name, "\""));
    }
  }
  if (input.target.empty()) {
    if (!PredictsClass(spec) || spec.target_next > 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("brain \"", spec.name, "\" predicts the class of a row: name its ",
                     "target with --target COLUMN (columns: ", Names(input.columns), ")"));
  }
  const ColumnSpec* const target = FindColumn(input.columns, input.target);
  if (target == nullptr) return NoColumn("target column", input.target, input.columns);
  if (!PredictsClass(spec) && target->type != ColumnType::kReal) {
    return absl::InvalidArgumentError(absl::StrCat(
        "brain \"", spec.name, "\" predicts numbers; target column \"", target->name, "\" is ",
        Name(target->type), "; a class is predicted by a brain of ", "--preset table"));
  }
  return absl::OkStatus();
}

// Puts `names` where `inputs` has `open`.
void Expand(const std::string& open, const std::vector<std::string>& names,
            std::vector<std::string>* inputs) {
  const auto at = std::find(inputs->begin(), inputs->end(), open);
  if (at == inputs->end()) return;
  inputs->insert(inputs->erase(at), names.begin(), names.end());
}

void ExpandEverywhere(const std::string& open, const std::vector<std::string>& names,
                      BrainSpec* spec) {
  for (AreaSpec& area : spec->areas) Expand(open, names, &area.inputs);
  for (HeadSpec& head : spec->heads) {
    if (auto* const ridge = std::get_if<RidgeHeadSpec>(&head.kind)) {
      Expand(open, names, &ridge->inputs);
    }
    if (auto* const kalman = std::get_if<KalmanHeadSpec>(&head.kind)) {
      Expand(open, names, &kalman->inputs);
    }
    auto* const mixing = std::get_if<MixingHeadSpec>(&head.kind);
    if (mixing == nullptr) continue;
    for (ExpertSpec& expert : mixing->experts) {
      auto* const readout = std::get_if<ReadoutExpertSpec>(&expert.kind);
      if (readout != nullptr) Expand(open, names, &readout->inputs);
    }
  }
}

// How many categories a column gets room for: twice those seen, so that later ones find some.
uint32_t Room(const ColumnSpec& column, uint32_t max_categories) {
  if (column.hashed) return max_categories;
  const uint32_t seen = static_cast<uint32_t>(column.categories.size());
  return std::clamp(2 * seen, std::min(8U, max_categories), max_categories);
}

// Replaces an open symbol modality and its encoders by one of each column of categories.
void BindCategories(const std::string& open, const BindOptions& options, BrainSpec* spec) {
  std::vector<ModalitySpec> modalities;
  for (const ColumnSpec& column : spec->schema.columns) {
    if (column.type != ColumnType::kCategory || column.name == spec->schema.target) continue;
    modalities.push_back({.name = ColumnModality(column.name),
                          .kind = ModalityKind::kSymbol,
                          .size = Room(column, options.max_categories)});
  }
  std::vector<EncoderSpec> encoders;
  for (const EncoderSpec& encoder : spec->encoders) {
    if (encoder.modality != open) {
      encoders.push_back(encoder);
      continue;
    }
    std::vector<std::string> names;
    for (const ModalitySpec& modality : modalities) {
      // The first encoder of a column has its name; another says which it is.
      const std::string name =
          encoder.name == open ? modality.name : absl::StrCat(encoder.name, "_", modality.name);
      encoders.push_back({.name = name, .modality = modality.name, .kind = encoder.kind});
      names.push_back(name);
    }
    ExpandEverywhere(encoder.name, names, spec);
  }
  spec->encoders = std::move(encoders);
  const auto at = std::find_if(spec->modalities.begin(), spec->modalities.end(),
                               [&](const ModalitySpec& m) { return m.name == open; });
  spec->modalities.insert(spec->modalities.erase(at), modalities.begin(), modalities.end());
}

// The columns as the brain will know them.
void BindSchema(const InputSchema& input, const BindOptions& options, BrainSpec* spec) {
  spec->schema.target = input.target;
  spec->schema.columns = input.columns;
  for (ColumnSpec& column : spec->schema.columns) {
    if (column.name == input.target && PredictsClass(*spec)) {
      column.type = ColumnType::kCategory;
      spec->schema.class_names = std::move(column.categories);
      column.categories.clear();
    } else if (column.type == ColumnType::kReal) {
      column.categories.clear();  // The target's numbers, in case they were classes.
    } else if (column.categories.size() > options.max_categories) {
      column.hashed = true;
      column.categories.clear();
    }
  }
}

// The target is the row `row` to come: the last one known is the row itself.
void BindFuture(const std::string& row, BrainSpec* spec) {
  spec->target_next = 1;
  spec->target_modality = row;
  const std::string last = std::exchange(spec->last_target_modality, "");
  std::vector<EncoderSpec> encoders;
  for (const EncoderSpec& encoder : spec->encoders) {
    const bool of_last = encoder.modality == last;
    if (of_last && !std::holds_alternative<HeldEncoderSpec>(encoder.kind)) {
      ExpandEverywhere(encoder.name, {}, spec);
      continue;
    }
    encoders.push_back(encoder);
    if (of_last) encoders.back().modality = row;
  }
  spec->encoders = std::move(encoders);
  std::erase_if(spec->modalities, [&](const ModalitySpec& m) { return m.name == last; });
}

uint32_t CountReals(const std::vector<ColumnSpec>& columns, absl::string_view target) {
  return static_cast<uint32_t>(
      std::count_if(columns.begin(), columns.end(), [target](const ColumnSpec& column) {
        return column.type == ColumnType::kReal && column.name != target;
      }));
}

absl::Status BindTable(const InputSchema& input, const BindOptions& options, BrainSpec* spec) {
  GYRUS_RETURN_IF_ERROR(CheckColumns(*spec, input));
  BindSchema(input, options, spec);
  const uint32_t reals = std::max(1U, CountReals(input.columns, input.target));
  std::vector<std::string> open_categories;
  for (ModalitySpec& modality : spec->modalities) {
    if (!IsOpen(modality)) continue;
    if (modality.kind == ModalityKind::kReals) {
      modality.size = modality.name == spec->last_target_modality ? 1 : reals;
    } else if (modality.name != spec->last_target_modality) {
      open_categories.push_back(modality.name);
    }
  }
  for (const std::string& open : open_categories) BindCategories(open, options, spec);
  for (EncoderSpec& encoder : spec->encoders) {
    auto* const kind = std::get_if<RealsEncoderSpec>(&encoder.kind);
    if (kind != nullptr && kind->values && input.missing) kind->missing_indicators = true;
  }
  const bool from_future = input.target.empty() && !PredictsClass(*spec);
  for (HeadSpec& head : spec->heads) {
    if (!IsOpen(head) || PredictsClass(*spec)) continue;
    head.outputs = from_future ? reals : 1;
  }
  if (from_future && spec->target_next == 0) {
    const ModalitySpec* const row = FindModality(*spec, ModalityKind::kReals);
    if (row == nullptr) return absl::InvalidArgumentError("a target column is needed");
    BindFuture(std::string(row->name), spec);
  }
  return absl::OkStatus();
}

}  // namespace

InputSchema SmallestInput(const BrainSpec& open) {
  constexpr uint32_t kSide = 28;  // Room for any patch and its grid.
  InputSchema input = {.kind = KindOf(open), .image_rows = kSide, .image_columns = kSide};
  if (input.kind != Kind::kTable) return input;
  input.columns = {{.name = "x", .type = ColumnType::kReal}};
  input.target = "y";
  const bool classes = PredictsClass(open);
  input.columns.push_back(
      {.name = "y", .type = classes ? ColumnType::kCategory : ColumnType::kReal});
  if (classes) input.columns.back().categories = {"a", "b"};
  return input;
}

bool IsBound(const BrainSpec& spec) {
  return std::none_of(spec.modalities.begin(), spec.modalities.end(),
                      [](const ModalitySpec& modality) { return IsOpen(modality); }) &&
         std::none_of(spec.heads.begin(), spec.heads.end(),
                      [](const HeadSpec& head) { return IsOpen(head); });
}

absl::StatusOr<BrainSpec> Bind(const BrainSpec& open, const InputSchema& input,
                               const BindOptions& options) {
  if (IsBound(open)) return absl::FailedPreconditionError("this brain is bound already");
  if (options.max_categories < 2 || options.max_categories > 256) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_categories must be in [2, 256], got ", options.max_categories));
  }
  if (options.max_classes < 2 || options.max_classes > 256) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_classes must be in [2, 256], got ", options.max_classes));
  }
  GYRUS_RETURN_IF_ERROR(CheckKind(open, input));
  BrainSpec spec = open;
  if (input.kind == Kind::kTable) GYRUS_RETURN_IF_ERROR(BindTable(input, options, &spec));
  for (HeadSpec& head : spec.heads) {
    if (!IsOpen(head)) continue;
    head.classes = input.classes > 0 ? std::clamp(input.classes, 2U, options.max_classes)
                                     : options.max_classes;
  }
  if (!spec.heads.empty() && spec.schema.class_names.size() > spec.heads[0].classes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "target column \"", spec.schema.target, "\" has at least ", spec.schema.class_names.size(),
        " classes, and there is room for ", spec.heads[0].classes, ": set classes of head \"",
        spec.heads[0].name, "\", at most 256", NumberHint(spec.schema.class_names.back())));
  }
  for (ModalitySpec& modality : spec.modalities) {
    if (!IsOpen(modality)) continue;
    if (modality.kind == ModalityKind::kImage) {
      modality.rows = input.image_rows;
      modality.columns = input.image_columns;
    } else if (modality.name == spec.last_target_modality && !spec.heads.empty()) {
      modality.size = spec.heads[0].classes;
    }
  }
  if (!IsBound(spec)) {
    return absl::InvalidArgumentError(
        absl::StrCat("brain \"", spec.name, "\" leaves open what ", Name(input.kind),
                     input.kind == Kind::kTable ? " does" : " do", " not say"));
  }
  return spec;
}

absl::Status CheckSchema(const BrainSpec& bound, const InputSchema& input) {
  GYRUS_RETURN_IF_ERROR(CheckKind(bound, input));
  if (input.kind == Kind::kImages) {
    const ModalitySpec& eye = *FindModality(bound, ModalityKind::kImage);
    if (eye.rows == input.image_rows && eye.columns == input.image_columns) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("expected images of ", eye.rows, " x ",
                                                   eye.columns, " pixels, got ", input.image_rows,
                                                   " x ", input.image_columns));
  }
  if (input.kind == Kind::kBytes) return absl::OkStatus();
  const SchemaSpec& schema = bound.schema;
  if (!input.target.empty() && schema.target.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "brain \"", bound.name, "\" was bound without a target: it takes no --target, ", "got \"",
        input.target, "\""));
  }
  if (!input.target.empty() && input.target != schema.target) {
    return absl::InvalidArgumentError(
        absl::StrCat("the target is column \"", schema.target, "\", got \"", input.target, "\""));
  }
  for (const ColumnSpec& column : schema.columns) {
    const ColumnSpec* const found = FindColumn(input.columns, column.name);
    const bool is_target = column.name == schema.target;
    if (found == nullptr) {
      if (is_target) continue;
      return NoColumn("column", column.name, input.columns);
    }
    if (found->type != column.type && !(is_target && PredictsClass(bound))) {
      return absl::InvalidArgumentError(absl::StrCat(
          "column \"", column.name, "\" was ", Name(column.type), ", got ", Name(found->type)));
    }
  }
  for (const ColumnSpec& column : input.columns) {
    if (FindColumn(schema.columns, column.name) != nullptr) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "column \"", column.name, "\" is not one that brain \"", bound.name, "\" was bound to"));
  }
  return absl::OkStatus();
}

std::string ColumnModality(absl::string_view column) { return absl::StrCat("column_", column); }

std::optional<uint32_t> FindClass(absl::string_view name, const SchemaSpec& schema) {
  const auto& names = schema.class_names;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<uint32_t>(found - names.begin());
}

absl::StatusOr<uint32_t> ClassId(absl::string_view name, uint32_t classes, SchemaSpec* schema) {
  if (const std::optional<uint32_t> known = FindClass(name, *schema)) return *known;
  if (schema->class_names.size() >= classes) {
    return absl::ResourceExhaustedError(absl::StrCat("class \"", name, "\" is one more than the ",
                                                     classes, " that this brain has room for",
                                                     NumberHint(name)));
  }
  schema->class_names.emplace_back(name);
  return static_cast<uint32_t>(schema->class_names.size() - 1);
}

uint32_t CategoryId(absl::string_view name, uint32_t size, ColumnSpec* column) {
  if (!column->hashed) {
    auto& names = column->categories;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found != names.end()) return static_cast<uint32_t>(found - names.begin());
    if (names.size() < size) {
      names.emplace_back(name);
      return static_cast<uint32_t>(names.size() - 1);
    }
  }
  return static_cast<uint32_t>(TextHash(name) % size);
}

}  // namespace gyrus
