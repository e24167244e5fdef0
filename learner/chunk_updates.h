// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "activation/brain_spec.h"
#include "core/kernels/update.h"
#include "core/layout.h"
#include "learner/region_updates.h"

namespace gyrus {

// Collects the gradients of a chunk as the pairs (a, b) that they are products of, carries errors
// back through the weights as they were, and applies one update per tensor at the end, row by row
// in one pass: g_i = sum_p a_p[i] b_p is made in the cache, used and forgotten. A chunk so pays for
// the optimiser once, and a gradient costs (rows + columns) floats instead of their product.
//
// With `bounded`, the rate of a row is at most 1 / sum_p |b_p|^2. A layer y = W b with the loss
// |y - target|^2 / 2 has the gradient a b^T, a = y - target, and a step of size r moves y by
// -r |b|^2 a: it meets the target at r = 1 / |b|^2 and passes it beyond (normalised least mean
// squares; Haykin, Adaptive Filter Theory, chapter 6). Over a chunk the steepest direction has the
// curvature of the largest eigenvalue of sum_p b_p b_p^T, at most sum_p |b_p|^2. The bound is each
// layer's own: several layers moved at once may pass the target together, and a loss steeper than
// that (curvature above 1) is not covered.
class ChunkUpdates final : public RegionUpdates {
 public:
  // pairs: the most calls of Outer for one tensor between Begin and End.
  ChunkUpdates(const BlockLayout& layout, const AreaLearningSpec& spec, uint32_t pairs);

  void Begin(std::byte* weights, std::byte* accumulators) noexcept override;
  void Outer(std::size_t tensor, std::span<const float> a, std::span<const float> b,
             std::span<float> backprop) noexcept override;
  void End() noexcept override;

 private:
  struct Collected {
    std::vector<float> a;  // (rows, pairs): what a row of W needs lies together.
    std::vector<float> b;  // (pairs, columns)
    uint32_t count = 0;
    float b_squares = 0.0F;  // sum_p |b_p|^2
  };

  void Apply(std::size_t tensor) noexcept;

  // The optimiser's rate for one row's gradient; updates the row's accumulator, if any.
  float RateOf(std::span<const float> row, float* mean_square) const noexcept;

  BlockLayout layout_;
  std::optional<BlockLayout> accumulated_;  // Empty for SGD.
  AreaLearningSpec spec_;
  uint32_t pairs_;
  std::vector<Collected> collected_;  // By tensor.
  std::vector<float> row_;            // (largest columns,)
  std::byte* weights_ = nullptr;
  std::byte* accumulators_ = nullptr;
  kernels::RmspropStep step_;
};

}  // namespace gyrus
