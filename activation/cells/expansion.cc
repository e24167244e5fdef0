// SPDX-License-Identifier: Apache-2.0
#include "activation/cells/expansion.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "activation/cells/initialise.h"
#include "activation/tensor.h"
#include "core/kernels/activations.h"
#include "core/kernels/matrix.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

enum Tensor : std::size_t { kR, kB };

}  // namespace

absl::StatusOr<std::unique_ptr<Cell>> ExpansionCell::Create(uint32_t inputs, uint32_t outputs,
                                                            float bias) {
  if (!(bias >= 0.0F && std::isfinite(bias))) {
    return absl::InvalidArgumentError(
        absl::StrCat("bias must be finite and at least 0, got ", bias));
  }
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout layout,
      BlockLayout::Create(
          {{.name = "r", .rows = outputs, .columns = inputs, .merge = Merge::kNever},
           {.name = "b", .columns = outputs, .merge = Merge::kNever}}));
  return std::unique_ptr<Cell>(new ExpansionCell(
      CellShape{.inputs = inputs, .outputs = outputs, .learns = false}, std::move(layout), bias));
}

void ExpansionCell::Initialise(Rng* rng, std::span<std::byte> weights) const {
  FillNormal(InverseRoot(shape().inputs), FloatsOf(layout(), kR, weights.data()), rng);
  FillNormal(bias_, FloatsOf(layout(), kB, weights.data()), rng);
}

void ExpansionCell::Forward(const std::byte* weights, std::span<const float> x, float*,
                            std::span<float> y, float*) const noexcept {
  const std::span<const float> b = FloatsOf(layout(), kB, weights);
  std::copy(b.begin(), b.end(), y.begin());
  kernels::MatVecAdd(FloatsOf(layout(), kR, weights), x, y);
  kernels::Relu(y, y);
}

}  // namespace gyrus
