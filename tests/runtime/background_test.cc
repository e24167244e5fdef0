// SPDX-License-Identifier: Apache-2.0
// Learning in the background, on one thread: here the test is the learner, so that every order of
// events can be had. With threads: background_thread_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "runtime/background_learner.h"
#include "runtime/runtime.h"
#include "runtime/session.h"
#include "tests/support/blocks.h"
#include "tests/support/fake_clock.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::Blocks;
using test::IsOk;
using test::ProseByte;
using test::StatusIs;
using test::TinyLabelled;
using test::TinyReplaying;
using test::TinyText;
using testing::HasSubstr;

std::unique_ptr<Runtime> MakeRuntime(const BrainSpec& spec, Runtime::Options options = {}) {
  options.learner_thread = false;
  auto runtime = Runtime::Create(spec, options);
  EXPECT_THAT(runtime, IsOk());
  return *std::move(runtime);
}

std::unique_ptr<Session> Open(Runtime* runtime, const std::string& name, Mode mode,
                              const std::string& position = "") {
  auto session = runtime->OpenSession({.name = name, .mode = mode, .position = position});
  EXPECT_THAT(session, IsOk());
  return *std::move(session);
}

absl::StatusOr<uint64_t> StepByte(Session* session, uint8_t byte, const Want& want = {},
                                  Prediction* prediction = nullptr) {
  const Value value{.present = true, .symbol = byte};
  return session->Step({.values = {&value, 1}}, want, prediction);
}

void Read(Session* session, uint64_t from, uint64_t to) {
  for (uint64_t i = from; i < to; ++i) EXPECT_THAT(StepByte(session, ProseByte(i)), IsOk());
}

// A life of two streams that step, label late or never, and take back, drawn from a seed; the same
// calls for every pair of sessions. `between` is called after each.
template <typename Between>
void Live(Session* a, Session* b, uint64_t seed, int calls, Between between) {
  Rng rng(seed);
  for (int i = 0; i < calls; ++i) {
    Session* const session = rng.Below(2) == 0 ? a : b;
    const uint64_t choice = rng.Below(8);
    const uint64_t back = rng.Below(4);
    const uint64_t step = session->steps() - std::min(session->steps(), back);
    if (choice < 4) {
      EXPECT_THAT(StepByte(session, ProseByte(static_cast<uint64_t>(i))), IsOk());
    } else if (choice < 7) {
      // Labels that come twice, too late or for what was taken back are refused alike.
      session->Learn(step, {.symbol = ProseByte(step)}).IgnoreError();
    } else {
      session->Retract(step).IgnoreError();
    }
    between(rng.Below(16));
  }
}

TEST(BackgroundTest, DrainedItEndsAsInlineInTheOrderOfTickets) {
  const BrainSpec specs[] = {TinyText(), TinyLabelled(3), TinyReplaying(3)};
  for (uint64_t seed = 1; seed <= 9; ++seed) {
    const BrainSpec spec = specs[seed % 3];
    const auto inline_runtime = MakeRuntime(spec);
    const auto background_runtime = MakeRuntime(spec);
    const auto a = Open(inline_runtime.get(), "a", Mode::kInline);
    const auto b = Open(inline_runtime.get(), "b", Mode::kInline);
    const auto c = Open(background_runtime.get(), "a", Mode::kBackground);
    const auto d = Open(background_runtime.get(), "b", Mode::kBackground);

    Live(a.get(), b.get(), seed, 600, [](uint64_t) {});
    Live(c.get(), d.get(), seed, 600, [&](uint64_t draw) {
      if (draw == 0) {
        EXPECT_THAT(background_runtime->RunFor(Nanos(1)), IsOk());
      }
      if (draw == 1) {
        EXPECT_THAT(background_runtime->RunFor(Nanos::max()), IsOk());
      }
    });
    ASSERT_THAT(background_runtime->Drain(), IsOk());

    EXPECT_EQ(background_runtime->status().background.dropped, 0U);
    EXPECT_EQ(Blocks(&inline_runtime->store()), Blocks(&background_runtime->store()))
        << "seed " << seed;
  }
}

