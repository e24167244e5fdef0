// SPDX-License-Identifier: Apache-2.0
#include "tools/progress.h"

#include <gtest/gtest.h>

#include <cmath>

namespace gyrus {
namespace {

ProgressState Half() {
  return {.examples = 5000,
          .of = 10000,
          .seconds = 10,
          .means = {.scored = 4999,
                    .loss = 2.5,
                    .accuracy = std::nan(""),
                    .mae = 0,
                    .baseline = 4.75,
                    .baseline_name = "order 0"},
          .loss_name = "bits/symbol",
          .woken = 4,
          .regions = 32};
}

TEST(ProgressTest, SaysHowFastHowWellAndBesideWhat) {
  EXPECT_EQ(ProgressText(Half()),
            "5.00 k examples  500/s  2.5 bits/symbol (order 0 4.75)  woke 4 of 32");
}

TEST(ProgressTest, ShowsClassesAsAccuracy) {
  ProgressState state = Half();
  state.means.accuracy = 0.75;
  state.means.baseline = 0.5;
  state.means.baseline_name = "majority";
  EXPECT_NE(ProgressText(state).find("accuracy 0.7500 (majority 0.5000)"), std::string::npos);
}

TEST(ProgressTest, DrawsABarWithTheTimeLeft) {
  const std::string bar = ProgressBar(Half(), 200);
  EXPECT_EQ(bar.find("[##########..........]  50 %  10 s left  5.00 k"), 0U) << bar;
  EXPECT_EQ(ProgressBar(Half(), 30).size(), 30U);
}

TEST(ProgressTest, DrawsNoBarWithoutAnEnd) {
  ProgressState state = Half();
  state.of = std::nullopt;
  EXPECT_EQ(ProgressBar(state, 200), ProgressText(state));
}

TEST(ProgressTest, WritesTimesAndCountsForPeople) {
  EXPECT_EQ(FormatSeconds(0.2), "0 s");
  EXPECT_EQ(FormatSeconds(200), "3 min 20 s");
  EXPECT_EQ(FormatSeconds(7500), "2 h 5 min");
  EXPECT_EQ(FormatCount(950), "950");
  EXPECT_EQ(FormatCount(12345), "12.3 k");
  EXPECT_EQ(FormatCount(4.56e6), "4.56 M");
}

}  // namespace
}  // namespace gyrus
