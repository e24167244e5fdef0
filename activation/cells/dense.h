// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "activation/cell.h"

namespace gyrus {

// A dense layer of rectified units:
//
//   y = max(0, W x + b)
//
// A unit that is silent gets no gradient, and its row of W is neither read nor written backwards.
//
// Layout: "w" (outputs, inputs), "b" (outputs, 1).
// Tape: y. No state.
// Error: y and every gradient within 1e-5 of their largest element for weights as initialised and
// standardised inputs (tested against double precision).
class DenseCell final : public Cell {
 public:
  static constexpr uint32_t kMaxOutputs = 4096;

  // Returns InvalidArgument if outputs is above kMaxOutputs or a size is 0.
  static absl::StatusOr<std::unique_ptr<Cell>> Create(uint32_t inputs, uint32_t outputs);

  // W keeps the mean square of standardised inputs (He et al., "Delving deep into rectifiers",
  // 2015); b = 0.
  void Initialise(Rng* rng, std::span<std::byte> weights) const override;
  void Forward(const std::byte* weights, std::span<const float> x, float* state, std::span<float> y,
               float* tape) const noexcept GYRUS_NONBLOCKING override;
  void Trace(const std::byte*, std::span<const float>, const float*,
             float*) const noexcept GYRUS_NONBLOCKING override {}
  void Backward(const BackwardStep& step,
                Updates* updates) const noexcept GYRUS_NONBLOCKING override;

 private:
  DenseCell(const CellShape& shape, BlockLayout layout) : Cell(shape, std::move(layout)) {}
};

}  // namespace gyrus
