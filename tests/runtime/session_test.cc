// SPDX-License-Identifier: Apache-2.0
#include "runtime/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "runtime/runtime.h"
#include "tests/support/blocks.h"
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
using test::TinyText;
using testing::HasSubstr;

std::unique_ptr<Runtime> MakeRuntime(const BrainSpec& spec, const Runtime::Options& options = {}) {
  auto runtime = Runtime::Create(spec, options);
  EXPECT_THAT(runtime, IsOk());
  return *std::move(runtime);
}

absl::StatusOr<uint64_t> StepByte(Session* session, uint8_t byte, const Want& want = {},
                                  Prediction* prediction = nullptr) {
  const Value value{.present = true, .symbol = byte};
  return session->Step({.values = {&value, 1}}, want, prediction);
}

// Runs bytes [from, to) of the prose through a self-teaching session; returns its total loss.
double Read(Session* session, uint64_t from, uint64_t to) {
  double loss = 0;
  for (uint64_t i = from; i < to; ++i) {
    EXPECT_THAT(StepByte(session, ProseByte(i)), IsOk());
    if (session->learner()->last().step + 1 == session->steps()) {
      loss += session->learner()->last().loss;
    }
  }
  return loss;
}

// The same with each step's learning called for before the step.
double ReadApart(Session* session, uint64_t from, uint64_t to) {
  double loss = 0;
  for (uint64_t i = from; i < to; ++i) {
    const Value value{.present = true, .symbol = ProseByte(i)};
    EXPECT_THAT(session->LearnFrom({.values = {&value, 1}}), IsOk());
    if (session->steps() > 0) {
      EXPECT_EQ(session->learner()->last().step, session->steps());
      loss += session->learner()->last().loss;
    }
    EXPECT_THAT(StepByte(session, ProseByte(i)), IsOk());
  }
  return loss;
}

TEST(SessionTest, LearnsFromItsOwnFuture) {
  const auto runtime = MakeRuntime(TinyText());
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));

  const double first = Read(session.get(), 0, 500);
  const double later = Read(session.get(), 500, 1000);

  EXPECT_LT(later, 0.5 * first);
  EXPECT_EQ(session->learner()->counts().learned, 999U);
}

TEST(SessionTest, LearningApartFromTheStepChangesNoBit) {
  const auto together = MakeRuntime(TinyText());
  const auto apart = MakeRuntime(TinyText());
  ASSERT_OK_AND_ASSIGN(const auto one, together->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto other, apart->OpenSession({}));

  EXPECT_EQ(Read(one.get(), 0, 300), ReadApart(other.get(), 0, 300));
  EXPECT_EQ(Blocks(&together->store()), Blocks(&apart->store()));
}

// The loss that Learn reports is that of the probability that the step served.
TEST(SessionTest, LearnsFromTheProbabilityThatItServed) {
  const auto runtime = MakeRuntime(TinyLabelled(1));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));

  for (uint64_t i = 0; i + 1 < 300; ++i) {
    std::vector<float> distribution(256);
    Prediction prediction{.distribution = distribution};
    ASSERT_OK_AND_ASSIGN(
        const uint64_t step,
        StepByte(session.get(), ProseByte(i), {.kind = Want::Kind::kDistribution}, &prediction));
    ASSERT_THAT(session->Learn(step, {.symbol = ProseByte(i + 1)}), IsOk());
    const double served = -std::log(static_cast<double>(distribution[ProseByte(i + 1)]));
    EXPECT_NEAR(session->learner()->last().loss, served, 1e-4) << "step " << step;
  }
}

// What is absent says the same, whichever step the session's scratch saw last.
TEST(SessionTest, AnAbsentValueSaysNothingOfEarlierSteps) {
  const auto runtime = MakeRuntime(TinyText());
  const auto teacher = *runtime->OpenSession({});
  Read(teacher.get(), 0, 300);
  const auto one = *runtime->OpenSession({.name = "one", .mode = Mode::kFrozen});
  for (const uint8_t byte : {'t', 'h'}) ASSERT_THAT(StepByte(one.get(), byte), IsOk());
  const auto other =
      *runtime->OpenSession({.name = "other", .mode = Mode::kFrozen, .position = one->Save()});
  std::vector<float> distributions[2] = {std::vector<float>(256), std::vector<float>(256)};
  Session* const sessions[] = {one.get(), other.get()};
  for (int s = 0; s < 2; ++s) {
    const Value absent{};
    Prediction prediction{.distribution = distributions[s]};
    ASSERT_THAT(sessions[s]->Step({.values = {&absent, 1}}, {.kind = Want::Kind::kDistribution},
                                  &prediction),
                IsOk());
  }
  EXPECT_EQ(distributions[0], distributions[1]);
}