TEST(BackgroundTest, ChangingModesChangesNoBit) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    const BrainSpec spec = seed % 2 == 0 ? TinyText() : TinyLabelled(1);
    const auto straight = MakeRuntime(spec);
    const auto changing = MakeRuntime(spec);
    const auto one = Open(straight.get(), "a", Mode::kInline);
    const auto other = Open(changing.get(), "a", Mode::kBackground);

    Live(one.get(), one.get(), seed, 600, [](uint64_t) {});
    Live(other.get(), other.get(), seed, 600, [&](uint64_t draw) {
      if (draw == 0) {
        EXPECT_THAT(other->SetMode(Mode::kInline), IsOk());
      }
      if (draw == 1) {
        EXPECT_THAT(other->SetMode(Mode::kBackground), IsOk());
      }
      if (draw == 2) {
        EXPECT_THAT(changing->RunFor(Nanos(1)), IsOk());
      }
    });
    ASSERT_THAT(changing->Drain(), IsOk());

    EXPECT_EQ(Blocks(&straight->store()), Blocks(&changing->store())) << "seed " << seed;
  }
}

// Published and drained after every step, a session that serves a snapshot sees what one that
// serves the draft sees.
TEST(BackgroundTest, ServesWhatInlineServesOnceAllIsPublished) {
  const auto inline_runtime = MakeRuntime(TinyText());
  const auto background_runtime = MakeRuntime(TinyText());
  const auto one = Open(inline_runtime.get(), "a", Mode::kInline);
  const auto other = Open(background_runtime.get(), "a", Mode::kBackground);
  for (uint64_t i = 0; i < 300; ++i) {
    Prediction inline_prediction;
    Prediction prediction;
    // The step that is to be predicted teaches first, as inline.
    ASSERT_THAT(
        one->LearnFrom({.values = std::vector<Value>{{.present = true, .symbol = ProseByte(i)}}}),
        IsOk());
    ASSERT_THAT(StepByte(one.get(), ProseByte(i), {.kind = Want::Kind::kBest}, &inline_prediction),
                IsOk());
    ASSERT_THAT(StepByte(other.get(), ProseByte(i)), IsOk());
    ASSERT_THAT(background_runtime->Drain(), IsOk());
    ASSERT_OK_AND_ASSIGN(const auto exploration, other->Explore());
    ASSERT_THAT(exploration.Predict({.kind = Want::Kind::kBest}, &prediction), IsOk());

    EXPECT_EQ(prediction.best, inline_prediction.best) << i;
    EXPECT_EQ(prediction.best_probability, inline_prediction.best_probability) << i;
  }
}

TEST(BackgroundTest, DropsWhatFindsNoRoomAndCountsIt) {
  const auto runtime = MakeRuntime(TinyText(), {.experiences = 4});
  const auto session = Open(runtime.get(), "a", Mode::kBackground);

  Read(session.get(), 0, 10);

  EXPECT_EQ(session->steps(), 10U);
  EXPECT_EQ(session->stream()->waiting(), 4U);
  EXPECT_EQ(session->stream()->dropped(), 6U);
  ASSERT_THAT(runtime->Drain(), IsOk());
  Read(session.get(), 10, 12);
  ASSERT_THAT(runtime->Drain(), IsOk());
  const BackgroundLearner::Status status = runtime->status().background;
  // Steps 1 to 3 had a successor, 4 lost it; 11 has 12.
  EXPECT_EQ(status.counts.learned, 4U);
  EXPECT_EQ(status.dropped, 6U);
  EXPECT_EQ(status.waiting, 0U);
}

