// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "activation/cell.h"

namespace gyrus {

// Frozen random ReLU features:
//
//   y = max(0, R x + b),  R ~ normal(0, 1 / sqrt(m)), b ~ normal(0, bias)
//
// so that R x has the variance of a standardised x and the units' thresholds spread over it. They
// never move, which keeps a ridge readout on top free of the order of its samples.
//
// Layout: "r" (outputs, inputs), "b" (outputs,).
// Error: y as kernels::MatVec, plus eps (|R x| + |b|).
class ExpansionCell final : public Cell {
 public:
  // Returns InvalidArgument if a size is 0, the block is too large, or bias is not a finite number
  // of at least 0.
  static absl::StatusOr<std::unique_ptr<Cell>> Create(uint32_t inputs, uint32_t outputs,
                                                      float bias = 1.0F);

  void Initialise(Rng* rng, std::span<std::byte> weights) const override;
  void Forward(const std::byte* weights, std::span<const float> x, float* state, std::span<float> y,
               float* tape) const noexcept GYRUS_NONBLOCKING override;

  // Nothing to learn.
  void Trace(const std::byte*, std::span<const float>, const float*,
             float*) const noexcept GYRUS_NONBLOCKING override {}
  void Backward(const BackwardStep&, Updates*) const noexcept GYRUS_NONBLOCKING override {}

 private:
  ExpansionCell(const CellShape& shape, BlockLayout layout, float bias)
      : Cell(shape, std::move(layout)), bias_(bias) {}

  float bias_;
};

}  // namespace gyrus
