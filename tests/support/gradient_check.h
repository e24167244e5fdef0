// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace gyrus::test {

// How closely a gradient must agree with its finite difference.
struct GradientTolerance {
  double step = 1e-5;      // Half the distance of the two evaluations, relative to max(1, |x|).
  double relative = 1e-6;  // Allowed |analytic - numeric| per max(|analytic|, |numeric|) ...
  double absolute = 1e-8;  // ... plus this, for gradients near zero.
};

// The gradient of `loss` at `x` by central differences:
//
//   dL/dx_i ~ (L(x + h e_i) - L(x - h e_i)) / 2h,  h = step * max(1, |x_i|)
//
// whose truncation is O(h^2) and whose rounding is O(eps |L| / h): with L of order 1 in double the
// default step gives about ten digits. `loss` takes a std::span<const double> and returns double.
// Shapes: x (n,), result (n,).
template <typename Loss>
std::vector<double> NumericGradient(const Loss& loss, std::span<const double> x,
                                    double step = GradientTolerance{}.step) {
  std::vector<double> point(x.begin(), x.end());
  std::vector<double> gradient(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double above = x[i] + step * std::max(1.0, std::abs(x[i]));
    const double below = x[i] - step * std::max(1.0, std::abs(x[i]));
    point[i] = above;
    const double loss_above = loss(std::span<const double>(point));
    point[i] = below;
    const double loss_below = loss(std::span<const double>(point));
    point[i] = x[i];
    gradient[i] = (loss_above - loss_below) / (above - below);
  }
  return gradient;
}

// Succeeds if `analytic` is the gradient of `loss` at `x` within the tolerance; names the worst
// coordinate if not. The gradient of float32 code needs a looser tolerance (relative 1e-3) and a
// `loss` computed by its double-precision reference.
//
//   EXPECT_TRUE(test::GradientMatches(loss, x, gradient));
template <typename Loss>
testing::AssertionResult GradientMatches(const Loss& loss, std::span<const double> x,
                                         std::span<const double> analytic,
                                         const GradientTolerance& tolerance = {}) {
  if (analytic.size() != x.size()) {
    return testing::AssertionFailure()
           << "gradient has " << analytic.size() << " entries, the point has " << x.size();
  }
  const std::vector<double> numeric = NumericGradient(loss, x, tolerance.step);
  std::size_t worst = 0;
  double worst_excess = 0.0;  // |difference| / allowed; above 1 fails.
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double allowed = tolerance.absolute + tolerance.relative * std::max(std::abs(analytic[i]),
                                                                              std::abs(numeric[i]));
    double excess = std::abs(analytic[i] - numeric[i]) / allowed;
    if (std::isnan(excess)) excess = std::numeric_limits<double>::infinity();
    if (excess > worst_excess) {
      worst = i;
      worst_excess = excess;
    }
  }
  if (worst_excess <= 1.0) return testing::AssertionSuccess();
  return testing::AssertionFailure()
         << "d loss / d x[" << worst << "]: analytic " << analytic[worst] << ", numeric "
         << numeric[worst] << ", " << worst_excess << " times the tolerance";
}

}  // namespace gyrus::test
