// SPDX-License-Identifier: Apache-2.0
#include "tools/metrics.h"

#include <gtest/gtest.h>

namespace gyrus {
namespace {

TEST(IntervalsTest, StayFewAndLoseNothing) {
  Intervals intervals;
  uint64_t added = 0;
  for (uint64_t examples = 1; examples <= 12345; ++examples) {
    if (!intervals.Due(examples)) continue;
    intervals.Add({.examples = examples,
                   .seconds = 0,
                   .sums = {.scored = examples - added},
                   .bins = {{examples - added}}});
    added = examples;
  }
  EXPECT_LT(intervals.all().size(), Intervals::kMost);
  EXPECT_GE(intervals.all().size(), Intervals::kMost / 2 - 1);
  uint64_t last = 0;
  for (const Interval& interval : intervals.all()) {
    EXPECT_EQ(interval.sums.scored, interval.examples - last);
    EXPECT_EQ(interval.bins[0][0], interval.examples - last);
    last = interval.examples;
  }
  EXPECT_EQ(last, added);
}

TEST(HistogramJsonTest, ListsBinsInMicroseconds) {
  LatencyHistogram histogram;
  EXPECT_EQ(HistogramJson(histogram), "[]");
  histogram.Record(Nanos(1000));
  histogram.Record(Nanos(1010));
  // 1,000 ns lies in the bin from 896 to 1,024.
  EXPECT_EQ(HistogramJson(histogram), "[[1.024,2]]");
}

}  // namespace
}  // namespace gyrus
