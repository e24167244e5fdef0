// SPDX-License-Identifier: Apache-2.0
// Readers, the learner and an ordinary thread at once; meant to run under ThreadSanitizer too.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/hold.h"
#include "core/store.h"
#include "tests/core/store_test_tables.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

constexpr uint32_t kBlocks = 16;
constexpr uint32_t kWords = 32;
constexpr int kReaders = 4;

// The learner writes all blocks with one number per commit, so that every snapshot carries one
// number throughout. Returns it, or nothing if the blocks disagree.
template <typename Read>
std::optional<uint32_t> NumberThroughout(const Read& read) {
  const uint32_t number = test::FirstWord(read(0));
  for (uint32_t i = 0; i < kBlocks; ++i) {
    const auto* words = reinterpret_cast<const uint32_t*>(read(i));
    for (uint32_t w = 0; w < kWords; ++w) {
      if (words[w] != number) return std::nullopt;
    }
  }
  return number;
}

struct Scene {
  std::unique_ptr<Store> store;
  std::atomic<bool> done = false;
  std::atomic<int> mixed = 0;
  std::atomic<int> reads = 0;
  std::atomic<int> holds = 0;
};

void KeepReading(Reader reader, Scene* scene) {
  uint32_t last = 0;
  while (!scene->done.load(std::memory_order_relaxed)) {
    const TableView view = reader.Pin().table(0);
    const auto number = NumberThroughout([&](uint32_t i) { return view.Read(i); });
    if (!number.has_value() || *number < last) ++scene->mixed;
    last = number.value_or(last);
    reader.Unpin();
    ++scene->reads;
    std::this_thread::yield();  // Mostly descheduled unpinned, on machines with few cores.
  }
}

void KeepHolding(Scene* scene) {
  struct Held {
    Hold hold;
    std::optional<uint32_t> number;
  };
  const auto read = [](const Hold& hold) {
    return NumberThroughout([&](uint32_t i) { return hold.Read({0, i}); });
  };
  std::vector<Held> holds;
  for (uint32_t n = 0; !scene->done.load(std::memory_order_relaxed); ++n) {
    Hold hold = scene->store->TakeHold();
    const auto number = read(hold);
    holds.push_back({std::move(hold), number});
    for (const Held& held : holds) {
      if (!held.number.has_value() || read(held.hold) != held.number) ++scene->mixed;
    }
    if (holds.size() == 4) holds.erase(holds.begin() + n % 4);
    ++scene->holds;
    std::this_thread::yield();
  }
}

// Commits until the others have met it often enough, and returns the last number.
uint32_t Learn(const Scene& scene) {
  const uint32_t needs[] = {kBlocks};
  uint32_t round = 0;
  while (round < 200 || scene.reads < 500 || scene.holds < 25) {
    std::this_thread::yield();  // Nobody notifies the learner, and the lock is not fair.
    std::optional<Commit> commit = Commit::TryBegin(scene.store.get(), needs);
    if (!commit.has_value()) continue;
    ++round;
    for (uint32_t i = 0; i < kBlocks; ++i) {
      uint32_t* words = commit->As<uint32_t>({0, i});
      for (uint32_t w = 0; w < kWords; ++w) words[w] = round;
    }
    commit.reset();
    if (round % 3 == 0) scene.store->Publish();  // The others publish too.
  }
  return round;
}

class StoreThreadTest : public testing::TestWithParam<uint32_t> {};  // Spares.

TEST_P(StoreThreadTest, NobodySeesAMixOfTwoCommits) {
  const TableSpec table = test::WordsTable("w", kBlocks, GetParam(), TensorReader::kStep, kWords);
  Scene scene;
  ASSERT_OK_AND_ASSIGN(scene.store, Store::Create(std::span(&table, 1), {.max_readers = kReaders}));
  std::vector<std::thread> threads;
  for (int r = 0; r < kReaders; ++r) {
    ASSERT_OK_AND_ASSIGN(Reader reader, scene.store->OpenReader());
    threads.emplace_back(KeepReading, std::move(reader), &scene);
  }
  threads.emplace_back(KeepHolding, &scene);

  const uint32_t last = Learn(scene);
  scene.done = true;
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(scene.mixed, 0);
  EXPECT_EQ(scene.store->free_spares(0), GetParam());
  EXPECT_EQ(test::FirstWord(scene.store->Draft().table(0).Read(0)), last);
}

// Each store goes from written at home to its first copy while a reader opens.
TEST(StoreFirstCopyTest, IsSeenWholeByAReaderThatOpensMeanwhile) {
  const TableSpec table = test::WordsTable("w", kBlocks, kBlocks, TensorReader::kStep, kWords);
  const uint32_t needs[] = {kBlocks};
  for (int trial = 0; trial < 50; ++trial) {
    ASSERT_OK_AND_ASSIGN(const auto store, Store::Create(std::span(&table, 1), {}));
    std::atomic<bool> done = false;
    std::atomic<int> mixed = 0;
    std::atomic<int> reads = 0;
    std::thread reading([&] {
      while (!done || reads == 0) {
        auto reader = store->OpenReader();
        const TableView view = reader->Pin().table(0);
        if (!NumberThroughout([&](uint32_t i) { return view.Read(i); }).has_value()) ++mixed;
        reader->Unpin();
        ++reads;
      }
    });
    for (uint32_t round = 1; round <= 20 || reads == 0;) {
      std::optional<Commit> commit = Commit::TryBegin(store.get(), needs);
      if (!commit.has_value()) continue;
      const TableWriter writer = commit->table(0);
      for (uint32_t i = 0; i < kBlocks; ++i) {
        uint32_t* const words = writer.As<uint32_t>(i);
        for (uint32_t w = 0; w < kWords; ++w) words[w] = round;
      }
      commit.reset();
      store->Publish();
      ++round;
    }
    done = true;
    reading.join();
    EXPECT_EQ(mixed, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Pools, StoreThreadTest, testing::Values(kBlocks, 4 * kBlocks),
                         [](const auto& test) { return "Spares" + std::to_string(test.param); });

}  // namespace
}  // namespace gyrus
