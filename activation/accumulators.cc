// SPDX-License-Identifier: Apache-2.0
#include "activation/accumulators.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace gyrus {

absl::StatusOr<BlockLayout> AccumulatorLayout(const BlockLayout& weights) {
  std::vector<TensorSpec> tensors;
  for (const TensorSpec& tensor : weights.tensors()) {
    tensors.push_back({.name = absl::StrCat(tensor.name, ".mean_square"),
                       .columns = tensor.rows,
                       .merge = Merge::kNever});
  }
  tensors.push_back({.name = "filled", .merge = Merge::kNever});
  return BlockLayout::Create(std::move(tensors), TensorReader::kLearner);
}

absl::StatusOr<BlockLayout> ImportanceLayout(const BlockLayout& weights) {
  std::vector<TensorSpec> tensors;
  for (const TensorSpec& tensor : weights.tensors()) {
    for (const char* const part : {"omega", "anchor", "collected"}) {
      tensors.push_back({.name = absl::StrCat(tensor.name, ".", part),
                         .rows = tensor.rows,
                         .columns = tensor.columns,
                         .merge = Merge::kNever});
    }
  }
  tensors.push_back(
      {.name = "progress", .type = ElementType::kU32, .columns = 2, .merge = Merge::kNever});
  return BlockLayout::Create(std::move(tensors), TensorReader::kLearner);
}

absl::StatusOr<BlockLayout> UtilityLayout(uint32_t units) {
  constexpr ElementType kU32 = ElementType::kU32;
  return BlockLayout::Create(
      {{.name = "utility", .columns = units, .merge = Merge::kNever},
       {.name = "age", .type = kU32, .columns = units, .merge = Merge::kNever},
       {.name = "owed", .merge = Merge::kNever},
       {.name = "progress", .type = kU32, .columns = 2, .merge = Merge::kNever}},
      TensorReader::kLearner);
}

}  // namespace gyrus