// The oracle runs every event forward again when its label comes; the session need not.
TEST(SessionTest, RunningAheadChangesNoBit) {
  const auto ahead = MakeRuntime(TinyLabelled(1));
  const auto again = MakeRuntime(TinyLabelled(1));
  ASSERT_OK_AND_ASSIGN(const auto session, ahead->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto oracle, Learner::Create(&again->plan(), &again->store()));
  const SystemClock clock;

  for (uint64_t i = 0; i < 600; ++i) {
    ASSERT_OK_AND_ASSIGN(const uint64_t step, StepByte(session.get(), ProseByte(i)));
    const bool labelled = i % 5 != 3;
    if (labelled) {
      ASSERT_THAT(session->Learn(step, {.symbol = ProseByte(i + 1)}), IsOk());
    }
    const Value value{.present = true, .symbol = ProseByte(i)};
    oracle->Close(step);
    ASSERT_THAT(oracle->RunFor(Nanos::max(), clock), IsOk());
    oracle->Push(step, {.values = {&value, 1}});
    if (labelled) {
      ASSERT_THAT(oracle->Label(step, {.symbol = ProseByte(i + 1)}), IsOk());
    }
    ASSERT_THAT(oracle->RunFor(Nanos::max(), clock), IsOk());
    if (labelled) {
      ASSERT_EQ(session->learner()->last().loss, oracle->last().loss);
    }
  }

  EXPECT_EQ(Blocks(&ahead->store()), Blocks(&again->store()));
}

TEST(SessionTest, GoesOnBitForBitFromWhereItWasSaved) {
  const auto straight = MakeRuntime(TinyText());
  const auto stopped = MakeRuntime(TinyText());
  ASSERT_OK_AND_ASSIGN(const auto one, straight->OpenSession({}));
  std::string position;
  {
    ASSERT_OK_AND_ASSIGN(const auto before, stopped->OpenSession({}));
    Read(one.get(), 0, 333);
    Read(before.get(), 0, 333);
    position = before->Save();
  }

  ASSERT_OK_AND_ASSIGN(const auto after, stopped->OpenSession({.position = position}));

  EXPECT_EQ(Read(one.get(), 333, 700), Read(after.get(), 333, 700));
  EXPECT_EQ(Blocks(&straight->store()), Blocks(&stopped->store()));
}

TEST(SessionTest, RefusesAPositionOfAnotherBrain) {
  const auto runtime = MakeRuntime(TinyText());

  EXPECT_THAT(runtime->OpenSession({.position = "nonsense"}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("does not fit this brain")));
}

// What no Save wrote must not be run, were it of the right lengths.
TEST(SessionTest, RefusesAPositionOfStepsThatCannotBe) {
  const auto runtime = MakeRuntime(TinyLabelled(3));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  ASSERT_THAT(StepByte(session.get(), 'a'), IsOk());
  const std::string one = session->Save();
  ASSERT_THAT(StepByte(session.get(), 'b'), IsOk());
  const std::string two = session->Save();

  // From the end: the state and its length, the target, the flag, two lengths, the symbol.
  std::string no_symbol = one;
  const std::size_t tail = 8 + runtime->plan().state_bytes() + 8 + 4 + 1 + 8 + 8 + 4;
  ASSERT_EQ(no_symbol[no_symbol.size() - tail], 'a');
  no_symbol.replace(no_symbol.size() - tail, 4, 4, '\xFF');
  std::string never_came = one;
  never_came[0] = 0;  // Of last_step_.
  std::string in_step = two;
  in_step[8] = 1;  // Though two steps wait.

  std::string too_many = one;
  too_many.replace(0, 8, 8, '\xFF');
  // From the start: flags, the label, its reals and the state, whose lengths are 8 bytes each; the
  // flag and the state of the learner.
  std::string closed = one;
  closed.replace(8 + 2 + 4 + 8 + 2 * (8 + runtime->plan().state_bytes()) + 1, 8, 8, '\x01');

  for (const std::string& position : {no_symbol, never_came, in_step, too_many, closed}) {
    EXPECT_THAT(runtime->OpenSession({.position = position}),
                StatusIs(absl::StatusCode::kDataLoss));
  }
  for (const std::string& position : {one, two}) {
    ASSERT_OK_AND_ASSIGN(const auto other, runtime->OpenSession({.position = position}));
    EXPECT_EQ(other->Save(), position);
  }
}

