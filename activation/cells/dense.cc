// SPDX-License-Identifier: Apache-2.0
#include "activation/cells/dense.h"

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

enum Tensor : std::size_t { kW, kB };

constexpr float kOne[] = {1.0F};

}  // namespace

absl::StatusOr<std::unique_ptr<Cell>> DenseCell::Create(uint32_t inputs, uint32_t outputs) {
  if (outputs > kMaxOutputs) {
    return absl::InvalidArgumentError(
        absl::StrCat("a dense cell has at most ", kMaxOutputs, " outputs, got ", outputs));
  }
  GYRUS_ASSIGN_OR_RETURN(BlockLayout layout,
                         BlockLayout::Create({{.name = "w", .rows = outputs, .columns = inputs},
                                              {.name = "b", .rows = outputs}}));
  const CellShape shape{.inputs = inputs, .outputs = outputs, .tape_floats = outputs};
  return std::unique_ptr<Cell>(new DenseCell(shape, std::move(layout)));
}

void DenseCell::Initialise(Rng* rng, std::span<std::byte> weights) const {
  FillNormal(std::sqrt(2.0F) * InverseRoot(shape().inputs), FloatsOf(layout(), kW, weights.data()),
             rng);
}

void DenseCell::Forward(const std::byte* weights, std::span<const float> x, float*,
                        std::span<float> y, float* tape) const noexcept {
  const std::span<const float> b = FloatsOf(layout(), kB, weights);
  std::copy(b.begin(), b.end(), y.begin());
  kernels::MatVecAdd(FloatsOf(layout(), kW, weights), x, y);
  kernels::Relu(y, y);
  if (tape != nullptr) std::copy(y.begin(), y.end(), tape);
}

void DenseCell::Backward(const BackwardStep& step, Updates* updates) const noexcept {
  alignas(64) float scratch[kMaxOutputs];
  const std::span<float> da(scratch, shape().outputs);
  for (std::size_t i = 0; i < da.size(); ++i) da[i] = step.tape[i] > 0.0F ? step.dy[i] : 0.0F;
  updates->Outer(kB, da, kOne, {});
  updates->Outer(kW, da, step.x, step.dx);
}

}  // namespace gyrus
