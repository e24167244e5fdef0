// SPDX-License-Identifier: Apache-2.0
// A process that learns and writes is killed, again and again; each time the brain must be what a
// replay of the same stream makes of it, up to the position that it says it stands at. 50 kills,
// or as many as GYRUS_CRASHES in the environment says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/rng.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/health.h"
#include "runtime/runtime.h"
#include "runtime/store/state_db.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::IsOk;
using When = Durability::When;

int Crashes() {
  const char* const given = std::getenv("GYRUS_CRASHES");
  return given == nullptr ? 50 : std::max(1, std::atoi(given));
}

Observation ByteOf(uint64_t i, Value* value) {
  *value = {.present = true, .symbol = test::ProseByte(i)};
  return {.values = {value, 1}};
}

// What one life is like, and how it ends.
struct Life {
  Durability durability;
  uint64_t reports = 0;  // Durable commits after which it is killed,
  Nanos busy{0};         // and a while more.
  uint64_t save_every = 0;
  bool snapshots = false;  // What is saved is kept as a snapshot, too.
};

Life DrawLife(Rng* rng) {
  Life life;
  const uint64_t kind = rng->Below(4);
  life.durability = {.when = kind == 0 ? When::kEveryCommit : When::kInterval,
                     .interval = Nanos(1 + rng->Below(3'000'000)),
                     .bytes_per_second = uint64_t{1} << 40};
  life.reports = rng->Below(8);
  life.busy = Nanos(rng->Below(3'000'000));
  life.save_every = rng->Below(3) == 0 ? 20 + rng->Below(50) : 0;
  return life;
}

absl::Status SaveAt(Runtime* runtime, Session* session, const Life& life) {
  if (!life.snapshots) return runtime->Save({session}, {"saved"});
  const std::string name = absl::StrCat("at-", session->steps());
  return runtime->SaveSnapshot({.name = name, .time = WallTime(), .keep = 4});
}

// The child: learns the prose without end, and tells the pipe every position that is durable.
[[noreturn]] void Live(const std::string& directory, const Life& life, int pipe) {
  auto runtime = Runtime::Open(directory, {.durability = life.durability});
  if (!runtime.ok()) _exit(3);
  auto session = (*runtime)->OpenSession({});
  if (!session.ok()) _exit(4);
  const uint64_t begin = (*session)->steps();
  const uint64_t waiting = (*session)->learner()->events().size();
  uint64_t told = begin;
  while (true) {
    Value value;
    const uint64_t step = (*session)->steps();
    if (!(*session)->Step(ByteOf(step, &value)).ok()) _exit(5);
    if (life.save_every > 0 && step % life.save_every == 0) {
      if (!SaveAt(runtime->get(), session->get(), life).ok()) _exit(6);
    }
    // Each step first teaches the one before, unless that was done before it began.
    const uint64_t commits = (*runtime)->store().commits() - (*runtime)->lag().commits;
    const uint64_t durable = begin + commits - std::min(commits, waiting);
    if (durable == told) continue;
    told = durable;
    if (write(pipe, &told, sizeof(told)) != sizeof(told)) _exit(7);
  }
}

// Lets a child live, kills it, and returns the last position that it said was durable.
uint64_t LiveAndDie(const std::string& directory, const Life& life) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    Live(directory, life, ends[1]);
  }
  close(ends[1]);
  uint64_t durable = 0;
  uint64_t told = 0;
  for (uint64_t n = 0; n < life.reports; ++n) {
    if (read(ends[0], &told, sizeof(told)) != sizeof(told)) break;
    durable = told;
  }
  const SystemClock clock;
  for (const Nanos end = clock.Now() + life.busy; clock.Now() < end;) {
  }
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
  while (read(ends[0], &told, sizeof(told)) == sizeof(told)) durable = told;
  close(ends[0]);
  return durable;
}

// The same stream without interruption, in memory.
class Replay {
 public:
  explicit Replay(const BrainSpec& spec)
      : runtime_(*Runtime::Create(spec, {})), session_(*runtime_->OpenSession({})) {}

  // Brings it to `steps` steps, the last of them learned or not yet.
  void GoTo(uint64_t steps, bool learned) {
    Value value;
    while (session_->steps() < steps) {
      ASSERT_THAT(session_->Step(ByteOf(session_->steps(), &value)), IsOk());
    }
    if (!learned) return;
    ASSERT_THAT(session_->LearnFrom(ByteOf(steps, &value)), IsOk());
  }

