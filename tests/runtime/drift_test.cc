// SPDX-License-Identifier: Apache-2.0
// What a watch of drift does to a brain; the watch itself: tests/learner/drift_watch_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/rng.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/runtime.h"
#include "runtime/session.h"
#include "tests/support/blocks.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"

namespace gyrus {
namespace {

using test::Blocks;
using test::IsOk;
using test::StatusIs;
using testing::HasSubstr;

constexpr uint64_t kDriftsAt = 1500;

BrainSpec Classes(float raise) {
  BrainSpec spec;
  spec.name = "classes";
  spec.modalities = {{.name = "x", .kind = ModalityKind::kReals, .size = 3}};
  spec.encoders = {{.name = "row", .modality = "x", .kind = RealsEncoderSpec{.constant = true}}};
  spec.areas = {{.name = "hidden", .inputs = {"row"}, .outputs = 16, .cell = DenseCellSpec{}}};
  spec.heads = {
      {.name = "class", .classes = 2, .kind = SoftmaxHeadSpec{.input = "hidden", .rate = 0.002F}}};
  spec.drift = {.delta = 0.002F, .raise = raise, .steps = 300};
  return spec;
}

BrainSpec Number(float raise) {
  BrainSpec spec = Classes(raise);
  spec.areas.clear();
  spec.heads = {{.name = "y", .outputs = 1, .kind = KalmanHeadSpec{.inputs = {"row"}}}};
  return spec;
}

// Steps up to `to` of a stream that turns over once; returns the sum of what was lost, inline.
double Live(Session* session, const BrainSpec& spec, uint64_t to) {
  const bool classes = spec.heads[0].classes > 0;
  double loss = 0;
  for (uint64_t i = session->steps() + 1; i <= to; ++i) {
    Rng rng(i);
    const float x[] = {rng.Normal(), rng.Normal(), rng.Normal()};
    const float y = (i < kDriftsAt ? 1.0F : -1.0F) * (x[0] - x[1]) + 0.1F * rng.Normal();
    const Value value{.present = true, .reals = x};
    const auto step = session->Step({.values = {&value, 1}});
    EXPECT_THAT(step, IsOk());
    EXPECT_THAT(session->Learn(*step, {.symbol = classes && y > 0 ? 1U : 0U,
                                       .reals = {&y, classes ? 0U : 1U}}),
                IsOk());
    if (session->learner() != nullptr) loss += session->learner()->last().loss;
  }
  return loss;
}

std::unique_ptr<Runtime> Make(const BrainSpec& spec) {
  auto runtime = Runtime::Create(spec, {.learner_thread = false});
  EXPECT_THAT(runtime, IsOk());
  return *std::move(runtime);
}

TEST(DriftTest, LearnsFasterAfterOne) {
  for (BrainSpec (*const brain)(float) : {Classes, Number}) {
    double after[2];
    for (const float raise : {1.0F, 10.0F}) {
      const BrainSpec spec = brain(raise);
      const auto runtime = Make(spec);
      ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
      Live(session.get(), spec, kDriftsAt - 1);
      EXPECT_EQ(session->learner()->counts().drifts, 0U);
      after[raise > 1 ? 1 : 0] = Live(session.get(), spec, kDriftsAt + 500);
      EXPECT_EQ(session->learner()->counts().drifts, 1U);
    }
    EXPECT_LT(after[1], 0.8 * after[0]);
  }
}

TEST(DriftTest, EndsAsInlineInTheBackgroundWhichCountsIt) {
  const BrainSpec spec = Classes(10);
  const auto one = Make(spec);
  const auto other = Make(spec);
  ASSERT_OK_AND_ASSIGN(const auto a, one->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto b, other->OpenSession({.mode = Mode::kBackground}));
  for (uint64_t to = 100; to <= 2000; to += 100) {
    Live(a.get(), spec, to);
    Live(b.get(), spec, to);
    ASSERT_THAT(other->RunFor(Nanos::max()), IsOk());
  }
  ASSERT_THAT(other->Drain(), IsOk());

  EXPECT_EQ(other->status().background.counts.drifts, 1U);
  EXPECT_EQ(Blocks(&one->store()), Blocks(&other->store()));
}

// What a window taught is taken back, and with it what its losses told the watch.
TEST(DriftTest, ARollbackEndsTheRaise) {
  std::string blocks[2];
  for (const float raise : {1.0F, 10.0F}) {
    BrainSpec spec = Number(raise);
    spec.guard = {.window = 300};
    const auto runtime = Make(spec);
    ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
    Live(session.get(), spec, 1799);
    EXPECT_EQ(session->learner()->counts().drifts, 1U);
    Live(session.get(), spec, 1820);
    EXPECT_EQ(runtime->status().guard.rollbacks, 1U);
    blocks[raise > 1 ? 1 : 0] = Blocks(&runtime->store());
  }
  EXPECT_EQ(blocks[1], blocks[0]);
}

TEST(DriftTest, MayBeTurnedOnAndOffBetweenRuns) {
  const test::TempFiles folder;
  for (const bool on : {false, true, false}) {
    BrainSpec spec = Classes(3);
    if (!on) spec.drift = {};
    ASSERT_THAT(WriteFile(BrainPath(folder.root()), FormatBrain(spec)), IsOk());
    ASSERT_OK_AND_ASSIGN(const auto runtime, Runtime::Open(folder.root(), {}));
    ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
    Live(session.get(), spec, session->steps() + 300);
    ASSERT_THAT(runtime->Save({session.get()}, {}), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const auto runtime, Runtime::Open(folder.root(), {}));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  EXPECT_EQ(session->steps(), 900U);
}

TEST(DriftTest, GoesOnFromASaveWithinTheRaise) {
  const BrainSpec spec = Number(10);
  const auto straight = Make(spec);
  ASSERT_OK_AND_ASSIGN(const auto whole, straight->OpenSession({}));
  Live(whole.get(), spec, 2000);

  const test::TempFiles folder;
  ASSERT_THAT(WriteFile(BrainPath(folder.root()), FormatBrain(spec)), IsOk());
  for (const uint64_t to : {kDriftsAt + 150, uint64_t{2000}}) {
    ASSERT_OK_AND_ASSIGN(const auto runtime, Runtime::Open(folder.root(), {}));
    ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
    Live(session.get(), spec, to);
    ASSERT_THAT(runtime->Save({session.get()}, {}), IsOk());
    ASSERT_OK_AND_ASSIGN(const std::vector<std::string> history, runtime->History());
    ASSERT_EQ(history.size(), 1U);
    EXPECT_THAT(history[0], HasSubstr("\"kind\":\"drift\""));
    if (to == 2000) {
      EXPECT_EQ(Blocks(&runtime->store()), Blocks(&straight->store()));
    }
  }
}

TEST(DriftTest, RefusesWhatIsOutsideItsRange) {
  BrainSpec spec = Classes(0.5F);
  EXPECT_THAT(Plan::Create(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                           "drift.raise must be at least 1 and finite, got 0.5"));
  spec.drift = {.delta = 1};
  EXPECT_THAT(Plan::Create(spec),
              StatusIs(absl::StatusCode::kInvalidArgument, "drift.delta must be in [0, 1), got 1"));
}

}  // namespace
}  // namespace gyrus