// A reader that looks at one snapshot keeps the few spare blocks from learning; once it has
// looked, the same calls go on, and no bit tells.
TEST(SessionTest, GoesOnAfterItWaitedForSpares) {
  const auto straight = MakeRuntime(TinyText());
  const auto waits = MakeRuntime(TinyText(), {.spares = 1});
  ASSERT_OK_AND_ASSIGN(const auto one, straight->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto session, waits->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto frozen, waits->OpenSession({.name = "f", .mode = Mode::kFrozen}));
  ASSERT_THAT(StepByte(frozen.get(), 'a'), IsOk());
  uint64_t came = 0;
  Value value{.present = true};
  {
    ASSERT_OK_AND_ASSIGN(const auto exploration, frozen->Explore());
    while (came < 100 && StepByte(session.get(), ProseByte(came)).ok()) ++came;
    value.symbol = ProseByte(came);
    ASSERT_EQ(session->steps(), came);

    EXPECT_THAT(session->LearnFrom({.values = {&value, 1}}),
                StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_THAT(StepByte(session.get(), ProseByte(came)), StatusIs(absl::StatusCode::kUnavailable));
  }
  ASSERT_THAT(session->LearnFrom({.values = {&value, 1}}), IsOk());
  EXPECT_EQ(session->learner()->last().step, came);

  Read(session.get(), came, 300);
  Read(one.get(), 0, 300);
  EXPECT_EQ(Blocks(&straight->store()), Blocks(&waits->store()));
}

TEST(SessionTest, LearnsALabelThatWaitedForSpares) {
  const auto runtime = MakeRuntime(TinyLabelled(1), {.spares = 1});
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto frozen,
                       runtime->OpenSession({.name = "f", .mode = Mode::kFrozen}));
  ASSERT_THAT(StepByte(frozen.get(), 'a'), IsOk());
  absl::Status status;
  {
    ASSERT_OK_AND_ASSIGN(const auto exploration, frozen->Explore());
    for (uint64_t i = 0; i < 100 && status.ok(); ++i) {
      ASSERT_THAT(StepByte(session.get(), ProseByte(i)), IsOk());
      status = session->Learn(session->steps(), {.symbol = ProseByte(i + 1)});
    }
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_THAT(session->Learn(session->steps(), {.symbol = 1}),
                StatusIs(absl::StatusCode::kUnavailable));
  }

  EXPECT_THAT(session->Learn(session->steps(), {.symbol = 1}), IsOk());
  EXPECT_EQ(session->learner()->last().step, session->steps());
}

TEST(SessionTest, LearnsLateLabelsInTheOrderOfTheirSteps) {
  const auto runtime = MakeRuntime(TinyLabelled(8));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  for (uint64_t i = 0; i < 8; ++i) ASSERT_THAT(StepByte(session.get(), ProseByte(i)), IsOk());

  EXPECT_THAT(session->Learn(2, {.symbol = 7}), IsOk());
  EXPECT_EQ(session->learner()->counts().learned, 0U);  // Step 1 may still get its label.
  EXPECT_THAT(session->Learn(2, {.symbol = 8}), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(session->Learn(1, {.symbol = 7}), IsOk());

  EXPECT_EQ(session->learner()->counts().learned, 2U);
  EXPECT_EQ(session->learner()->last().step, 2U);
}

TEST(SessionTest, RefusesALabelBeyondTheWindow) {
  const auto runtime = MakeRuntime(TinyLabelled(4));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  for (uint64_t i = 0; i < 6; ++i) ASSERT_THAT(StepByte(session.get(), ProseByte(i)), IsOk());

  EXPECT_THAT(session->Learn(2, {.symbol = 1}),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("label_window is 4")));
  EXPECT_THAT(session->Learn(3, {.symbol = 1}), IsOk());
  EXPECT_THAT(
      session->Learn(5, {.symbol = 256}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("256 classes, got class 256")));
}

