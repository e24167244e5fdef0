// SPDX-License-Identifier: Apache-2.0
#include "tools/top_frame.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

// After so many seconds at 1,000 steps each, each of the loss 0.7.
Samples At(double seconds) {
  const double events = 1000 * seconds;
  return *Samples::Parse(absl::StrCat(
      "gyrus_brain_info{brain=\"b\"} 1\ngyrus_uptime_seconds ", seconds,
      "\ngyrus_published_snapshot 5\ngyrus_session_info{session=\"main\",mode=\"inline\"} 1\n",
      "gyrus_steps_total{session=\"main\"} ", 9000 + events, "\ngyrus_learned_total ", events,
      "\ngyrus_learned_loss_total ", 0.7 * events, "\ngyrus_loss{session=\"main\"} 0.7\n",
      "gyrus_regions{area=\"a\"} 64\ngyrus_woken_regions_total{session=\"main\",area=\"a\"} ",
      8 * events, "\ngyrus_step_seconds{session=\"main\",quantile=\"0.5\"} 2e-06\n",
      "gyrus_step_seconds_count{session=\"main\"} 3\n"));
}

std::string Text(const TopFrame& frame) { return absl::StrJoin(frame.Lines(), "\n"); }

TEST(TopFrameTest, ShowsOneLookAsMeansSinceTheBeginning) {
  const BrainSpec spec = test::TinyLabelled(1);
  TopFrame frame(spec);
  EXPECT_TRUE(frame.Lines().empty());
  frame.Add(At(10));
  EXPECT_THAT(Text(frame), HasSubstr("b, up 10 s, main inline"));
  EXPECT_THAT(Text(frame), HasSubstr("0.7 nats (last 1000), 0.7 on average"));
  EXPECT_THAT(Text(frame), HasSubstr("19.0 k in all; learned 10.0 k, 1.00 k/s"));
  EXPECT_THAT(Text(frame), HasSubstr("median 2 us"));
  EXPECT_THAT(Text(frame), HasSubstr("a: 80.0 k times, of 64 regions"));
  EXPECT_THAT(Text(frame), HasSubstr("drift     not watched"));
  EXPECT_THAT(Text(frame), Not(HasSubstr("journal")));
}

TEST(TopFrameTest, ShowsTwoLooksAsWhatHappenedBetweenThem) {
  const BrainSpec spec = test::TinyText();
  TopFrame frame(spec);
  frame.Add(At(10));
  frame.Add(At(12));
  frame.Add(At(13));
  EXPECT_THAT(Text(frame), HasSubstr("1.01 bits/symbol (last 1000), 1.01 now"));
  EXPECT_THAT(Text(frame), HasSubstr("▁▁"));
  EXPECT_THAT(Text(frame), HasSubstr("a: 8.0 of 64 regions per step"));
}

TEST(TopFrameTest, ShowsWhatTheBrainCopesWith) {
  BrainSpec spec = test::TinyText();
  spec.drift.delta = 0.002F;
  TopFrame frame(spec);
  frame.Add(*Samples::Parse(
      "gyrus_uptime_seconds 2\ngyrus_drifts_total 3\ngyrus_learned_total 9\n"
      "gyrus_loss 1\ngyrus_learned_loss_total 9\ngyrus_replayed_total 4\n"
      "gyrus_replayed_loss_total 2\ngyrus_renewed_units_total 7\n"
      "gyrus_guard_windows_total{outcome=\"good\"} 5\n"
      "gyrus_guard_windows_total{outcome=\"taken_back\"} 2\n"
      "gyrus_guard_windows_total{outcome=\"accepted\"} 1\n"
      "gyrus_guard_quarantined_events_total 200\ngyrus_journal_lag_seconds 0.5\n"
      "gyrus_journal_lag_commits 4\n"
      "gyrus_journal_failing 1\ngyrus_background_learn_seconds{quantile=\"0.5\"} 1e-3\n"
      "gyrus_background_learn_seconds_count 4\ngyrus_background_busy_seconds_total 1\n"
      "gyrus_waiting_experiences 6\n"));
  EXPECT_THAT(Text(frame), HasSubstr("drift     found 3 times"));
  EXPECT_THAT(Text(frame), HasSubstr("5 windows good, 2 taken back (200 events), 1 accepted"));
  EXPECT_THAT(Text(frame), HasSubstr("7 began anew"));
  EXPECT_THAT(Text(frame), HasSubstr("0.7213 of stored samples"));
  EXPECT_THAT(Text(frame), HasSubstr("CANNOT WRITE; behind by 500 ms"));
  EXPECT_THAT(Text(frame), HasSubstr("busy 50 %, 6 waiting"));
  EXPECT_THAT(Text(frame), ContainsRegex("learn +median 1 ms"));
}

TEST(TopFrameTest, FitsASmallTerminal) {
  const BrainSpec spec = test::TinyText();
  std::string text =
      "gyrus_loss 1\ngyrus_background_learn_seconds_count 4\n"
      "gyrus_guard_windows_total{outcome=\"good\"} 1e12\ngyrus_replayed_total 4\n"
      "gyrus_journal_lag_seconds 5\ngyrus_renewed_units_total 7\n";
  for (int i = 0; i < 100; ++i) {
    const std::string session = absl::StrCat("{session=\"", std::string(30, 's'), i, "\"");
    absl::StrAppend(&text, "gyrus_session_info", session, ",mode=\"background\"} 1\n",
                    "gyrus_step_seconds_count", session, "} 1\n", "gyrus_regions{area=\"",
                    std::string(90, 'a'), i, "\"} 4\n");
  }
  TopFrame frame(spec);
  for (int i = 0; i < 1000; ++i) frame.Add(*Samples::Parse(text));
  EXPECT_LE(frame.Lines().size(), 22U) << "two more say how to leave";
  for (const std::string& line : frame.Lines()) EXPECT_EQ(Clipped(line, 80), line);
}

TEST(TopFrameTest, SparklineIsOfBarsFromTheLeastToTheMost) {
  EXPECT_EQ(Sparkline({}, 10), "");
  EXPECT_EQ(Sparkline({1, 1}, 10), "▁▁");
  EXPECT_EQ(Sparkline({0, 7, kNothing, 3.5}, 10), "▁█ ▅");
  EXPECT_EQ(Sparkline({0, 2, 7, 9}, 2), "▁█") << "neighbours are averaged";
}

TEST(TopFrameTest, ClipsWholeCharacters) {
  EXPECT_EQ(Clipped("a▁bc", 3), "a▁b");
  EXPECT_EQ(Clipped("a▁", 1), "a");
}

}  // namespace
}  // namespace gyrus
