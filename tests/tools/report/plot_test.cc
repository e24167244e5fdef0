// SPDX-License-Identifier: Apache-2.0
#include "tools/report/plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gyrus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(EscapedTest, LeavesNothingThatATagOrAnAttributeCouldEndWith) {
  EXPECT_EQ(Escaped("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
}

TEST(ShortTest, ReadsLikeANumberInProse) {
  EXPECT_EQ(Short(0), "0");
  EXPECT_EQ(Short(1.23456), "1.235");
  EXPECT_EQ(Short(45678), "45,678");
  EXPECT_EQ(Short(-1234), "-1,234");
  EXPECT_EQ(Short(1.234e6), "1.23 M");
  EXPECT_EQ(Short(kNan), "–");
}

TEST(AxisTest, TicksAreRoundAndWithin) {
  EXPECT_THAT((Axis{.low = 0, .high = 9.5}).Ticks(5), ElementsAre(0, 2, 4, 6, 8));
  EXPECT_THAT((Axis{.low = 3, .high = 2000, .log = true}).Ticks(5), ElementsAre(10, 100, 1000));
  EXPECT_THAT((Axis{.low = 0.4, .high = 6, .log = true}).Ticks(5), ElementsAre(0.5, 1, 2, 5));
}

TEST(AxisTest, PlacesByRatioIfLogarithmic) {
  const Axis axis = {.low = 1, .high = 100, .log = true};
  EXPECT_DOUBLE_EQ(axis.At(10), 0.5);
  EXPECT_DOUBLE_EQ(axis.At(0), 0);
  EXPECT_DOUBLE_EQ(axis.At(1e9), 1);
}

TEST(AxisTest, OneValueStillHasALength) {
  const Axis axis = AxisOf({3, kNan, 3});
  EXPECT_LT(axis.low, axis.high);
  EXPECT_GT(axis.At(3), 0);
  EXPECT_EQ(AxisOf({}).high, 1);
}

TEST(LinePlotTest, BreaksWhereThereIsNoValue) {
  const std::string plot =
      LinePlot({.low = 0, .high = 4}, {.low = 0, .high = 1},
               {{.name = "a", .style = "model", .points = {{0, 0}, {1, kNan}, {2, 1}, {4, 0.5}}}},
               {.x = "x", .y = "y", .spoken = "s"});
  EXPECT_THAT(plot, HasSubstr("d=\"M0 1000h4M500 0h4L1000 500\""));
  EXPECT_THAT(plot, Not(HasSubstr("nan")));
}

TEST(HeatMapTest, LeavesOutWhatNeverWoke) {
  const std::string map = HeatMap({.low = 0, .high = 2}, {0, 1, 2}, {{0, 1}, {kNan, 0}},
                                  {.x = "x", .y = "y", .spoken = "s"});
  EXPECT_THAT(map, HasSubstr("fill-opacity=\"1\" d=\"M0 500h500v500h-500z\""));
  EXPECT_THAT(map, Not(HasSubstr("nan")));
}

}  // namespace
}  // namespace gyrus
