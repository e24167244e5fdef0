// SPDX-License-Identifier: Apache-2.0
#include "core/stopwatch.h"

#include <gtest/gtest.h>

namespace gyrus {
namespace {

TEST(StopwatchTest, TimesFewOfTheShortCallsAndAllOfTheLong) {
  Stopwatch watch;
  int timed = 0;
  for (int i = 0; i < 160; ++i) {
    if (!watch.Due()) continue;
    ++timed;
    watch.Record(Nanos(500));
  }
  EXPECT_EQ(timed, 10);
  Stopwatch slow;
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(slow.Due());
    slow.Record(std::chrono::microseconds(50));
  }
  EXPECT_EQ(slow.histogram().count(), 10U);
}

}  // namespace
}  // namespace gyrus
