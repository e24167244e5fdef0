// SPDX-License-Identifier: Apache-2.0
// What is learned becomes durable while learning goes on.
#include "runtime/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/runtime.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::ProseByte;
using test::StatusIs;
using testing::ElementsAre;
using When = Durability::When;

// As often as the writer can.
constexpr Durability kAlways = {
    .when = When::kInterval, .interval = Nanos(1), .bytes_per_second = uint64_t{1} << 40};

class JournalTest : public testing::Test {
 protected:
  void SetUp() override { WriteBrain(test::TinyText()); }

  void WriteBrain(const BrainSpec& spec) {
    ASSERT_THAT(WriteFile(BrainPath(folder_.root()), FormatBrain(spec)), IsOk());
  }

  std::unique_ptr<Runtime> Open(const Durability& durability) {
    auto runtime = Runtime::Open(folder_.root(), {.durability = durability});
    EXPECT_THAT(runtime, IsOk());
    return runtime.ok() ? *std::move(runtime) : nullptr;
  }

  static void Step(Session* session, uint64_t i) {
    const Value value{.present = true, .symbol = ProseByte(i)};
    ASSERT_THAT(session->Step({.values = {&value, 1}}), IsOk());
  }

  // The losses of reading bytes [from, to) of the prose.
  static std::vector<double> Read(Session* session, uint64_t from, uint64_t to) {
    std::vector<double> losses;
    for (uint64_t i = from; i < to; ++i) {
      Step(session, i);
      losses.push_back(session->learner()->last().loss);
    }
    return losses;
  }

  // Reads on until `commits` durable commits have come, and returns how far.
  static uint64_t ReadUntilDurable(Runtime* runtime, Session* session, uint64_t commits) {
    const SnapshotNumber until = runtime->lag().durable + commits;
    while (runtime->lag().durable < until) {
      Step(session, session->steps());
      std::this_thread::yield();
    }
    return session->steps();
  }

  test::TempFiles folder_;
};

TEST_F(JournalTest, GoesOnBitForBitWhereACutLeftIt) {
  const auto straight = *Runtime::Create(test::TinyText(), {});
  const auto one = *straight->OpenSession({});
  uint64_t reached = 0;
  for (int part = 0; part < 5; ++part) {
    const auto runtime = Open(kAlways);
    const auto session = *runtime->OpenSession({});
    reached = ReadUntilDurable(runtime.get(), session.get(), 20);
    // No Save: whatever came after the last durable commit is forgotten.
  }

  const auto runtime = Open(kAlways);
  const auto session = *runtime->OpenSession({});
  const uint64_t from = session->steps();
  EXPECT_GT(from, 0U);
  EXPECT_LE(from, reached);
  Read(one.get(), 0, from + 1);  // The first step back has learned nothing yet to tell of.
  Step(session.get(), from);

  EXPECT_EQ(Read(session.get(), from + 1, from + 200), Read(one.get(), from + 1, from + 200));
  EXPECT_EQ(session->Save(), one->Save());
}

TEST_F(JournalTest, GoesOnBitForBitWhereACutInTheBackgroundLeftIt) {
  const auto straight = *Runtime::Create(test::TinyText(), {});
  const auto one = *straight->OpenSession({});
  for (int part = 0; part < 3; ++part) {
    const auto runtime = Open(kAlways);
    const auto session = *runtime->OpenSession({.mode = Mode::kBackground});
    const SnapshotNumber until = runtime->lag().durable + 10;
    while (runtime->lag().durable < until) {
      if (session->stream()->full()) {
        std::this_thread::yield();
      } else {
        Step(session.get(), session->steps());
      }
    }
  }

  const auto runtime = Open(kAlways);
  const auto session = *runtime->OpenSession({});
  const uint64_t from = session->steps();
  EXPECT_GT(from, 0U);
  Read(one.get(), 0, from + 1);
  Step(session.get(), from);

  EXPECT_EQ(Read(session.get(), from + 1, from + 200), Read(one.get(), from + 1, from + 200));
  EXPECT_EQ(session->Save(), one->Save());
}

