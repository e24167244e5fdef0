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

}  // namespace gyrus
