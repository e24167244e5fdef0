// SPDX-License-Identifier: Apache-2.0
#include "runtime/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/runtime.h"
#include "runtime/session.h"
#include "tests/support/blocks.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::Blocks;
using test::IsOk;
using test::ProseByte;
using test::StatusIs;
using test::TinyText;
using testing::HasSubstr;

constexpr uint32_t kWindow = 100;

// Learns y = w . x: three reals to one.
BrainSpec Regression(uint32_t window) {
  BrainSpec spec;
  spec.name = "regression";
  spec.modalities = {{.name = "x", .kind = ModalityKind::kReals, .size = 3}};
  spec.encoders = {{.name = "reals",
                    .modality = "x",
                    .kind = RealsEncoderSpec{.settle_after = 10, .constant = true}}};
  spec.heads = {{.name = "y",
                 .outputs = 1,
                 .kind = KalmanHeadSpec{.inputs = {"reals"}, .process_noise = 1e-4F}}};
  spec.guard.window = window;
  return spec;
}

// Steps and labels by the number of the step; returns the mean loss of those from `from` on.
class Stream {
 public:
  // In poisoned steps the labels are absurd; from `flips` on the world is another.
  struct Life {
    uint64_t poison_begin = 0;
    uint64_t poison_end = 0;
    uint64_t flips = UINT64_MAX;
  };

  Stream(Session* session, const Life& life) : session_(session), life_(life) {}

  // Runs up to step `to`; returns the mean squared error of what was predicted of the truth.
  double RunTo(uint64_t to) {
    double sum = 0;
    const uint64_t from = session_->steps();
    while (session_->steps() < to) sum += One();
    return sum / static_cast<double>(to - from);
  }

 private:
  double One() {
    const uint64_t i = session_->steps() + 1;
    const float x[] = {Draw(), Draw(), Draw()};
    const float truth = (i < life_.flips ? 1.0F : -5.0F) * (x[0] - 2 * x[1] + 0.5F * x[2]);
    const bool poisoned = i >= life_.poison_begin && i < life_.poison_end;
    const float label[] = {poisoned ? 1000.0F : truth + 0.1F * Draw()};
    const Value value{.present = true, .reals = x};
    float mean[1];
    float variance[1];
    Prediction prediction{.mean = mean, .variance = variance};
    const auto step =
        session_->Step({.values = {&value, 1}}, {.kind = Want::Kind::kReals}, &prediction);
    EXPECT_THAT(step, IsOk());
    EXPECT_THAT(session_->Learn(*step, {.reals = label}), IsOk());
    return (mean[0] - truth) * (mean[0] - truth);
  }

  float Draw() { return 2.0F * rng_.Uniform() - 1.0F; }

  Session* session_;
  Life life_;
  Rng rng_{7};
};

std::unique_ptr<Runtime> Make(const BrainSpec& spec, Runtime::Options options = {}) {
  options.learner_thread = false;
  auto runtime = Runtime::Create(spec, options);
  EXPECT_THAT(runtime, IsOk());
  return *std::move(runtime);
}

TEST(GuardTest, TakesAPoisonedWindowBackToTheBit) {
  const auto runtime = Make(Regression(kWindow));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  Stream stream(session.get(), {.poison_begin = 1021, .poison_end = 1061});

  stream.RunTo(1000);
  const std::string before = Blocks(&runtime->store());
  stream.RunTo(1099);
  EXPECT_NE(Blocks(&runtime->store()), before);
  EXPECT_EQ(runtime->status().guard.rollbacks, 0U);
  const SnapshotNumber published = runtime->store().published();
  stream.RunTo(1100);

  EXPECT_EQ(Blocks(&runtime->store()), before);
  EXPECT_GT(runtime->store().published(), published);
  const Guard::Status status = runtime->status().guard;
  EXPECT_EQ(status.good, 10U);
  EXPECT_EQ(status.rollbacks, 1U);
  EXPECT_EQ(status.quarantined, kWindow);
  EXPECT_GT(status.restored, 0U);
  EXPECT_GT(status.loss, 3 * status.reference);
  ASSERT_EQ(status.quarantines.size(), 1U);
  EXPECT_EQ(status.quarantines[0].session, "main");
  EXPECT_EQ(status.quarantines[0].first_step, 1001U);
  EXPECT_EQ(status.quarantines[0].last_step, 1100U);
}

