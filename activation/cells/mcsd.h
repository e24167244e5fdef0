// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/cell.h"

namespace gyrus {

// Multi-channel slope and decay, after arXiv 2406.12230, whose matrices are not public; this is a
// reconstruction. The d units are grouped into C channels of d / C neighbours; all units of a
// channel share one constant decay a = exp(-1 / tau):
//
//   u = W_u x,  v = W_v x
//   h = a_c h + (1 - a_c) v
//   y = W_o (silu(u) * s h),  s = 1 / sqrt(mean(h^2) + 1e-6)
//
// The first half of the channels (slope) has time constants tau log-spaced in (1, 32) steps, the
// second (decay) in (32, 4096), each at the middle of its interval. The factor 1 - a_c makes a
// state the moving average of v: it never exceeds the largest |v|, so that a slow channel, a sum
// of thousands of inputs otherwise, does not drown the fast ones in the one normalisation. (The
// factor sqrt(1 - a_c^2) would equal the channels' variances for white noise, and let a slow one
// grow 90-fold on an input with a mean.)
//
// Exact credit beyond a chunk: with xbar_c = a_c xbar_c + (1 - a_c) x, inputs floats per channel,
// a state is h_j = W_v[j,:] . xbar_c(j). So the error that reaches the state before the chunk,
// times xbar_c, is all that W_v gets from earlier inputs, at constant weights. W_u and W_o act
// within a step and need no trace.
//
// Layout: "w_uv" (2 units, inputs): W_u above W_v; "w_o" (outputs, units).
// State: h (units,). Tape: u, silu(u), h (units,) each, s. Traces: xbar (channels, inputs).
// Error: y and every gradient within 1e-5 of their largest element for weights as initialised and
// standardised inputs (tested against double precision over sequences).
class McsdCell final : public Cell {
 public:
  static constexpr uint32_t kMaxUnits = 1024;  // A woken region should fit the L2 cache.

  // Returns InvalidArgument if units is outside [1, kMaxUnits], channels is odd, 0 or no divisor of
  // units, or another size is 0.
  static absl::StatusOr<std::unique_ptr<Cell>> Create(const McsdCellSpec& spec, uint32_t inputs,
                                                      uint32_t outputs);

  void Initialise(Rng* rng, std::span<std::byte> weights) const override;
  void Forward(const std::byte* weights, std::span<const float> x, float* state, std::span<float> y,
               float* tape) const noexcept GYRUS_NONBLOCKING override;
  void Trace(const std::byte* weights, std::span<const float> x, const float* tape,
             float* traces) const noexcept GYRUS_NONBLOCKING override;
  void Backward(const BackwardStep& step,
                Updates* updates) const noexcept GYRUS_NONBLOCKING override;

 private:
  McsdCell(const CellShape& shape, BlockLayout layout, std::vector<float> decays);

  uint32_t units_;
  uint32_t channel_units_;
  std::vector<float> unit_decays_;  // (units,) a_c spread out for vector loops.
};

// The decays of `channels` channels as above. Requires: channels is even.
std::vector<float> McsdDecays(uint32_t channels);

}  // namespace gyrus
