// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "core/real_time.h"

// The learning step of a dense layer y = W x in one pass over W: the gradient of the input goes
// back through the weights as they were, and the weights move, while each row is in the cache.
//
// Layout and general terms: as core/kernels/matrix.h. Every row of W depends on its own row, dy_i
// and x alone. W, x, dy, dx and mean_square do not overlap.
//
// Shapes of all: dy (m,), x (n,), w (m, n), dx (n,) or empty for "not wanted".
namespace gyrus::kernels {

// dx += W^T dy with the old W, then W -= rate dy x^T.
// A row whose dy_i is 0 is neither read nor written.
// Error: dx as TransposedMatVecAdd; 3 eps (|w_ij| + |rate dy_i x_j|) in each element of W.
void SgdOuter(float rate, std::span<const float> dy, std::span<const float> x, std::span<float> w,
              std::span<float> dx) noexcept GYRUS_NONBLOCKING;

struct RmspropStep {
  float rate = 1e-3F;            // Above 0.
  float beta = 0.99F;            // Decay of the mean square, in [0, 1).
  float epsilon = 1e-8F;         // Above 0.
  float bias_correction = 1.0F;  // 1 / (1 - beta^t) at step t >= 1, or 1 for none.
};

// The same with one RMSprop accumulator v_i per row of W (Hinton, lecture 6e, 2012, averaged over
// the row):
//
//   g_i  = dy_i^2 mean_j(x_j^2)          the mean square of the row's gradient; 0 if n = 0
//   v_i  = beta v_i + (1 - beta) g_i
//   W_i -= rate / (sqrt(v_i bias_correction) + epsilon) dy_i x^T
//
// Where dy_i is 0 the row is neither read nor written and v_i decays.
// Shapes: mean_square (m,), all >= 0.
// Error: v_i within (n / 4 + 16) eps of its terms; the step of W within that relative error and
// a rounding of w_ij.
void RmspropOuter(const RmspropStep& step, std::span<const float> dy, std::span<const float> x,
                  std::span<float> w, std::span<float> mean_square,
                  std::span<float> dx) noexcept GYRUS_NONBLOCKING;

}  // namespace gyrus::kernels