// A deleted letter leaves no trace, neither in the session's state nor in the brain.
TEST(SessionTest, TakesAStepBack) {
  for (const uint32_t window : {1U, 3U}) {
    const auto typed = MakeRuntime(TinyLabelled(window));
    const auto plain = MakeRuntime(TinyLabelled(window));
    ASSERT_OK_AND_ASSIGN(const auto session, typed->OpenSession({}));
    ASSERT_OK_AND_ASSIGN(const auto other, plain->OpenSession({}));
    uint64_t expected_step = 0;
    for (uint64_t i = 0; i < 200; ++i) {
      if (i % 10 == 9) {
        ASSERT_OK_AND_ASSIGN(const uint64_t slip, StepByte(session.get(), 'q'));
        ASSERT_THAT(session->Retract(slip), IsOk());
      }
      ASSERT_OK_AND_ASSIGN(const uint64_t step, StepByte(session.get(), ProseByte(i)));
      ASSERT_OK_AND_ASSIGN(expected_step, StepByte(other.get(), ProseByte(i)));
      ASSERT_THAT(session->Learn(step, {.symbol = ProseByte(i + 1)}), IsOk());
      ASSERT_THAT(other->Learn(expected_step, {.symbol = ProseByte(i + 1)}), IsOk());
      ASSERT_EQ(session->learner()->last().loss, other->learner()->last().loss) << i;
    }
    EXPECT_EQ(Blocks(&typed->store()), Blocks(&plain->store())) << "window " << window;
  }
}

TEST(SessionTest, StepAndLearnAllocateNothing) {
  const auto runtime = MakeRuntime(TinyLabelled(2));
  runtime->Ready();
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto frozen,
                       runtime->OpenSession({.name = "f", .mode = Mode::kFrozen}));
  Prediction prediction;
  const auto run = [&](uint64_t i) {
    const auto step =
        StepByte(session.get(), ProseByte(i), {.kind = Want::Kind::kBest}, &prediction);
    const bool labelled = i % 3 == 2 || session->Learn(*step, {.symbol = ProseByte(i + 1)}).ok();
    return labelled && StepByte(frozen.get(), ProseByte(i)).ok();
  };
  for (uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(run(i));

  bool all = true;
  const test::NoAllocScope scope;
  for (uint64_t i = 100; i < 200; ++i) all = all && run(i);
  const int64_t allocations = scope.count();

  EXPECT_TRUE(all);
  EXPECT_EQ(allocations, 0);
}

TEST(SessionTest, LearningFromTheFutureAllocatesNothing) {
  const auto runtime = MakeRuntime(TinyText());
  runtime->Ready();
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  const auto run = [&](uint64_t i) {
    const Value value{.present = true, .symbol = ProseByte(i)};
    return session->LearnFrom({.values = {&value, 1}}).ok() &&
           StepByte(session.get(), ProseByte(i)).ok();
  };
  for (uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(run(i));

  bool all = true;
  const test::NoAllocScope scope;
  for (uint64_t i = 100; i < 200; ++i) all = all && run(i);
  const int64_t allocations = scope.count();

  EXPECT_TRUE(all);
  EXPECT_EQ(allocations, 0);
}

// What one session reads from a published snapshot no learner beside it can change.
TEST(SessionTest, FrozenIsBitIdenticalForASnapshot) {
  // Spares enough that the learner need not publish meanwhile.
  const auto runtime = MakeRuntime(TinyText(), {.spares = 1000});
  ASSERT_OK_AND_ASSIGN(const auto learner, runtime->OpenSession({}));
  Read(learner.get(), 0, 400);
  ASSERT_OK_AND_ASSIGN(const auto frozen,
                       runtime->OpenSession({.name = "a", .mode = Mode::kFrozen}));
  ASSERT_OK_AND_ASSIGN(const auto twin, runtime->OpenSession({.name = "b", .mode = Mode::kFrozen}));

  for (uint64_t i = 0; i < 200; ++i) {
    std::vector<float> one(256);
    std::vector<float> two(256);
    Prediction first{.distribution = one};
    Prediction second{.distribution = two};
    const Want want{.kind = Want::Kind::kDistribution};
    ASSERT_THAT(StepByte(frozen.get(), ProseByte(i), want, &first), IsOk());
    Read(learner.get(), 400 + i, 401 + i);  // Not published.
    ASSERT_THAT(StepByte(twin.get(), ProseByte(i), want, &second), IsOk());
    ASSERT_EQ(one, two) << "step " << i;
  }
}

TEST(SessionTest, ExploresTheLastStepAsOftenAsAsked) {
  const auto runtime = MakeRuntime(TinyText());
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  Read(session.get(), 0, 300);

  double total = 0;
  {
    ASSERT_OK_AND_ASSIGN(const auto exploration, session->Explore());
    for (uint32_t symbol = 0; symbol < 256; ++symbol) {
      Prediction prediction;
      ASSERT_THAT(exploration.Predict({.kind = Want::Kind::kSymbol, .symbol = symbol}, &prediction),
                  IsOk());
      total += prediction.best_probability;
    }
  }

  EXPECT_NEAR(total, 1.0, 1e-3);
}

// The distribution that exploring the last step gives.
std::vector<float> Explored(Session* session) {
  std::vector<float> distribution(256);
  Prediction prediction{.distribution = distribution};
  const auto exploration = session->Explore();
  EXPECT_THAT(exploration, IsOk());
  if (!exploration.ok()) return {};
  EXPECT_THAT(exploration->Predict({.kind = Want::Kind::kDistribution}, &prediction), IsOk());
  return distribution;
}

TEST(SessionTest, ExploresOnWhatAnotherSessionHasLearnedSince) {
  const auto runtime = MakeRuntime(TinyText());
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto other, runtime->OpenSession({.name = "other"}));
  Read(session.get(), 0, 100);
  const std::vector<float> before = Explored(session.get());
  Read(other.get(), 0, 200);
  ASSERT_OK_AND_ASSIGN(const auto afresh,
                       runtime->OpenSession({.name = "afresh", .position = session->Save()}));

  const std::vector<float> after = Explored(session.get());

  EXPECT_NE(after, before);
  EXPECT_EQ(after, Explored(afresh.get()));
}

