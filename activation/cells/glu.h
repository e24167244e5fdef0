// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/cell.h"

namespace gyrus {

// A gated linear unit (Shazeer, "GLU variants improve Transformer", 2020, SwiGLU):
//
//   g = W_g x,  u = W_u x,  y = W_d (silu(g) * u)
//
// W_g and W_u are one tensor, so that a step passes over x and over its update once.
//
// Layout: "w_gu" (2 hidden, inputs): W_g above W_u; "w_d" (outputs, hidden).
// Tape: g, u, silu(g) * u. No state.
// Error: y and every gradient within 1e-5 of their largest element for weights as initialised and
// standardised inputs (tested against double precision).
class GluCell final : public Cell {
 public:
  static constexpr uint32_t kMaxHidden = 1024;  // A woken region should fit the L2 cache.

  // Returns InvalidArgument if hidden is outside [1, kMaxHidden] or another size is 0.
  static absl::StatusOr<std::unique_ptr<Cell>> Create(const GluCellSpec& spec, uint32_t inputs,
                                                      uint32_t outputs);

  void Initialise(Rng* rng, std::span<std::byte> weights) const override;
  void Forward(const std::byte* weights, std::span<const float> x, float* state, std::span<float> y,
               float* tape) const noexcept GYRUS_NONBLOCKING override;
  void Trace(const std::byte*, std::span<const float>, const float*,
             float*) const noexcept GYRUS_NONBLOCKING override {}
  void Backward(const BackwardStep& step,
                Updates* updates) const noexcept GYRUS_NONBLOCKING override;

 private:
  GluCell(const CellShape& shape, BlockLayout layout, uint32_t hidden)
      : Cell(shape, std::move(layout)), hidden_(hidden) {}

  uint32_t hidden_;
};

}  // namespace gyrus
