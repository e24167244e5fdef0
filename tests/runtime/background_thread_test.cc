// SPDX-License-Identifier: Apache-2.0
// Sessions, the learner's thread and a watcher at once; meant to run under ThreadSanitizer too.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/runtime.h"
#include "runtime/session.h"
#include "tests/support/blocks.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::Blocks;
using test::IsOk;
using test::ProseByte;
using test::TinyText;

// Reads the prose; waits where it must not lose anything.
void Read(Session* session, uint64_t steps) {
  for (uint64_t i = 0; i < steps; ++i) {
    while (session->stream() != nullptr && session->stream()->waiting() >= 500) {
      std::this_thread::yield();
    }
    const Value value{.present = true, .symbol = ProseByte(i)};
    Prediction prediction;
    ASSERT_THAT(session->Step({.values = {&value, 1}}, {.kind = Want::Kind::kBest}, &prediction),
                IsOk());
  }
}

TEST(BackgroundThreadTest, EndsAsInlineWithTheLearnerOnItsOwnThread) {
  ASSERT_OK_AND_ASSIGN(const auto inline_runtime, Runtime::Create(TinyText(), {}));
  ASSERT_OK_AND_ASSIGN(const auto background_runtime, Runtime::Create(TinyText(), {}));
  ASSERT_OK_AND_ASSIGN(const auto one, inline_runtime->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto other,
                       background_runtime->OpenSession({.mode = Mode::kBackground}));

  Read(one.get(), 3000);
  Read(other.get(), 3000);
  ASSERT_THAT(background_runtime->Drain(), IsOk());

  EXPECT_EQ(background_runtime->status().background.dropped, 0U);
  EXPECT_EQ(Blocks(&inline_runtime->store()), Blocks(&background_runtime->store()));
}

TEST(BackgroundThreadTest, SessionsOnTheirOwnThreadsShareABrain) {
  constexpr uint64_t kSteps = 1000;
  ASSERT_OK_AND_ASSIGN(const auto runtime, Runtime::Create(TinyText(), {}));
  std::atomic<bool> done = false;
  std::thread watcher([&] {
    while (!done.load()) {
      const RuntimeStatus status = runtime->status();
      EXPECT_GE(status.commits, status.background.counts.learned);
      std::this_thread::yield();
    }
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    const Mode mode = i == 3 ? Mode::kFrozen : Mode::kBackground;
    threads.emplace_back([&runtime, i, mode] {
      auto session = runtime->OpenSession({.name = absl::StrCat("s", i), .mode = mode});
      ASSERT_THAT(session, IsOk());
      Read(session->get(), kSteps);
      // Modes change while the others go on.
      ASSERT_THAT((*session)->SetMode(Mode::kFrozen), IsOk());
      Read(session->get(), 10);
      if (i != 0) return;
      ASSERT_THAT((*session)->SetMode(Mode::kBackground), IsOk());
      Read(session->get(), 11);
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_THAT(runtime->Drain(), IsOk());
  done = true;
  watcher.join();

  const BackgroundLearner::Status status = runtime->status().background;
  EXPECT_EQ(status.dropped, 0U);
  EXPECT_EQ(status.counts.learned, 3 * (kSteps - 1) + 10);
  EXPECT_EQ(status.streams, 0U);
}

TEST(BackgroundThreadTest, SavesWhileSessionsOpenAndClose) {
  const test::TempFiles folder;
  ASSERT_THAT(WriteFile(BrainPath(folder.root()), FormatBrain(TinyText())), IsOk());
  ASSERT_OK_AND_ASSIGN(const auto runtime, Runtime::Open(folder.root(), {}));
  std::atomic<bool> done = false;
  std::thread saver([&] {
    while (!done.load()) EXPECT_THAT(runtime->Save({}, {}), IsOk());
  });
  for (int i = 0; i < 20; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto session,
                         runtime->OpenSession({.name = "a", .mode = Mode::kBackground}));
    EXPECT_EQ(session->steps(), static_cast<uint64_t>(i) * 20);
    Read(session.get(), 20);
    EXPECT_THAT(runtime->Save({session.get()}, {}), IsOk());
  }
  done = true;
  saver.join();
  EXPECT_EQ(runtime->saved_sessions(), std::vector<std::string>{"a"});
}

TEST(BackgroundThreadTest, ADutyCycleStillLearnsAll) {
  ASSERT_OK_AND_ASSIGN(const auto runtime, Runtime::Create(TinyText(), {.learner_duty = 0.2}));
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({.mode = Mode::kBackground}));

  Read(session.get(), 600);
  ASSERT_THAT(runtime->Drain(), IsOk());

  EXPECT_EQ(runtime->status().background.counts.learned, 599U);
}

}  // namespace
}  // namespace gyrus
