// SPDX-License-Identifier: Apache-2.0
// What a runtime says of itself while it learns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <thread>

#include "runtime/runtime.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::ProseByte;
using test::TinyLabelled;
using test::TinyReplaying;
using test::TinyText;

std::unique_ptr<Runtime> MakeRuntime(const BrainSpec& spec) {
  auto runtime = Runtime::Create(spec, {.learner_thread = false});
  EXPECT_THAT(runtime, IsOk());
  return *std::move(runtime);
}

// Steps of labelled prose.
void Live(Session* session, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    const Value value{.present = true, .symbol = ProseByte(session->steps())};
    const auto step = session->Step({.values = {&value, 1}});
    ASSERT_THAT(step, IsOk());
    ASSERT_THAT(session->Learn(*step, {.symbol = ProseByte(*step)}), IsOk());
  }
}

TEST(StatusTest, MeanLossIsThatOfTheEventsLearned) {
  LearningMeter meter;
  for (const double loss : {3.0, 1.0, 2.0}) meter.Learned(loss);
  meter.Learned(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(meter.learned, 4U);
  EXPECT_EQ(meter.refused, 1U);
  EXPECT_DOUBLE_EQ(meter.loss_sum, 6.0);
  EXPECT_DOUBLE_EQ(meter.loss, 2.0);
  for (int i = 0; i < 20'000; ++i) meter.Learned(10.0);
  EXPECT_NEAR(meter.loss, 10.0, 1e-3) << "what is long ago has faded";
}

TEST(StatusTest, LearningIsCountedInEveryModeByOneMeter) {
  const auto runtime = MakeRuntime(TinyLabelled(1));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({.name = "a"}));
  Live(session.get(), 100);
  ASSERT_THAT(session->SetMode(Mode::kBackground), IsOk());
  Live(session.get(), 50);
  ASSERT_THAT(runtime->Drain(), IsOk());
  ASSERT_THAT(session->SetMode(Mode::kFrozen), IsOk());
  const Value value{.present = true, .symbol = 1};
  ASSERT_THAT(session->Step({.values = {&value, 1}}), IsOk());

  const RuntimeStatus status = runtime->status();
  ASSERT_EQ(status.sessions.size(), 1U);
  const SessionMeter& meter = *status.sessions[0];
  EXPECT_EQ(meter.steps, 151U);
  EXPECT_EQ(meter.learning.learned, 150U);
  EXPECT_GT(meter.learning.loss, 0.0);
  EXPECT_LT(meter.learning.loss, std::log(256.0));
  EXPECT_FALSE(status.lag.has_value()) << "without a directory there is no journal";
}

TEST(StatusTest, IsReadBesideALearningSession) {
  const auto runtime = MakeRuntime(TinyReplaying(1));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({.name = "a"}));
  std::atomic<bool> done = false;
  uint64_t last = 0;
  bool rises = true;
  std::thread watcher([&] {
    while (!done) {
      const RuntimeStatus status = runtime->status();
      const uint64_t learned = status.sessions.at(0)->learning.learned;
      rises = rises && learned >= last;
      last = learned;
    }
  });
  Live(session.get(), 2000);
  done = true;
  watcher.join();
  EXPECT_TRUE(rises);
  EXPECT_EQ(runtime->status().sessions.at(0)->learning.learned, 2000U);
}

TEST(StatusTest, WakingsAreCountedByArea) {
  const auto runtime = MakeRuntime(TinyReplaying(1));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({.name = "a"}));
  uint64_t woken = 0;
  for (int i = 0; i < 200; ++i) {
    Live(session.get(), 1);
    woken += session->activity().areas[0].woken.size();
  }
  const SessionMeter& meter = session->meter();
  ASSERT_EQ(meter.woken.size(), 1U);
  EXPECT_EQ(meter.woken[0], woken);
}

TEST(StatusTest, ReplayTellsHowWellStoredSamplesAreKnown) {
  const auto runtime = MakeRuntime(TinyReplaying(1));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({.name = "a"}));
  Live(session.get(), 2000);
  const LearningMeter& learning = session->meter().learning;
  EXPECT_GT(learning.replayed, 3000U);
  const double mean = learning.replayed_loss_sum / static_cast<double>(learning.replayed);
  EXPECT_GT(mean, 0.0);
  EXPECT_LT(mean, std::log(256.0));
}

// A stream that teaches itself never calls Learn.
TEST(StatusTest, LearningFromTheFutureIsTimed) {
  const auto runtime = MakeRuntime(TinyText());
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({.name = "a"}));
  for (uint64_t i = 0; i < 10; ++i) {
    const Value value{.present = true, .symbol = ProseByte(i)};
    ASSERT_THAT(session->LearnFrom({.values = {&value, 1}}), IsOk());
    ASSERT_THAT(session->Step({.values = {&value, 1}}), IsOk());
  }
  EXPECT_EQ(session->meter().learn.histogram().count(), 10U);
  EXPECT_EQ(session->meter().learning.learned, 9U);
}

}  // namespace
}  // namespace gyrus
