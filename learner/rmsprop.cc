// SPDX-License-Identifier: Apache-2.0
#include "learner/rmsprop.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "activation/tensor.h"

namespace gyrus {

kernels::RmspropStep Accumulators::Advance(float rate, float beta) const noexcept {
  // 1 - beta^t by its recurrence: exact to rounding, with no call of pow and nothing to set up.
  float& filled = FloatsOf(accumulated_, accumulated_.tensors().size() - 1, block_)[0];
  filled = beta * filled + (1.0F - beta);
  return {.rate = rate, .beta = beta, .bias_correction = 1.0F / filled};
}

std::span<float> Accumulators::mean_square(std::size_t tensor) const noexcept {
  return FloatsOf(accumulated_, tensor, block_);
}

RmspropUpdates::RmspropUpdates(const BlockLayout& layout, const AreaLearningSpec& spec)
    : layout_(layout),
      accumulated_(*AccumulatorLayout(layout)),
      rate_(spec.rate),
      beta_(spec.beta) {}

void RmspropUpdates::Begin(const RegionBlocks& blocks) noexcept {
  weights_ = blocks.weights;
  accumulators_ = blocks.accumulators;
  step_ = Accumulators(accumulated_, accumulators_).Advance(rate_ * rate_factor(), beta_);
}

void RmspropUpdates::Outer(std::size_t tensor, std::span<const float> a, std::span<const float> b,
                           std::span<float> backprop) noexcept {
  if (!Admit(a, b)) return;
  kernels::RmspropOuter(step_, a, b, FloatsOf(layout_, tensor, weights_),
                        Accumulators(accumulated_, accumulators_).mean_square(tensor), backprop);
}

}  // namespace gyrus
