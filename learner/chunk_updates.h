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
#include "learner/importance.h"
#include "learner/region_updates.h"

namespace gyrus {

// Collects the gradients of a chunk as the pairs (a, b) that they are products of, carries errors
// back through the weights as they were, and applies one update per tensor at the end, in one pass
// over its rows: W_i -= rate_i sum_p a_p[i] b_p. A chunk so pays for the optimiser once, and a
// gradient costs (rows + columns) floats instead of their product. What RMSprop needs of a row,
// |g_i|^2 = sum_pq a_p[i] a_q[i] (b_p . b_q), comes from the few products of the pairs.
//
// With `bounded`, the rate of a row is at most 1 / sum_p |b_p|^2. A layer y = W b with the loss
// |y - target|^2 / 2 has the gradient a b^T, a = y - target, and a step of size r moves y by
// -r |b|^2 a: it meets the target at r = 1 / |b|^2 and passes it beyond (normalised least mean
// squares; Haykin, Adaptive Filter Theory, chapter 6). Over a chunk the steepest direction has the
// curvature of the largest eigenvalue of sum_p b_p b_p^T, at most sum_p |b_p|^2. The bound is each
// layer's own: several layers moved at once may pass the target together, and a loss steeper than
// that (curvature above 1) is not covered.
//
// With importance (learner/importance.h) a row's summed gradient is made, once, to move it and to
// be weighed; rows to which none comes are left out.
class ChunkUpdates final : public RegionUpdates {
 public:
  // pairs: the most calls of Outer for one tensor between Begin and End.
  ChunkUpdates(const BlockLayout& layout, const AreaLearningSpec& spec, uint32_t pairs);

  void Begin(const RegionBlocks& blocks) noexcept override;
  void Outer(std::size_t tensor, std::span<const float> a, std::span<const float> b,
             std::span<float> backprop) noexcept override;
  void End() noexcept override;
  void EndSensing() noexcept override;

 private:
  struct Collected {
    std::vector<float> a;  // (pairs, rows)
    std::vector<float> b;  // (pairs, columns)
    uint32_t count = 0;
    float b_squares = 0.0F;  // sum_p |b_p|^2
  };

  void Apply(std::size_t tensor) noexcept;
  void ApplyByImportance(std::size_t tensor, std::span<const float> rates) noexcept;

  // Calls use(i, gradient) for each row whose gradient is not zero; (columns,).
  template <typename Use>
  void ForEachRow(std::size_t tensor, Use use) noexcept;

  // Writes the step size of each row, (rows,); updates the accumulators, if any.
  void Rates(std::size_t tensor, std::span<float> rates) noexcept;

  // squares_i = |g_i|^2, (rows,), from the pairs' products among themselves: g itself is not made.
  void SquaresOfRows(std::size_t tensor, std::span<float> squares) noexcept;

  BlockLayout layout_;
  std::optional<BlockLayout> accumulated_;  // Empty for SGD.
  AreaLearningSpec spec_;
  uint32_t pairs_;
  std::vector<Collected> collected_;      // By tensor.
  std::vector<float> rates_;              // (most rows,)
  std::vector<float> products_;           // (most rows,)
  std::vector<float> coefficients_;       // (pairs,)
  std::optional<BlockLayout> important_;  // Empty without importance; likewise:
  std::optional<Importance> importance_;
  std::vector<float> row_;  // (most columns,)
  std::byte* weights_ = nullptr;
  std::byte* accumulators_ = nullptr;
  kernels::RmspropStep step_;
};

}  // namespace gyrus
