// SPDX-License-Identifier: Apache-2.0
#include "learner/sgd.h"

#include "activation/tensor.h"
#include "core/kernels/update.h"

namespace gyrus {

void SgdUpdates::Outer(std::size_t tensor, std::span<const float> a, std::span<const float> b,
                       std::span<float> backprop) noexcept {
  if (!Admit(a, b)) return;
  kernels::SgdOuter(rate_ * rate_factor(), a, b, FloatsOf(layout_, tensor, weights_), backprop);
}

}  // namespace gyrus