TEST(SessionTest, FrozenExploresNoStepFromBeforeItWasOpened) {
  const auto runtime = MakeRuntime(TinyText());
  ASSERT_OK_AND_ASSIGN(const auto learner, runtime->OpenSession({}));
  Read(learner.get(), 0, 100);
  ASSERT_OK_AND_ASSIGN(
      const auto frozen,
      runtime->OpenSession({.name = "f", .mode = Mode::kFrozen, .position = learner->Save()}));

  EXPECT_THAT(frozen->Explore(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                          HasSubstr("since frozen session \"f\" began")));
  ASSERT_THAT(StepByte(frozen.get(), ProseByte(100)), IsOk());
  EXPECT_EQ(Explored(frozen.get()).size(), 256U);
}

TEST(SessionTest, AClonesFutureIsItsOwn) {
  const auto runtime = MakeRuntime(TinyText());
  ASSERT_OK_AND_ASSIGN(const auto learner, runtime->OpenSession({}));
  Read(learner.get(), 0, 400);
  ASSERT_OK_AND_ASSIGN(const auto session,
                       runtime->OpenSession({.name = "a", .mode = Mode::kFrozen}));
  for (uint64_t i = 0; i < 50; ++i) ASSERT_THAT(StepByte(session.get(), ProseByte(i)), IsOk());

  EXPECT_THAT(session->Clone(""), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const auto clone, session->Clone("b"));
  Prediction original;
  Prediction cloned;
  ASSERT_THAT(StepByte(clone.get(), ProseByte(50), {.kind = Want::Kind::kBest}, &cloned), IsOk());
  ASSERT_THAT(StepByte(clone.get(), 'x'), IsOk());
  ASSERT_THAT(StepByte(session.get(), ProseByte(50), {.kind = Want::Kind::kBest}, &original),
              IsOk());

  EXPECT_EQ(original.best, cloned.best);
  EXPECT_EQ(original.best_probability, cloned.best_probability);
}

TEST(SessionTest, RefusesWhatDoesNotFitAndChangesNothing) {
  const auto runtime = MakeRuntime(TinyText());
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  const Value wrong{.present = true, .symbol = 256};
  Prediction prediction;

  EXPECT_THAT(
      session->Step({.values = {&wrong, 1}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("256 symbols, got symbol 256")));
  EXPECT_THAT(session->Step({}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 values, got 0")));
  EXPECT_THAT(StepByte(session.get(), 'a', {.kind = Want::Kind::kReals}, &prediction),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("predicts symbols")));
  EXPECT_EQ(session->steps(), 0U);
}

}  // namespace
}  // namespace gyrus
