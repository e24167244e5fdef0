// SPDX-License-Identifier: Apache-2.0
#include "activation/cells/glu.h"

#include <algorithm>
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

enum Tensor : std::size_t { kWgu, kWd };

}  // namespace

absl::StatusOr<std::unique_ptr<Cell>> GluCell::Create(const GluCellSpec& spec, uint32_t inputs,
                                                      uint32_t outputs) {
  if (spec.hidden < 1 || spec.hidden > kMaxHidden) {
    return absl::InvalidArgumentError(
        absl::StrCat("hidden must be in [1, ", kMaxHidden, "], got ", spec.hidden));
  }
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout layout,
      BlockLayout::Create({{.name = "w_gu", .rows = 2 * spec.hidden, .columns = inputs},
                           {.name = "w_d", .rows = outputs, .columns = spec.hidden}}));
  const CellShape shape{.inputs = inputs, .outputs = outputs, .tape_floats = 3 * spec.hidden};
  return std::unique_ptr<Cell>(new GluCell(shape, std::move(layout), spec.hidden));
}

void GluCell::Initialise(Rng* rng, std::span<std::byte> weights) const {
  FillNormal(InverseRoot(shape().inputs), FloatsOf(layout(), kWgu, weights.data()), rng);
  FillNormal(InverseRoot(hidden_), FloatsOf(layout(), kWd, weights.data()), rng);
}

void GluCell::Forward(const std::byte* weights, std::span<const float> x, float*,
                      std::span<float> y, float* tape) const noexcept {
  alignas(64) float scratch[3 * kMaxHidden];
  float* const gu = tape != nullptr ? tape : scratch;
  const std::span<float> g(gu, hidden_);
  const std::span<float> u(gu + hidden_, hidden_);
  const std::span<float> z(gu + 2 * hidden_, hidden_);
  kernels::MatVec(FloatsOf(layout(), kWgu, weights), x, {gu, 2 * hidden_});
  kernels::Silu(g, z);
  for (std::size_t j = 0; j < hidden_; ++j) z[j] *= u[j];
  kernels::MatVec(FloatsOf(layout(), kWd, weights), z, y);
}

void GluCell::Backward(const BackwardStep& step, Updates* updates) const noexcept {
  const std::span<const float> g(step.tape, hidden_);
  const std::span<const float> u(step.tape + hidden_, hidden_);
  const std::span<const float> z(step.tape + 2 * hidden_, hidden_);
  alignas(64) float dz_scratch[kMaxHidden];
  alignas(64) float dgu_scratch[2 * kMaxHidden];
  const std::span<float> dz(dz_scratch, hidden_);
  const std::span<float> dg(dgu_scratch, hidden_);
  const std::span<float> du(dgu_scratch + hidden_, hidden_);

  std::fill(dz.begin(), dz.end(), 0.0F);
  updates->Outer(kWd, step.dy, z, dz);
  kernels::SiluGrad(g, dg);
  kernels::Silu(g, du);
  for (std::size_t j = 0; j < hidden_; ++j) {
    dg[j] *= dz[j] * u[j];
    du[j] *= dz[j];
  }
  updates->Outer(kWgu, {dgu_scratch, 2 * hidden_}, step.x, step.dx);
}

}  // namespace gyrus
