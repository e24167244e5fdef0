// SPDX-License-Identifier: Apache-2.0
#include "tests/support/gradient_check.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "gmock/gmock.h"

namespace gyrus::test {
namespace {

// L(x) = sum_i exp(x_i) + x_0 x_1, whose gradient is known.
double Loss(std::span<const double> x) {
  double sum = x[0] * x[1];
  for (const double value : x) sum += std::exp(value);
  return sum;
}

std::vector<double> Gradient(std::span<const double> x) {
  std::vector<double> gradient;
  for (const double value : x) gradient.push_back(std::exp(value));
  gradient[0] += x[1];
  gradient[1] += x[0];
  return gradient;
}

const std::vector<double>& Point() {
  static const std::vector<double> point = {0.3, -1.2, 2.0};
  return point;
}

TEST(GradientCheckTest, AcceptsTheGradient) {
  EXPECT_TRUE(GradientMatches(Loss, Point(), Gradient(Point())));
}

TEST(GradientCheckTest, NamesTheWrongCoordinate) {
  std::vector<double> wrong = Gradient(Point());
  wrong[1] *= 1.0001;

  const testing::AssertionResult result = GradientMatches(Loss, Point(), wrong);

  EXPECT_FALSE(result);
  EXPECT_THAT(std::string(result.message()), testing::HasSubstr("x[1]"));
}

TEST(GradientCheckTest, RefusesNanAndWrongLength) {
  std::vector<double> nan = Gradient(Point());
  nan[0] = std::numeric_limits<double>::quiet_NaN();

  EXPECT_FALSE(GradientMatches(Loss, Point(), nan));
  EXPECT_FALSE(GradientMatches(Loss, Point(), std::vector<double>{1.0}));
}

}  // namespace
}  // namespace gyrus::test