// As an update that went wrong would leave it.
void BreakBlocks(Store* store) {
  const std::vector<uint32_t> one_each(store->num_tables(), 1);
  std::optional<Commit> commit = Commit::TryBegin(store, one_each);
  ASSERT_TRUE(commit.has_value());
  for (uint32_t t = 0; t < store->num_tables(); ++t) {
    if (store->spec(t).name == "y.filters") *commit->As<float>({t, 0}) = NAN;
  }
}

TEST(GuardTest, TakesBackEveryWindowWithALossThatIsNotFinite) {
  const auto runtime = Make(Regression(kWindow));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  Stream stream(session.get(), {});
  // The first window too, which has no reference yet.
  stream.RunTo(20);
  BreakBlocks(&runtime->store());
  stream.RunTo(100);
  EXPECT_EQ(runtime->status().guard.rollbacks, 1U);
  stream.RunTo(1000);
  const std::string before = Blocks(&runtime->store());
  for (uint64_t window = 1; window <= 2; ++window) {
    stream.RunTo(900 + 100 * window + 20);
    BreakBlocks(&runtime->store());
    stream.RunTo(900 + 100 * window + 100);
    EXPECT_EQ(Blocks(&runtime->store()), before);
    EXPECT_EQ(runtime->status().guard.rollbacks, 1 + window);
  }
  EXPECT_EQ(runtime->status().guard.accepted, 0U);
  EXPECT_LT(stream.RunTo(1300), 0.01);
}

TEST(GuardTest, WhatPoisonTaughtIsNotServed) {
  const Stream::Life life{.poison_begin = 1021, .poison_end = 1061};
  double after[2];
  for (const bool guarded : {false, true}) {
    const auto runtime = Make(Regression(guarded ? kWindow : 0));
    ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
    Stream stream(session.get(), life);
    stream.RunTo(1100);
    after[guarded ? 1 : 0] = stream.RunTo(1200);
  }
  EXPECT_GT(after[0], 10.0);
  EXPECT_LT(after[1], 0.01);
}

TEST(GuardTest, AcceptsAChangedWorldAfterOneRollback) {
  const auto runtime = Make(Regression(kWindow));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  Stream stream(session.get(), {.flips = 1001});
  stream.RunTo(1100);
  EXPECT_EQ(runtime->status().guard.rollbacks, 1U);
  EXPECT_EQ(runtime->status().guard.accepted, 0U);
  stream.RunTo(1200);
  EXPECT_EQ(runtime->status().guard.accepted, 1U);

  stream.RunTo(5000);
  const Guard::Status status = runtime->status().guard;
  EXPECT_EQ(status.rollbacks, 1U);
  EXPECT_EQ(status.accepted, 1U);
  EXPECT_EQ(status.good, 48U);
  EXPECT_LT(stream.RunTo(5100), 0.1);
}

TEST(GuardTest, EndsAsInlineInTheBackground) {
  const Stream::Life life{.poison_begin = 330, .poison_end = 370, .flips = 700};
  const auto one = Make(Regression(kWindow));
  const auto other = Make(Regression(kWindow));
  ASSERT_OK_AND_ASSIGN(const auto a, one->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto b, other->OpenSession({.mode = Mode::kBackground}));
  Stream inline_stream(a.get(), life);
  Stream background_stream(b.get(), life);
  for (uint64_t step = 10; step <= 1000; step += 10) {
    inline_stream.RunTo(step);
    background_stream.RunTo(step);
    if (step % 30 == 0) {
      EXPECT_THAT(other->RunFor(Nanos(1)), IsOk());
    }
    if (step % 170 == 0) {
      EXPECT_THAT(other->RunFor(Nanos::max()), IsOk());
    }
  }
  ASSERT_THAT(other->Drain(), IsOk());

  EXPECT_EQ(other->status().background.dropped, 0U);
  EXPECT_EQ(other->status().guard.rollbacks, one->status().guard.rollbacks);
  EXPECT_GE(other->status().guard.rollbacks, 2U);
  EXPECT_EQ(Blocks(&one->store()), Blocks(&other->store()));
}