TEST_F(JournalTest, ChangesNoBitOfWhatFollows) {
  const auto straight = *Runtime::Create(test::TinyText(), {});
  const auto one = *straight->OpenSession({});
  const auto runtime = Open(kAlways);
  const auto session = *runtime->OpenSession({});

  const uint64_t reached = ReadUntilDurable(runtime.get(), session.get(), 30);

  Read(one.get(), 0, reached);
  EXPECT_EQ(session->Save(), one->Save());
  EXPECT_EQ(Read(session.get(), reached, reached + 100), Read(one.get(), reached, reached + 100));
}

TEST_F(JournalTest, EveryCommitWaitsForTheDisk) {
  for (const uint64_t end : {7U, 11U}) {
    const auto runtime = Open({.when = When::kEveryCommit});
    const auto session = *runtime->OpenSession({});
    EXPECT_EQ(session->steps(), end == 7 ? 0U : 6U);
    while (session->steps() < end) {
      Step(session.get(), session->steps());
      // What taught this step is durable: all but the step itself.
      EXPECT_EQ(runtime->lag().commits, 0U);
    }
  }
}

TEST_F(JournalTest, OnCloseWritesNothingByItself) {
  const auto runtime = Open({.when = When::kOnClose});
  const auto session = *runtime->OpenSession({});

  Read(session.get(), 0, 200);

  EXPECT_EQ(runtime->lag().durable, 0U);
  EXPECT_EQ(runtime->lag().commits, 199U);
  EXPECT_GT(runtime->lag().time, Nanos(0));
  ASSERT_THAT(runtime->Save({session.get()}, {"a line"}), IsOk());
  EXPECT_EQ(runtime->lag().commits, 0U);
  EXPECT_EQ(runtime->lag().time, Nanos(0));
  EXPECT_GT(runtime->lag().written_bytes, 0U);
  EXPECT_THAT(*runtime->History(), ElementsAre("a line"));
}

TEST_F(JournalTest, HistoryIsDurableWithWhatItTellsOf) {
  {
    const auto runtime = Open(kAlways);
    const auto session = *runtime->OpenSession({});
    Read(session.get(), 0, 50);
    runtime->AddHistory("fifty");
    ReadUntilDurable(runtime.get(), session.get(), 3);
    EXPECT_THAT(*runtime->History(), ElementsAre("fifty"));
    ASSERT_THAT(runtime->Save({}, {"end"}), IsOk());
  }
  EXPECT_THAT(*Open({})->History(), ElementsAre("fifty", "end"));
}

TEST_F(JournalTest, CutsAMomentOfAllSessions) {
  uint64_t steps[2] = {0, 0};
  for (int part = 0; part < 2; ++part) {
    const auto runtime = Open(kAlways);
    const auto a = *runtime->OpenSession({.name = "a"});
    const auto b = *runtime->OpenSession({.name = "b"});
    if (part == 1) {
      // They took turns, so what was cut after a step of either stands at that step.
      EXPECT_GT(a->steps(), 0U);
      EXPECT_LE(a->steps() - b->steps(), 1U);
      break;
    }
    const SnapshotNumber until = 20;
    while (runtime->lag().durable < until) {
      Step(a.get(), steps[0]++);
      Step(b.get(), steps[1]++);
      std::this_thread::yield();
    }
  }
}

// How a session stops learning, and who makes durable what it taught.
struct Ending {
  Mode mode;
  bool frozen = false;  // Rather than closed.
  bool other = false;   // Another session goes on, inline.
};

void PrintTo(const Ending& ending, std::ostream* out) {
  *out << SessionMeter::Name(ending.mode) << (ending.frozen ? ", frozen" : ", closed")
       << (ending.other ? ", another goes on" : "");
}

