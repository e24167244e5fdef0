// SPDX-License-Identifier: Apache-2.0
#include "activation/replay_tables.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kMostItems = 65536;
constexpr uint32_t kMostPerStep = 16;
constexpr uint32_t kMostRivals = 1U << 20;
constexpr float kMostDark = 100.0F;

absl::Status CheckNumbers(const ReplaySpec& replay) {
  if (replay.items > kMostItems) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.items must be in [0, ", kMostItems, "], got ", replay.items));
  }
  if (replay.per_step < 1 || replay.per_step > kMostPerStep) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.per_step must be in [1, ", kMostPerStep, "], got ", replay.per_step));
  }
  if (replay.rivals > kMostRivals) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.rivals must be in [0, ", kMostRivals, "], got ", replay.rivals));
  }
  if (!(replay.dark >= 0.0F && replay.dark <= kMostDark)) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay.dark must be in [0, ", kMostDark, "], got ", replay.dark));
  }
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> AddScales(uint32_t reals, PlanBuilder* builder) {
  const auto floats = [&](const char* name) {
    return TensorSpec{.name = name, .columns = reals, .merge = Merge::kNever};
  };
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout layout,
      BlockLayout::Create({floats("count"),
                           floats("mean"),
                           floats("deviation"),
                           {.name = "settled", .type = ElementType::kU32, .merge = Merge::kNever}},
                          TensorReader::kLearner));
  return builder->AddTable("replay.scales", std::move(layout), 1, 1);
}

}  // namespace

bool LearnsByGradients(const AreaSpec& area) {
  return !std::holds_alternative<ExpansionCellSpec>(area.cell) &&
         !std::holds_alternative<SubsetCellSpec>(area.cell);
}

absl::Status CheckReplay(const BrainSpec& spec) {
  GYRUS_RETURN_IF_ERROR(CheckNumbers(spec.replay));
  if (spec.replay.items == 0) return absl::OkStatus();
  for (const AreaSpec& area : spec.areas) {
    const bool routes = std::holds_alternative<LearnedRouterSpec>(area.router);
    if ((LearnsByGradients(area) || routes) && area.learning.chunk != 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("area \"", area.name, "\".learning.chunk must be 1 beside replay, got ",
                       area.learning.chunk, ": a stored sample has no step before it"));
    }
    if (std::holds_alternative<McsdCellSpec>(area.cell)) {
      return absl::InvalidArgumentError(absl::StrCat("area \"", area.name,
                                                     "\" has cells with a state: replay needs "
                                                     "cells without, a stored sample has no past"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<ReplayTables> AddReplayTables(const BrainSpec& spec, PlanBuilder* builder) {
  const uint32_t classes = spec.heads[0].classes;
  if (classes == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("replay needs classes, and head \"", spec.heads[0].name, "\" predicts reals"));
  }
  ReplayTables tables;
  for (const ModalitySpec& modality : spec.modalities) {
    const uint32_t reals = modality.kind == ModalityKind::kReals ? modality.size : 0;
    const uint32_t pixels =
        modality.kind == ModalityKind::kImage ? modality.rows * modality.columns : 0;
    const uint32_t symbol = modality.kind == ModalityKind::kSymbol ? 1 : 0;
    tables.reals += reals;
    tables.sample_bytes += 1 + reals + pixels + symbol;
  }
  const auto bytes = [](const char* name, std::size_t columns) {
    return TensorSpec{.name = name,
                      .type = ElementType::kU8,
                      .columns = static_cast<uint32_t>(columns),
                      .merge = Merge::kNever};
  };
  const auto words = [](const char* name, uint32_t rows, uint32_t columns) {
    return TensorSpec{.name = name,
                      .type = ElementType::kU32,
                      .rows = rows,
                      .columns = columns,
                      .merge = Merge::kNever};
  };
  // A brain without a state keeps one idle byte, so that every item has the same tensors.
  std::vector<TensorSpec> item = {bytes("sample", tables.sample_bytes),
                                  bytes("state", std::max<std::size_t>(builder->state_bytes(), 1))};
  if (spec.replay.dark > 0.0F) {
    item.push_back({.name = "logits", .columns = classes, .merge = Merge::kNever});
  }
  GYRUS_ASSIGN_OR_RETURN(BlockLayout items,
                         BlockLayout::Create(std::move(item), TensorReader::kLearner));
  tables.items = builder->AddTable("replay.items", std::move(items), spec.replay.items, 1);
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout index,
      BlockLayout::Create({words("counts", 2 + 2 * classes, 2), words("held", 1, classes),
                           bytes("full", classes), bytes("classes", spec.replay.items)},
                          TensorReader::kLearner));
  tables.index = builder->AddTable("replay.index", std::move(index), 1, 1);
  if (tables.reals > 0) {
    GYRUS_ASSIGN_OR_RETURN(tables.scales, AddScales(tables.reals, builder));
  }
  return tables;
}

}  // namespace gyrus
