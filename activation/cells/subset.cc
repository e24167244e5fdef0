// SPDX-License-Identifier: Apache-2.0
#include "activation/cells/subset.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {

absl::StatusOr<std::unique_ptr<Cell>> SubsetCell::Create(const SubsetCellSpec& spec,
                                                         uint32_t inputs, uint32_t outputs) {
  const uint32_t picked = spec.constant ? outputs - 1 : outputs;
  if (picked < 1 || picked > inputs) {
    return absl::InvalidArgumentError(absl::StrCat("a subset of ", inputs, " inputs cannot have ",
                                                   outputs, " outputs",
                                                   spec.constant ? ", one of them constant" : ""));
  }
  GYRUS_ASSIGN_OR_RETURN(BlockLayout layout, BlockLayout::Create({{.name = "index",
                                                                   .type = ElementType::kU32,
                                                                   .columns = outputs,
                                                                   .merge = Merge::kNever}}));
  return std::unique_ptr<Cell>(new SubsetCell(
      CellShape{.inputs = inputs, .outputs = outputs, .learns = false}, std::move(layout), picked));
}

// The head of a Fisher-Yates shuffle: every subset is as likely as any other.
void SubsetCell::Initialise(Rng* rng, std::span<std::byte> weights) const {
  std::vector<uint32_t> order(shape().inputs);
  std::iota(order.begin(), order.end(), 0U);
  for (uint32_t j = 0; j < picked_; ++j) {
    std::swap(order[j], order[j + rng->Below(shape().inputs - j)]);
  }
  std::sort(order.begin(), order.begin() + picked_);
  std::copy_n(order.begin(), picked_, reinterpret_cast<uint32_t*>(weights.data()));
}

void SubsetCell::Forward(const std::byte* weights, std::span<const float> x, float*,
                         std::span<float> y, float*) const noexcept {
  const auto* const index = reinterpret_cast<const uint32_t*>(weights);
  for (std::size_t j = 0; j < picked_; ++j) y[j] = x[index[j]];
  if (picked_ < y.size()) y[picked_] = 1.0F;
}

}  // namespace gyrus
