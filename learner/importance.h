// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "activation/brain_spec.h"
#include "core/layout.h"

namespace gyrus {

// Holds the weights of a region near where they were, each the more the more it mattered: beside
// the gradient g of the loss there is a penalty
//
//   strength / 2 sum_j Omega_j (w_j - anchor_j)^2
//
// A region consolidates after every N of its own updates, with no need to be told of tasks:
//
//   Omega = decay Omega + fresh,  anchor = w,  c = 0
//
//   EWC  c += g^2           fresh = c / N                              (Fisher information; online
//                           EWC: Schwarz et al., "Progress & compress", 2018)
//   SI   c += -g dw         fresh = max(0, c) / ((w - anchor)^2 + xi)   (what a weight's own path
//                           took off the loss; Zenke, Poole, Ganguli, 2017; xi = 1e-3)
//   MAS  c += |d|z|^2/dw|   fresh = c / N                              (how far the answer's logits
//                           z depend on it; Aljundi et al., "Memory aware synapses", 2018)
//
// The penalty is met exactly and after the step of the optimiser, so that no strength overshoots:
//
//   w = (w - rate g + s Omega anchor) / (1 + s Omega),  s = rate strength
//
// with the row's own rate. Rows to which no gradient comes stay as they are.
//
// At work on one block at a time, as RegionUpdates. Real-time safe.
class Importance {
 public:
  // `layout` and `importance` must outlive it. Requires: `importance` is ImportanceLayout(layout);
  // spec.kind is not none.
  Importance(const BlockLayout& layout, const BlockLayout& importance, const ImportanceSpec& spec)
      : layout_(layout), importance_(importance), spec_(spec) {}

  // Takes on a block of weights and that of their importance.
  void Begin(const std::byte* weights, std::byte* block) noexcept;

  // Moves row `i` of a tensor down its gradient, (columns,) both.
  void MoveRow(std::size_t tensor, std::size_t i, float rate, std::span<const float> gradient,
               std::span<float> row) noexcept;

  // Takes in the gradient of |z|^2 with respect to a row. MAS.
  void Sense(std::size_t tensor, std::size_t i, std::span<const float> gradient) noexcept;

  // Counts an update; consolidates if it is time.
  void End(const std::byte* weights) noexcept;

 private:
  enum Part : std::size_t { kOmega, kAnchor, kCollected, kParts };

  std::span<float> Of(Part part, std::size_t tensor) const noexcept;
  void Consolidate(std::size_t tensor, std::span<const float> weights) noexcept;

  const BlockLayout& layout_;
  const BlockLayout& importance_;
  const ImportanceSpec spec_;
  std::byte* block_ = nullptr;
};

}  // namespace gyrus
