// SPDX-License-Identifier: Apache-2.0
#include "tools/report/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace gyrus {
namespace {

using testing::ElementsAre;

std::string Line(const std::string& kind, int run, int examples) {
  return absl::StrCat("{\"kind\":\"", kind, "\",\"run\":", run, ",\"examples\":", examples,
                      ",\"steps\":", 1000 + examples, "}");
}

std::vector<double> Examples(const HistoryLines& history) {
  std::vector<double> examples;
  for (const IntervalLine& interval : history.intervals) examples.push_back(interval.examples);
  return examples;
}

TEST(HistoryTest, ForgetsWhatARunToldBeforeItEnded) {
  const HistoryLines history =
      ReadHistory({Line("progress", 1, 1), Line("progress", 1, 2), Line("interval", 1, 5),
                   Line("interval", 1, 10), Line("summary", 1, 10)});

  EXPECT_THAT(Examples(history), ElementsAre(5, 10));
  EXPECT_FALSE(BrokeOff(history));
  EXPECT_EQ(NewestRun(history), 1);
}

TEST(HistoryTest, KeepsWhatARunToldThatBrokeOff) {
  std::vector<std::string> lines = {Line("interval", 1, 7), Line("summary", 1, 7),
                                    Line("progress", 2, 1), Line("progress", 2, 2)};
  const HistoryLines broke = ReadHistory(lines);
  lines.insert(lines.end(),
               {Line("progress", 3, 1), Line("interval", 3, 9), Line("summary", 3, 9)});
  const HistoryLines ended = ReadHistory(lines);

  EXPECT_THAT(Examples(broke), ElementsAre(7, 1, 2));
  EXPECT_TRUE(BrokeOff(broke));
  EXPECT_EQ(NewestRun(broke), 2);
  EXPECT_EQ(broke.intervals.back().steps, 1002);
  EXPECT_THAT(Examples(ended), ElementsAre(7, 1, 2, 9));
  EXPECT_FALSE(BrokeOff(ended));
  EXPECT_EQ(ended.unreadable, 0);
}

TEST(HistoryTest, HasNoRunBeforeTheFirst) {
  EXPECT_EQ(NewestRun(ReadHistory({})), 0);
  EXPECT_FALSE(BrokeOff(ReadHistory({})));
}

}  // namespace
}  // namespace gyrus