TEST(BackgroundTest, RefusesWhatInlineRefuses) {
  const auto runtime = MakeRuntime(TinyLabelled(2));
  const auto session = Open(runtime.get(), "a", Mode::kBackground);
  Read(session.get(), 0, 3);

  EXPECT_THAT(session->Learn(1, {.symbol = 1}),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("label_window is 2 steps")));
  EXPECT_THAT(session->Learn(4, {.symbol = 1}), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(session->Learn(3, {.symbol = 256}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(session->Learn(3, {.symbol = 1}), IsOk());
  EXPECT_THAT(session->Learn(3, {.symbol = 1}), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(session->Retract(3), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(session->Retract(1), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(session->Retract(2), IsOk());
}

// Steps that are taken back leave room in the ring of those that may be asked about, but do not
// keep the window open; a gap, or a step that was dropped, labels nothing.
TEST(BackgroundTest, RefusesWhatInlineRefusesWhateverTheLife) {
  BrainSpec teaching_itself = TinyText();
  teaching_itself.label_window = 3;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const bool gaps = seed % 2 == 0;
    const BrainSpec& spec = gaps ? teaching_itself : TinyLabelled(3);
    const auto inline_runtime = MakeRuntime(spec);
    const auto background_runtime = MakeRuntime(spec);
    const auto one = Open(inline_runtime.get(), "a", Mode::kInline);
    const auto other = Open(background_runtime.get(), "a", Mode::kBackground);
    Rng rng(seed);
    for (uint64_t call = 0; call < 300; ++call) {
      const uint64_t choice = rng.Below(8);
      const uint64_t step = one->steps() - std::min(one->steps(), rng.Below(6));
      const Value value{.present = !gaps || rng.Below(4) > 0, .symbol = ProseByte(call)};
      const auto act = [&](Session* session) {
        if (choice < 4) return session->Step({.values = {&value, 1}}).status();
        if (choice >= 6) return session->Retract(step);
        return session->Learn(step, {.symbol = ProseByte(step)});
      };
      // What waits to be learned inline may be told again.
      if (choice >= 4 && choice < 6 && one->learner()->behind()) continue;
      const absl::Status taken = act(one.get());
      ASSERT_EQ(act(other.get()).ok(), taken.ok()) << seed << " " << call << " " << taken;
    }
    ASSERT_THAT(background_runtime->Drain(), IsOk());
    EXPECT_TRUE(Blocks(&inline_runtime->store()) == Blocks(&background_runtime->store())) << seed;
  }
}

TEST(BackgroundTest, ADroppedStepTeachesNothingAndSoLabelsNothing) {
  BrainSpec spec = TinyText();
  spec.label_window = 3;
  const auto runtime = MakeRuntime(spec, {.experiences = 2});
  const auto session = Open(runtime.get(), "a", Mode::kBackground);
  Read(session.get(), 0, 3);
  ASSERT_EQ(session->stream()->dropped(), 1U);
  ASSERT_THAT(runtime->Drain(), IsOk());

  EXPECT_THAT(session->Learn(1, {.symbol = 1}), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(session->Learn(2, {.symbol = 1}), IsOk());
}

TEST(BackgroundTest, CountsWhatWasLearnedInTheBackgroundAndNothingElse) {
  const auto runtime = MakeRuntime(TinyLabelled(1));
  const auto session = Open(runtime.get(), "a", Mode::kBackground);
  const auto live = [&](int steps) {
    for (int i = 0; i < steps; ++i) {
      ASSERT_THAT(StepByte(session.get(), 'a'), IsOk());
      ASSERT_THAT(session->Learn(session->steps(), {.symbol = 'b'}), IsOk());
    }
  };
  live(20);
  ASSERT_THAT(runtime->Drain(), IsOk());
  EXPECT_GT(session->meter().served.load(), 0U);
  ASSERT_THAT(session->SetMode(Mode::kInline), IsOk());
  EXPECT_EQ(session->meter().served.load(), 0U);
  live(5);
  EXPECT_EQ(runtime->status().background.counts.learned, 20U);
  ASSERT_THAT(session->SetMode(Mode::kBackground), IsOk());
  live(3);
  ASSERT_THAT(runtime->Drain(), IsOk());
  EXPECT_EQ(runtime->status().background.counts.learned, 23U);
}

TEST(BackgroundTest, DoesNotTakeBackWhatItCannotTell) {
  const auto runtime = MakeRuntime(TinyLabelled(4), {.experiences = 2});
  const auto session = Open(runtime.get(), "a", Mode::kBackground);
  Read(session.get(), 0, 2);

  EXPECT_THAT(session->Retract(2), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("2 exp")));
  EXPECT_EQ(session->stream()->dropped(), 0U);
  ASSERT_THAT(runtime->Drain(), IsOk());
  EXPECT_THAT(session->Retract(2), IsOk());
}

TEST(BackgroundTest, KeepsInlineAndBackgroundApart) {
  const auto runtime = MakeRuntime(TinyText());
  {
    const auto background = Open(runtime.get(), "b", Mode::kBackground);
    Read(background.get(), 0, 5);
    EXPECT_THAT(runtime->OpenSession({.name = "i"}),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("session \"b\"")));
    const auto second = Open(runtime.get(), "c", Mode::kBackground);
    EXPECT_THAT(background->SetMode(Mode::kInline),
                StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("session \"c\"")));
    EXPECT_EQ(background->mode(), Mode::kBackground);
    Read(background.get(), 5, 10);
  }
  const auto inline_session = Open(runtime.get(), "i", Mode::kInline);
  // What "b" had told was learned first.
  EXPECT_EQ(runtime->status().background.counts.learned, 9U);
  EXPECT_THAT(runtime->OpenSession({.name = "b", .mode = Mode::kBackground}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("1 learn inline")));
  const auto other = Open(runtime.get(), "j", Mode::kInline);
  EXPECT_THAT(other->SetMode(Mode::kBackground), StatusIs(absl::StatusCode::kFailedPrecondition));
  Read(other.get(), 0, 5);
}

TEST(BackgroundTest, StopsAndGoesOnLearning) {
  const auto runtime = MakeRuntime(TinyText());
  const auto session = Open(runtime.get(), "a", Mode::kInline);
  Read(session.get(), 0, 50);
  ASSERT_THAT(session->SetMode(Mode::kFrozen), IsOk());
  const std::string before = Blocks(&runtime->store());
  Read(session.get(), 50, 100);
  EXPECT_EQ(Blocks(&runtime->store()), before);

  ASSERT_THAT(session->SetMode(Mode::kBackground), IsOk());
  Read(session.get(), 100, 150);
  ASSERT_THAT(session->SetMode(Mode::kFrozen), IsOk());
  Read(session.get(), 150, 160);
  ASSERT_THAT(runtime->Drain(), IsOk());
  EXPECT_EQ(runtime->status().background.counts.learned, 49U);
  ASSERT_THAT(session->SetMode(Mode::kInline), IsOk());
  Read(session.get(), 160, 200);
  EXPECT_EQ(session->steps(), 200U);
  EXPECT_EQ(session->learner()->counts().learned, 39U);
}

TEST(BackgroundTest, GoesOnFromWhereTheLearnerWasSaved) {
  for (const Mode mode : {Mode::kInline, Mode::kBackground}) {
    for (const uint32_t window : {1U, 4U}) {
      const auto straight = MakeRuntime(TinyLabelled(window));
      const auto stopped = MakeRuntime(TinyLabelled(window));
      const auto one = Open(straight.get(), "a", Mode::kBackground);
      const auto live = [&](Session* session, uint64_t from, uint64_t to) {
        for (uint64_t i = from; i < to; ++i) {
          ASSERT_THAT(StepByte(session, ProseByte(i)), IsOk());
          if (i + 1 < window) continue;
          ASSERT_THAT(session->Learn(i + 2 - window, {.symbol = ProseByte(i)}), IsOk());
        }
      };
      live(one.get(), 0, 200);
      ASSERT_THAT(straight->Drain(), IsOk());
      std::string position;
      {
        const auto before = Open(stopped.get(), "a", Mode::kBackground);
        live(before.get(), 0, 101);
        ASSERT_THAT(before->Settle(), IsOk());
        position = before->Save();
      }
      const auto after = Open(stopped.get(), "a", mode, position);
      live(after.get(), 101, 200);
      ASSERT_THAT(stopped->Drain(), IsOk());

      EXPECT_EQ(Blocks(&straight->store()), Blocks(&stopped->store())) << window;
    }
  }
}

TEST(BackgroundTest, AllocatesNothing) {
  const auto runtime = MakeRuntime(TinyLabelled(2));
  const auto session = Open(runtime.get(), "a", Mode::kBackground);
  Prediction prediction;
  const auto live = [&](uint64_t i) {
    const Value value{.present = true, .symbol = ProseByte(i)};
    const auto step =
        session->Step({.values = {&value, 1}}, {.kind = Want::Kind::kBest}, &prediction);
    if (i % 7 != 0) session->Learn(*step, {.symbol = ProseByte(i + 1)}).IgnoreError();
    if (i % 5 == 0) runtime->RunFor(Nanos::max()).IgnoreError();
  };
  for (uint64_t i = 0; i < 64; ++i) live(i);

  const test::NoAllocScope scope;
  for (uint64_t i = 64; i < 1000; ++i) live(i);
  EXPECT_EQ(scope.count(), 0);
}

TEST(BackgroundTest, SaysWhenAStepWasLate) {
  const auto runtime = MakeRuntime(TinyText());
  for (const Mode mode : {Mode::kFrozen, Mode::kBackground}) {
    const auto session = Open(runtime.get(), "a", mode);
    Prediction prediction;

    ASSERT_THAT(StepByte(session.get(), 'a', {.within = Nanos(1)}, &prediction), IsOk());
    EXPECT_TRUE(prediction.late);
    ASSERT_THAT(StepByte(session.get(), 'a', {.within = std::chrono::hours(1)}, &prediction),
                IsOk());
    EXPECT_FALSE(prediction.late);
    EXPECT_EQ(session->meter().deadlines_missed.load(), 1U);
  }
}

// The learner by itself, with a clock that moves only when told to.
TEST(BackgroundLearnerTest, PublishesWhenItIsTime) {
  ASSERT_OK_AND_ASSIGN(const auto plan, Plan::Create(TinyText()));
  ASSERT_OK_AND_ASSIGN(const auto store, plan->MakeStore({}, 64));
  test::FakeClock clock;
  ASSERT_OK_AND_ASSIGN(
      const auto background,
      BackgroundLearner::Create(plan.get(), store.get(), {.publish_every = Nanos(1000)}, &clock));
  ASSERT_OK_AND_ASSIGN(const Reader reader, store->OpenReader());
  ASSERT_OK_AND_ASSIGN(auto learner, Learner::Create(plan.get(), store.get()));
  ASSERT_OK_AND_ASSIGN(LearningStream* const stream,
                       background->Open("a", std::move(learner), 0, LastTarget(plan->spec())));
  const auto tell = [&](uint64_t step) {
    const Value value{.present = true, .symbol = ProseByte(step)};
    EXPECT_TRUE(stream->TellStep(step, {.values = {&value, 1}}));
  };
  const SnapshotNumber first = store->published();
  tell(1);
  tell(2);
  EXPECT_THAT(background->RunFor(Nanos::max()), IsOk());
  EXPECT_EQ(store->published(), first);
  clock.Advance(Nanos(999));
  EXPECT_THAT(background->RunFor(Nanos::max()), IsOk());
  EXPECT_EQ(store->published(), first);

  clock.Advance(Nanos(1));
  EXPECT_THAT(background->RunFor(Nanos::max()), IsOk());
  EXPECT_EQ(store->published(), first + 1);
  clock.Advance(Nanos(5000));
  EXPECT_THAT(background->RunFor(Nanos::max()), IsOk());
  EXPECT_EQ(store->published(), first + 1);  // There was nothing new.
  EXPECT_EQ(background->status().publishes, 1U);
  background->Close(stream);
  EXPECT_EQ(background->status().streams, 0U);
}

TEST(BackgroundLearnerTest, RefusesOptionsOutOfRange) {
  for (const double duty : {0.0, -1.0, 1.5}) {
    EXPECT_THAT(Runtime::Create(TinyText(), {.learner_duty = duty}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("(0, 1]")));
  }
  EXPECT_THAT(Runtime::Create(TinyText(), {.experiences = 1}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("[2, 2^20]")));
}

}  // namespace
}  // namespace gyrus
