// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "activation/cell.h"

namespace gyrus {

// Picks some of the inputs: y_j = x[index_j], a frozen random subset of its own per region,
// without repeats and in ascending order.
//
// Layout: "index" (outputs,) of u32. Error: none.
class SubsetCell final : public Cell {
 public:
  // Returns InvalidArgument unless 1 <= outputs <= inputs.
  static absl::StatusOr<std::unique_ptr<Cell>> Create(uint32_t inputs, uint32_t outputs);

  void Initialise(Rng* rng, std::span<std::byte> weights) const override;
  void Forward(const std::byte* weights, std::span<const float> x, float* state, std::span<float> y,
               float* tape) const noexcept GYRUS_NONBLOCKING override;

  // Nothing to learn.
  void Trace(const std::byte*, std::span<const float>, const float*,
             float*) const noexcept GYRUS_NONBLOCKING override {}
  void Backward(const BackwardStep&, Updates*) const noexcept GYRUS_NONBLOCKING override {}

 private:
  using Cell::Cell;
};

}  // namespace gyrus
