// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "absl/status/statusor.h"
#include "activation/accumulators.h"
#include "activation/brain_spec.h"
#include "core/kernels/update.h"
#include "core/layout.h"
#include "learner/region_updates.h"

namespace gyrus {

// RMSprop with one accumulator per row (unit) of a tensor:
//
//   v_i = beta v_i + (1 - beta) mean_j(g_ij^2)
//   W_i -= rate / (sqrt(v_i / (1 - beta^t)) + 1e-8) g_i
//
// Per row, not per weight: a row is a unit, whose inputs share a scale, and the accumulators cost
// a load per row instead of one per weight. They sleep and wake with their region; t counts the
// region's own updates, so that a region woken for the first time takes a step of full size.

// The accumulators of one block. Borrows the block.
class Accumulators {
 public:
  // Requires: `accumulated` is AccumulatorLayout(weights).
  Accumulators(const BlockLayout& accumulated, std::byte* block)
      : accumulated_(accumulated), block_(block) {}

  // Begins the region's next update and returns its step.
  kernels::RmspropStep Advance(float rate, float beta) const noexcept;

  // v of one tensor, (rows,).
  std::span<float> mean_square(std::size_t tensor) const noexcept;

 private:
  const BlockLayout& accumulated_;
  std::byte* block_;
};

// The update above, at once. A block takes one gradient per tensor between Begin and End.
class RmspropUpdates final : public RegionUpdates {
 public:
  RmspropUpdates(const BlockLayout& layout, const AreaLearningSpec& spec);

  void Begin(const RegionBlocks& blocks) noexcept override;
  void Outer(std::size_t tensor, std::span<const float> a, std::span<const float> b,
             std::span<float> backprop) noexcept override;
  void End() noexcept override {}

 private:
  BlockLayout layout_;
  BlockLayout accumulated_;
  float rate_;
  float beta_;
  std::byte* weights_ = nullptr;
  std::byte* accumulators_ = nullptr;
  kernels::RmspropStep step_;
};

}  // namespace gyrus