class EndingTest : public JournalTest, public testing::WithParamInterface<Ending> {
 protected:
  // Has everything that was learned so far, or more, made durable by nothing but learning.
  static void AwaitDurable(Runtime* runtime, Session* other) {
    const uint64_t commits = runtime->status().commits;
    while (runtime->status().commits - runtime->lag().commits < commits) {
      if (other != nullptr) {
        Step(other, other->steps());
      } else {
        ASSERT_THAT(runtime->RunFor(Nanos(1)), IsOk());
      }
      std::this_thread::yield();
    }
  }

  static constexpr uint64_t kSteps = 300;
};

TEST_P(EndingTest, LeavesItsPositionBesideItsBlocks) {
  const Ending ending = GetParam();
  {
    const auto runtime = Open(kAlways);
    std::unique_ptr<Session> other;
    if (ending.other) other = *runtime->OpenSession({.name = "other"});
    auto session = *runtime->OpenSession({.name = "a", .mode = ending.mode});
    for (uint64_t i = 0; i < kSteps; ++i) Step(session.get(), i);
    if (ending.frozen) {
      ASSERT_THAT(session->SetMode(Mode::kFrozen), IsOk());
    } else {
      session.reset();
    }
    ASSERT_THAT(runtime->Drain(), IsOk());
    AwaitDurable(runtime.get(), other.get());
  }
  const auto runtime = Open(kAlways);
  const auto session = *runtime->OpenSession({.name = "a"});
  EXPECT_EQ(session->steps(), kSteps);
}

TEST_P(EndingTest, GoesOnWhereItEndedInTheSameProcess) {
  const Ending ending = GetParam();
  const auto runtime = Open({.when = When::kOnClose});
  auto session = *runtime->OpenSession({.name = "a", .mode = ending.mode});
  for (uint64_t i = 0; i < kSteps; ++i) Step(session.get(), i);
  if (ending.frozen) {
    ASSERT_THAT(session->SetMode(Mode::kFrozen), IsOk());
  }
  session.reset();

  EXPECT_EQ((*runtime->OpenSession({.name = "a"}))->steps(), kSteps);
}

INSTANTIATE_TEST_SUITE_P(
    All, EndingTest,
    testing::Values(Ending{.mode = Mode::kBackground}, Ending{.mode = Mode::kInline, .other = true},
                    Ending{.mode = Mode::kInline},
                    Ending{.mode = Mode::kBackground, .frozen = true},
                    Ending{.mode = Mode::kInline, .frozen = true, .other = true}));

// Inline learning waits for what a closed session told, and takes its end along.
TEST_F(JournalTest, AdmitsInlineWithTheEndOfAClosedStream) {
  {
    const auto runtime =
        *Runtime::Open(folder_.root(), {.durability = kAlways, .learner_thread = false});
    auto session = *runtime->OpenSession({.name = "a", .mode = Mode::kBackground});
    for (uint64_t i = 0; i < 100; ++i) Step(session.get(), i);
    session.reset();
    const auto other = *runtime->OpenSession({.name = "b"});
    ReadUntilDurable(runtime.get(), other.get(), 3);
  }
  EXPECT_EQ((*Open(kAlways)->OpenSession({.name = "a"}))->steps(), 100U);
}

TEST_F(JournalTest, LearningAllocatesNothingBesideIt) {
  const auto runtime = Open(kAlways);
  const auto session = *runtime->OpenSession({});
  Read(session.get(), 0, 3);
  const SnapshotNumber until = runtime->lag().durable + 50;
  int64_t allocations = 0;
  while (runtime->lag().durable < until) {
    const Value value{.present = true, .symbol = ProseByte(session->steps())};
    const Observation observation = {.values = {&value, 1}};
    test::NoAllocScope scope;
    const bool ok = session->Step(observation).ok();
    allocations += scope.count();
    ASSERT_TRUE(ok);
    std::this_thread::yield();
  }

  EXPECT_EQ(allocations, 0);
}

TEST_F(JournalTest, RefusesOptionsOutOfRange) {
  EXPECT_THAT(Runtime::Open(folder_.root(), {.durability = {.interval = Nanos(0)}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Runtime::Open(folder_.root(), {.durability = {.bytes_per_second = 0}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace gyrus
