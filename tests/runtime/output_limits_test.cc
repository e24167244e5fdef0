// SPDX-License-Identifier: Apache-2.0
#include "runtime/output_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace gyrus {
namespace {

using testing::ElementsAre;

OutputLimits Limits(const OutputLimitsSpec& limits) {
  return OutputLimits({.name = "h", .outputs = 2, .kind = RidgeHeadSpec{}, .limits = limits});
}

TEST(OutputLimitsTest, DoesNothingWithoutLimits) {
  OutputLimits limits = Limits({});
  std::vector<float> outputs = {-1e9F, 1e9F};

  limits.Apply(outputs);

  EXPECT_THAT(outputs, ElementsAre(-1e9F, 1e9F));
}

TEST(OutputLimitsTest, KeepsOutputsWithinTheirBounds) {
  OutputLimits limits = Limits({.minimum = {-1.0F}, .maximum = {1.0F, 5.0F}});
  std::vector<float> outputs = {-3.0F, 7.0F};

  limits.Apply(outputs);

  EXPECT_THAT(outputs, ElementsAre(-1.0F, 5.0F));
}

TEST(OutputLimitsTest, LetsAnOutputMoveSoFarInAStep) {
  OutputLimits limits = Limits({.maximum = {2.0F}, .slew = {0.5F}});
  std::vector<float> outputs = {1.0F, 9.0F};
  limits.Apply(outputs);
  EXPECT_THAT(outputs, ElementsAre(1.0F, 2.0F));  // The first may be anywhere within bounds.

  outputs = {9.0F, -9.0F};
  limits.Apply(outputs);
  EXPECT_THAT(outputs, ElementsAre(1.5F, 1.5F));

  outputs = {9.0F, 1.25F};
  limits.Apply(outputs);
  EXPECT_THAT(outputs, ElementsAre(2.0F, 1.25F));
}

TEST(OutputLimitsTest, HoldsForWhatIsNoNumber) {
  OutputLimits limits = Limits({.minimum = {0.5F, -1.0F}, .slew = {0.25F}});
  std::vector<float> outputs = {NAN, NAN};
  limits.Apply(outputs);
  EXPECT_THAT(outputs, ElementsAre(0.5F, 0.0F));

  outputs = {9.0F, 9.0F};
  limits.Apply(outputs);
  EXPECT_THAT(outputs, ElementsAre(0.75F, 0.25F));
  outputs = {NAN, 0.0F};
  limits.Apply(outputs);
  EXPECT_THAT(outputs, ElementsAre(0.75F, 0.0F));
}

}  // namespace
}  // namespace gyrus
