// SPDX-License-Identifier: Apache-2.0
#include "activation/cells/mcsd.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "activation/cells/initialise.h"
#include "activation/tensor.h"
#include "core/kernels/activations.h"
#include "core/kernels/matrix.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

enum Tensor : std::size_t { kWuv, kWo };

constexpr float kEpsilon = 1e-6F;

// The parts of a tape.
struct Tape {
  static uint32_t Floats(uint32_t units) { return 3 * units + 1; }

  explicit Tape(const float* tape, std::size_t units)
      : u(tape, units), gate(tape + units, units), h(tape + 2 * units, units), s(tape[3 * units]) {}

  std::span<const float> u;
  std::span<const float> gate;  // silu(u)
  std::span<const float> h;
  float s;
};

}  // namespace

std::vector<float> McsdDecays(uint32_t channels) {
  std::vector<float> decays(channels);
  const uint32_t half = channels / 2;
  for (uint32_t c = 0; c < channels; ++c) {
    const double place = (c % half + 0.5) / half;
    const double tau = c < half ? std::pow(32.0, place) : 32.0 * std::pow(128.0, place);
    decays[c] = static_cast<float>(std::exp(-1.0 / tau));
  }
  return decays;
}

McsdCell::McsdCell(const CellShape& shape, BlockLayout layout, std::vector<float> decays)
    : Cell(shape, std::move(layout), std::move(decays)),
      units_(shape.state_floats),
      channel_units_(units_ / static_cast<uint32_t>(this->decays().size())),
      unit_decays_(units_) {
  for (std::size_t j = 0; j < units_; ++j) unit_decays_[j] = this->decays()[j / channel_units_];
}

absl::StatusOr<std::unique_ptr<Cell>> McsdCell::Create(const McsdCellSpec& spec, uint32_t inputs,
                                                       uint32_t outputs) {
  if (spec.units < 1 || spec.units > kMaxUnits) {
    return absl::InvalidArgumentError(
        absl::StrCat("units must be in [1, ", kMaxUnits, "], got ", spec.units));
  }
  if (spec.channels == 0 || spec.channels % 2 != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "channels must be even and at least 2 (half slope, half decay), got ", spec.channels));
  }
  if (spec.units % spec.channels != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("channels must divide units = ", spec.units, ", got ", spec.channels));
  }
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout layout,
      BlockLayout::Create({{.name = "w_uv", .rows = 2 * spec.units, .columns = inputs},
                           {.name = "w_o", .rows = outputs, .columns = spec.units}}));
  const CellShape shape{.inputs = inputs,
                        .outputs = outputs,
                        .state_floats = spec.units,
                        .tape_floats = Tape::Floats(spec.units),
                        .trace_floats = spec.channels * inputs,
                        .trace_outers = spec.channels};
  return std::unique_ptr<Cell>(new McsdCell(shape, std::move(layout), McsdDecays(spec.channels)));
}

void McsdCell::Initialise(Rng* rng, std::span<std::byte> weights) const {
  FillNormal(InverseRoot(shape().inputs), FloatsOf(layout(), kWuv, weights.data()), rng);
  FillNormal(InverseRoot(units_), FloatsOf(layout(), kWo, weights.data()), rng);
}

void McsdCell::Forward(const std::byte* weights, std::span<const float> x, float* state,
                       std::span<float> y, float* tape) const noexcept {
  alignas(64) float uv[2 * kMaxUnits];
  alignas(64) float gate_scratch[kMaxUnits];
  alignas(64) float z_scratch[kMaxUnits];
  const std::span<const float> u(uv, units_);
  const float* const v = uv + units_;
  const std::span<float> h(state, units_);
  const std::span<float> gate(gate_scratch, units_);
  const std::span<float> z(z_scratch, units_);

  kernels::MatVec(FloatsOf(layout(), kWuv, weights), x, {uv, 2 * units_});
  for (std::size_t j = 0; j < units_; ++j) {
    h[j] = unit_decays_[j] * h[j] + (1.0F - unit_decays_[j]) * v[j];
  }
  const float s = kernels::RmsNorm(h, z, kEpsilon);
  kernels::Silu(u, gate);
  for (std::size_t j = 0; j < units_; ++j) z[j] *= gate[j];
  kernels::MatVec(FloatsOf(layout(), kWo, weights), z, y);

  if (tape == nullptr) return;
  tape = std::copy(u.begin(), u.end(), tape);
  tape = std::copy(gate.begin(), gate.end(), tape);
  tape = std::copy(h.begin(), h.end(), tape);
  *tape = s;
}

void McsdCell::Trace(const std::byte*, std::span<const float> x, const float*,
                     float* traces) const noexcept {
  for (const float a : decays()) {
    for (std::size_t i = 0; i < x.size(); ++i) traces[i] = a * traces[i] + (1.0F - a) * x[i];
    traces += x.size();
  }
}

void McsdCell::Backward(const BackwardStep& step, Updates* updates) const noexcept {
  const Tape tape(step.tape, units_);
  alignas(64) float z_scratch[kMaxUnits];
  alignas(64) float dz_scratch[kMaxUnits];
  alignas(64) float duv[2 * kMaxUnits];
  const std::span<float> z(z_scratch, units_);
  const std::span<float> dz(dz_scratch, units_);
  const std::span<float> du(duv, units_);
  float* const dv = duv + units_;

  for (std::size_t j = 0; j < units_; ++j) z[j] = tape.gate[j] * (tape.s * tape.h[j]);
  std::fill(dz.begin(), dz.end(), 0.0F);
  updates->Outer(kWo, step.dy, z, dz);
  kernels::SiluGrad(tape.u, du);
  for (std::size_t j = 0; j < units_; ++j) {
    du[j] *= dz[j] * (tape.s * tape.h[j]);
    dz[j] *= tape.gate[j];  // Now the gradient of s h.
  }
  kernels::RmsNormGrad(tape.h, tape.s, dz, dz);
  for (std::size_t j = 0; j < units_; ++j) {
    const float dh = step.dstate[j] + dz[j];
    dv[j] = (1.0F - unit_decays_[j]) * dh;
    step.dstate[j] = unit_decays_[j] * dh;
  }
  updates->Outer(kWuv, {duv, 2 * units_}, step.x, step.dx);

  if (step.traces == nullptr) return;
  // The chunk begins here: what is left of the error goes to the inputs before it, a channel at a
  // time, the rows of the others being zero.
  std::fill_n(duv, 2 * units_, 0.0F);
  const std::size_t inputs = step.x.size();
  for (std::size_t c = 0; c < decays().size(); ++c) {
    float* const rows = dv + c * channel_units_;
    std::copy_n(step.dstate + c * channel_units_, channel_units_, rows);
    updates->Outer(kWuv, {duv, 2 * units_}, {step.traces + c * inputs, inputs}, {});
    std::fill_n(rows, channel_units_, 0.0F);
  }
}

}  // namespace gyrus