// Prose, and now and then a stretch of noise.
uint8_t PoisonedProse(uint64_t i) {
  return i % 1000 >= 620 && i % 1000 < 680 ? static_cast<uint8_t>((i * 2654435761U) >> 13)
                                           : ProseByte(i);
}

void Read(Session* session, uint64_t to) {
  while (session->steps() < to) {
    while (session->stream() != nullptr && session->stream()->waiting() >= 500) {
      std::this_thread::yield();
    }
    const Value value{.present = true, .symbol = PoisonedProse(session->steps())};
    ASSERT_THAT(session->Step({.values = {&value, 1}}), IsOk());
  }
}

TEST(GuardTest, WithTheLearnerOnItsOwnThreadItEndsAsInline) {
  BrainSpec spec = TinyText();
  spec.guard = {.window = kWindow, .bound = 2};
  ASSERT_OK_AND_ASSIGN(const auto one, Runtime::Create(spec, {}));
  ASSERT_OK_AND_ASSIGN(const auto other, Runtime::Create(spec, {}));
  ASSERT_OK_AND_ASSIGN(const auto a, one->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto b, other->OpenSession({.mode = Mode::kBackground}));
  ASSERT_OK_AND_ASSIGN(const auto reader, other->OpenSession({.name = "r", .mode = Mode::kFrozen}));
  Read(a.get(), 3000);
  std::thread served([&] { Read(reader.get(), 3000); });
  Read(b.get(), 3000);
  served.join();
  ASSERT_THAT(other->Drain(), IsOk());

  EXPECT_GE(one->status().guard.rollbacks, 2U);
  EXPECT_EQ(other->status().guard.rollbacks, one->status().guard.rollbacks);
  EXPECT_EQ(Blocks(&one->store()), Blocks(&other->store()));
}

// Learns bytes by chunks of eight steps and traces.
BrainSpec Recurrent() {
  AreaSpec area = {.name = "area", .inputs = {"symbol"}, .outputs = 16};
  area.cell = McsdCellSpec{.units = 16, .channels = 2};
  area.learning = {.rate = 0.01F, .chunk = 8, .trace = Trace::kFactored};
  BrainSpec spec;
  spec.name = "recurrent";
  spec.modalities = {{.name = "byte", .kind = ModalityKind::kSymbol, .size = 256}};
  spec.encoders = {{.name = "symbol", .modality = "byte", .kind = CategoryEncoderSpec{}}};
  spec.areas = {area};
  spec.heads = {{.name = "next", .classes = 256, .kind = SoftmaxHeadSpec{.input = "area"}}};
  spec.target_next = 1;
  spec.target_modality = "byte";
  spec.guard = {.window = kWindow, .bound = 1.5F};
  return spec;
}

// A window ends within a chunk: what that has gathered came of the window, and goes with it.
TEST(GuardTest, ForgetsTracesAndChunksAndSoEndsAsInlineInTheBackground) {
  const auto one = Make(Recurrent());
  const auto other = Make(Recurrent());
  ASSERT_OK_AND_ASSIGN(const auto a, one->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto b, other->OpenSession({.mode = Mode::kBackground}));
  for (uint64_t step = 1; step <= 2000; ++step) {
    const uint64_t rollbacks = one->status().guard.rollbacks;
    Read(a.get(), step);
    if (one->status().guard.rollbacks > rollbacks) {
      EXPECT_NE((step - 1) % 8, 0U);
      EXPECT_TRUE(a->learner()->settled());
    }
    Read(b.get(), step);
    if (step % 170 == 0) {
      EXPECT_THAT(other->RunFor(Nanos::max()), IsOk());
    }
  }
  ASSERT_THAT(other->Drain(), IsOk());

  EXPECT_GE(one->status().guard.rollbacks, 1U);
  EXPECT_EQ(other->status().guard.rollbacks, one->status().guard.rollbacks);
  EXPECT_TRUE(Blocks(&one->store()) == Blocks(&other->store()));
}

