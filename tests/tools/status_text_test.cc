// SPDX-License-Identifier: Apache-2.0
#include "tools/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "tests/support/commands.h"
#include "tests/support/status_matchers.h"
#include "tools/samples.h"

namespace gyrus {
namespace {

using test::IsOk;
using testing::HasSubstr;
using testing::Not;

constexpr Nanos kMicro = std::chrono::microseconds(1);

BrainSpec Spec() {
  BrainSpec spec;
  spec.name = "a \"quoted\" brain";
  spec.areas = {{.name = "vision", .regions = 64}, {.name = "association", .regions = 4096}};
  spec.guard = {.window = 1000, .bound = 3};
  return spec;
}

// Of a brain with all there is to tell.
RuntimeStatus Status() {
  static LatencyHistogram background;
  background.Reset();
  background.Record(20 * kMicro);
  RuntimeStatus status;
  status.published = 7;
  status.commits = 120;
  status.background = {.counts = {.stalled = 6},
                       .unlearned = 1,
                       .dropped = 2,
                       .waiting = 3,
                       .streams = 1,
                       .publishes = 5,
                       .busy = std::chrono::milliseconds(250),
                       .elapsed = std::chrono::seconds(2),
                       .unpublished = std::chrono::milliseconds(4)};
  status.guard = {.good = 9,
                  .rollbacks = 1,
                  .quarantined = 1000,
                  .restored = 40,
                  .accepted = 1,
                  .loss = 2.5,
                  .reference = 0.75,
                  .quarantines = {}};
  status.lag = Lag{.commits = 11,
                   .bytes = 4096,
                   .time = std::chrono::milliseconds(500),
                   .durable = 6,
                   .written_bytes = 65536,
                   .status = absl::UnavailableError("disk full")};
  status.learn = &background;
  const std::shared_ptr<SessionMeter> meter(
      new SessionMeter{.name = "main", .woken = std::vector<std::atomic<uint64_t>>(2)});
  meter->mode = Mode::kBackground;
  meter->steps = 150;
  meter->served = 7;
  meter->deadlines_missed = 2;
  meter->step.Record(2 * kMicro);
  meter->step.Record(100 * kMicro);
  meter->woken[0] = 600;
  meter->woken[1] = 1200;
  meter->learning.Learned(1.5);
  meter->learning.Learned(0.5);
  meter->learning.Replayed(0.25);
  meter->learning.unlabelled = 4;
  meter->learning.drifts = 1;
  meter->learning.renewed = 8;
  status.sessions = {meter};
  return status;
}

// GYRUS_RENEW=1 in the environment renews the file.
TEST(StatusTextTest, IsAsInTheGoldenFile) {
  const std::string text = StatusText(Spec(), Status());
  const std::string golden = std::string(GYRUS_SOURCE_DIR) + "/tests/tools/status_text.golden";
  if (std::getenv("GYRUS_RENEW") != nullptr) std::ofstream(golden) << text;
  EXPECT_EQ(text, test::FileText(golden));
}

// Exposition format 0.0.4: a family's HELP, its TYPE, its samples, and never again that name.
TEST(StatusTextTest, KeepsEachFamilyTogether) {
  std::set<std::string> seen;
  std::string family;
  std::string type;
  bool helped = false;
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(StatusText(Spec(), Status()), '\n'))) {
    if (line.empty()) continue;
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (absl::StartsWith(line, "# HELP ")) {
      family = words[2];
      EXPECT_TRUE(seen.insert(family).second) << family << " twice";
      EXPECT_TRUE(words.size() > 4 && absl::EndsWith(line, ".")) << line;
      helped = true;
    } else if (absl::StartsWith(line, "# TYPE ")) {
      EXPECT_TRUE(helped && words[2] == family) << line;
      type = words[3];
      EXPECT_EQ(type == "counter", absl::EndsWith(family, "_total")) << line;
      helped = false;
    } else {
      std::string name = line.substr(0, line.find_first_of("{ "));
      if (type == "summary" && (name == family + "_sum" || name == family + "_count"))
        name = family;
      EXPECT_EQ(name, family) << line;
    }
  }
}

TEST(StatusTextTest, LeavesOutWhatDoesNotApply) {
  BrainSpec spec = Spec();
  spec.guard = {};
  spec.areas.clear();
  const std::string text = StatusText(spec, RuntimeStatus());
  EXPECT_THAT(text, Not(HasSubstr("gyrus_guard")));
  EXPECT_THAT(text, Not(HasSubstr("gyrus_regions")));
  EXPECT_THAT(text, Not(HasSubstr("gyrus_journal")));
}

TEST(SamplesTest, ReadsWhatStatusTextSays) {
  ASSERT_OK_AND_ASSIGN(const Samples samples, Samples::Parse(StatusText(Spec(), Status())));
  EXPECT_EQ(samples.Of("gyrus_brain_info")[0].Label("brain"), "a \"quoted\" brain");
  EXPECT_EQ(samples.Sum("gyrus_woken_regions_total"), 1800);
  EXPECT_EQ(samples.Where("gyrus_guard_windows_total", "outcome", "taken_back"), 1);
  EXPECT_EQ(samples.Where("gyrus_step_seconds", "quantile", "1"), 1e-4);
  EXPECT_TRUE(samples.Has("gyrus_journal_failing"));
  EXPECT_FALSE(samples.Has("gyrus_journal"));
}

TEST(SamplesTest, RefusesWhatIsNoSample) {
  for (const char* line : {"a", " 1", "a{b=\"c} 1", "a{b} 1", "a one", "a{b=\"c\"}", "a{"}) {
    EXPECT_THAT(Samples::Parse(line), test::StatusIs(absl::StatusCode::kInvalidArgument)) << line;
  }
}

}  // namespace
}  // namespace gyrus
