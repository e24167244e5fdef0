// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/cell.h"

namespace gyrus {

// Picks some of the inputs: y_j = x[index_j], a frozen random subset of its own per region,
// without repeats and in ascending order. With a constant, the last output is 1 instead.
//
// Layout: "index" (outputs,) of u32; of a constant, any. Error: none.
class SubsetCell final : public Cell {
 public:
  // Returns InvalidArgument unless 1 <= outputs <= inputs, the constant not counted.
  static absl::StatusOr<std::unique_ptr<Cell>> Create(const SubsetCellSpec& spec, uint32_t inputs,
                                                      uint32_t outputs);

  void Initialise(Rng* rng, std::span<std::byte> weights) const override;
  void Forward(const std::byte* weights, std::span<const float> x, float* state, std::span<float> y,
               float* tape) const noexcept GYRUS_NONBLOCKING override;

  // Nothing to learn.
  void Trace(const std::byte*, std::span<const float>, const float*,
             float*) const noexcept GYRUS_NONBLOCKING override {}
  void Backward(const BackwardStep&, Updates*) const noexcept GYRUS_NONBLOCKING override {}

 private:
  SubsetCell(const CellShape& shape, BlockLayout layout, uint32_t picked)
      : Cell(shape, std::move(layout)), picked_(picked) {}

  uint32_t picked_;  // Of the inputs: all outputs but a constant.
};

}  // namespace gyrus