  void ExpectEqual(const Store& store, const std::string& position) {
    EXPECT_EQ(position, session_->Save());
    uint64_t different = 0;
    for (uint32_t t = 0; t < store.num_tables(); ++t) {
      const std::size_t bytes = store.spec(t).layout.block_bytes();
      for (uint32_t i = 0; i < store.spec(t).blocks; ++i) {
        const std::byte* const mine = runtime_->store().Draft().table(t).Read(i);
        if (std::memcmp(store.Draft().table(t).Read(i), mine, bytes) != 0) ++different;
      }
    }
    EXPECT_EQ(different, 0U) << "blocks";
  }

 private:
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Session> session_;
};

TEST(CrashTest, AKilledBrainStandsWhereItsLastDurableCommitLeftIt) {
  test::TempFiles folder;
  ASSERT_THAT(WriteFile(BrainPath(folder.root()), FormatBrain(test::TinyText())), IsOk());
  Replay replay(test::TinyText());
  Rng rng(20);
  uint64_t stood = 0;
  uint64_t beyond = 0;  // Lives whose last durable commit was not told any more.
  const int crashes = Crashes();
  for (int n = 0; n < crashes && !testing::Test::HasFailure(); ++n) {
    SCOPED_TRACE(n);
    const uint64_t told = LiveAndDie(folder.root(), DrawLife(&rng));
    auto runtime = Runtime::Open(folder.root(), {.durability = {.when = When::kOnClose}});
    ASSERT_THAT(runtime, IsOk());
    auto session = (*runtime)->OpenSession({});
    ASSERT_THAT(session, IsOk());
    const uint64_t stands = (*session)->steps();
    EXPECT_GE(stands, std::max(stood, told));
    beyond += stands > std::max(stood, told) ? 1 : 0;
    stood = stands;
    if (stands == 0) continue;
    const bool learned = (*session)->learner()->events().size() == 0;
    ASSERT_NO_FATAL_FAILURE(replay.GoTo(stands, learned));
    replay.ExpectEqual((*runtime)->store(), (*session)->Save());
  }
  EXPECT_GT(stood, static_cast<uint64_t>(crashes));
  RecordProperty("durable_but_not_told", static_cast<int>(beyond));
}

TEST(CrashTest, AKilledBrainKeepsItsSnapshots) {
  test::TempFiles folder;
  ASSERT_THAT(WriteFile(BrainPath(folder.root()), FormatBrain(test::TinyText())), IsOk());
  const auto plan = *Plan::Create(test::TinyText());
  const auto start = *plan->MakeStore({}, 1);
  Replay replay(test::TinyText());
  Rng rng(21);
  uint64_t compared = 0;
  uint64_t newest = 0;  // Steps of the newest that was compared.
  for (int n = 0; n < Crashes() / 2 && !testing::Test::HasFailure(); ++n) {
    SCOPED_TRACE(n);
    Life life = DrawLife(&rng);
    life.save_every = 10 + rng.Below(40);
    life.snapshots = true;
    LiveAndDie(folder.root(), life);
    StateDb::Options options = StateOptionsOf(*plan);
    options.mode = StateDb::Mode::kCreate;
    const auto state = StateDb::Open(StatePath(folder.root()), options);
    ASSERT_THAT(state, IsOk());
    const auto list = (*state)->Snapshots();
    ASSERT_THAT(list, IsOk());
    for (const StateSnapshot& snapshot : *list) {
      if (snapshot.steps <= newest) continue;  // The replay only goes on.
      newest = snapshot.steps;
      const auto store = *plan->MakeStore({}, 1);
      const auto loaded = (*state)->LoadSnapshot(
          snapshot.names[0].name, [&](BlockId id, std::span<const std::byte> bytes) {
            const std::span<std::byte> to = store->Initial(id);
            const auto* const from =
                bytes.empty() ? start->Draft().table(id.table).Read(id.index) : bytes.data();
            std::memcpy(to.data(), from, to.size());
            return absl::OkStatus();
          });
      ASSERT_THAT(loaded, IsOk());
      ASSERT_NO_FATAL_FAILURE(replay.GoTo(snapshot.steps, /*learned=*/false));
      replay.ExpectEqual(*store, loaded->sessions[0].position);
      ++compared;
    }
  }
  EXPECT_GT(compared, 10U);
}

}  // namespace
}  // namespace gyrus