// With the fewest spares, and a reader, which makes every write after a publish a copy.
TEST(GuardTest, ItsHoldStallsNothing) {
  BrainSpec spec = TinyText();
  spec.guard = {.window = kWindow, .bound = 2};
  const auto runtime = Make(spec, {.spares = 1});
  ASSERT_OK_AND_ASSIGN(const auto reader, runtime->OpenSession({.mode = Mode::kFrozen}));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({.name = "learner"}));
  Read(session.get(), 3000);

  EXPECT_EQ(session->learner()->counts().stalled, 0U);
  EXPECT_GE(runtime->status().guard.rollbacks, 2U);
}

TEST(GuardTest, WritesItsRollbacksIntoTheHistory) {
  const test::TempFiles folder;
  ASSERT_THAT(WriteFile(BrainPath(folder.root()), FormatBrain(Regression(kWindow))), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto runtime, Runtime::Open(folder.root(), {}));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  Stream(session.get(), {.poison_begin = 320, .poison_end = 360, .flips = 701}).RunTo(1000);
  ASSERT_THAT(runtime->Save({session.get()}, {}), IsOk());

  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> history, runtime->History());
  ASSERT_EQ(history.size(), 3U);
  EXPECT_THAT(history[0], HasSubstr(R"("quarantine":[{"first_step":301,"last_step":400}])"));
  EXPECT_THAT(history[1], HasSubstr("\"event\":\"rollback\""));
  EXPECT_THAT(history[2], HasSubstr("\"event\":\"accepted\""));
}

// A reader that stays at one snapshot keeps the spares that a rollback needs.
class PinnedReaderTest : public testing::TestWithParam<Mode> {
 protected:
  void SetUp() override {
    BrainSpec spec = TinyText();
    spec.guard = {.window = kWindow, .bound = 2};
    spec.publish_every_ms = 10000;  // Lest copies use up the spares before the window ends.
    ASSERT_THAT(WriteFile(BrainPath(folder_.root()), FormatBrain(spec)), IsOk());
    auto runtime = Runtime::Open(
        folder_.root(),
        {.spares = 1, .durability = {.when = Durability::When::kOnClose}, .learner_thread = false});
    ASSERT_THAT(runtime, IsOk());
    runtime_ = *std::move(runtime);
    reader_ = *runtime_->OpenSession({.name = "reader", .mode = Mode::kFrozen});
    session_ = *runtime_->OpenSession({.mode = GetParam()});
  }

  // Everything that can be learned is learned after each step, as inline.
  void ReadTo(uint64_t step) {
    while (session_->steps() < step) {
      Read(session_.get(), session_->steps() + 1);
      if (GetParam() == Mode::kBackground) runtime_->RunFor(Nanos::max()).IgnoreError();
    }
  }

  test::TempFiles folder_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Session> reader_;
  std::unique_ptr<Session> session_;
};

TEST_P(PinnedReaderTest, ARollbackThatWaitsIsNeitherToldNorLostNorMadeDurable) {
  ReadTo(601);  // Step 600 has its target, and with it the sixth window ends.
  const std::string before = Blocks(&runtime_->store());
  ASSERT_EQ(runtime_->status().guard.rollbacks, 0U);
  ASSERT_THAT(runtime_->Save({}, {}), IsOk());
  const SnapshotNumber durable = runtime_->lag().durable;
  Read(reader_.get(), 1);
  {
    ASSERT_OK_AND_ASSIGN(const Exploration pinned, reader_->Explore());
    ReadTo(701);
    EXPECT_FALSE(Blocks(&runtime_->store()) == before);
    const Guard::Status status = runtime_->status().guard;
    EXPECT_EQ(status.rollbacks, 0U);
    EXPECT_EQ(status.quarantined, 0U);
    EXPECT_THAT(runtime_->Save({session_.get()}, {}), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_THAT(runtime_->Save({}, {}), StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_THAT(session_->Settle(), StatusIs(absl::StatusCode::kUnavailable));
    if (GetParam() == Mode::kBackground) {
      EXPECT_THAT(runtime_->Drain(), StatusIs(absl::StatusCode::kUnavailable));
    }
    EXPECT_EQ(runtime_->lag().durable, durable);
  }
  ASSERT_THAT(runtime_->Save({}, {}), IsOk());
  EXPECT_TRUE(Blocks(&runtime_->store()) == before);
  EXPECT_EQ(runtime_->status().guard.rollbacks, 1U);
  EXPECT_EQ(runtime_->status().guard.quarantined, kWindow);
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> history, runtime_->History());
  ASSERT_EQ(history.size(), 1U);
  EXPECT_THAT(history[0], HasSubstr(R"("event":"rollback")"));
}

TEST_P(PinnedReaderTest, ARollbackThatWaitsEndsBeforeTheNextStepIsLearned) {
  ReadTo(601);
  const std::string before = Blocks(&runtime_->store());
  Read(reader_.get(), 1);
  {
    ASSERT_OK_AND_ASSIGN(const Exploration pinned, reader_->Explore());
    ReadTo(701);
  }
  if (GetParam() == Mode::kBackground) {
    ASSERT_THAT(runtime_->RunFor(Nanos(1)), IsOk());  // Though nothing waits to be learned.
    EXPECT_TRUE(Blocks(&runtime_->store()) == before);
  }
  ReadTo(702);
  EXPECT_EQ(runtime_->status().guard.rollbacks, 1U);
}

INSTANTIATE_TEST_SUITE_P(Modes, PinnedReaderTest,
                         testing::Values(Mode::kInline, Mode::kBackground));

TEST(GuardTest, LearnsWithoutAllocatingWithinAWindow) {
  BrainSpec spec = TinyText();
  spec.guard = {.window = kWindow, .bound = 2};
  const auto runtime = Make(spec, {.spares = 1});
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  Read(session.get(), 601);
  for (uint64_t i = 601; i < 699; ++i) {
    const Value value{.present = true, .symbol = PoisonedProse(i)};
    const Observation observation = {.values = {&value, 1}};
    const test::NoAllocScope scope;
    const bool ok = session->Step(observation).ok();
    const int64_t allocations = scope.count();
    ASSERT_TRUE(ok);
    ASSERT_EQ(allocations, 0) << "step " << i;
  }
}

TEST(GuardTest, CountsTheMemoryOfARollback) {
  BrainSpec spec = TinyText();
  const auto free = *Plan::Create(spec);
  spec.guard = {.window = 1000000, .bound = 2};
  const auto guarded = *Plan::Create(spec);
  uint64_t bytes = 0;
  for (const PlanBuilder::Table& table : guarded->tables()) {
    bytes += table.spec.blocks * table.spec.layout.block_bytes();
  }
  EXPECT_EQ(Guard::BytesFor(*free), 0U);
  EXPECT_EQ(Guard::BytesFor(*guarded), bytes);  // All blocks may change in such a window.
}

TEST(GuardTest, RefusesAWindowOrBoundOutOfRange) {
  EXPECT_THAT(Plan::Create(Regression(9)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "guard.window must be 0 or in [10, 1e6], got 9"));
  BrainSpec spec = Regression(kWindow);
  spec.guard.bound = 1;
  EXPECT_THAT(Plan::Create(spec), StatusIs(absl::StatusCode::kInvalidArgument,
                                           "guard.bound must be above 1 and finite, got 1"));
}

}  // namespace
}  // namespace gyrus
