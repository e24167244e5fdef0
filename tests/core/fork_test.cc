// SPDX-License-Identifier: Apache-2.0
#include "core/fork.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "tests/core/store_test_tables.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::FirstWord;
using test::StatusIs;
using test::WordsTable;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Two tables: 8 blocks of 64 bytes, 4 blocks of 128.
std::unique_ptr<Store> MakeStore(uint32_t spares = 64) {
  const TableSpec tables[] = {WordsTable("small", 8, spares),
                              WordsTable("large", 4, spares, TensorReader::kLearner, /*words=*/32)};
  return *Store::Create(tables, {});
}

void Put(Store* store, BlockId id, uint32_t value) {
  std::optional<Commit> commit = Commit::TryBegin(store, std::vector<uint32_t>{1, 1});
  ASSERT_TRUE(commit.has_value());
  *commit->As<uint32_t>(id) = value;
}

TEST(ForkTest, RefusesABudgetBelowOneBlock) {
  const auto store = MakeStore();

  EXPECT_THAT(Fork::Create(store->TakeHold(), {.max_bytes = 63}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "a fork's max_bytes must be at least 64, got 63"));
}

TEST(ForkTest, SharesWhatItHasNotWritten) {
  const auto store = MakeStore();
  Put(store.get(), {0, 3}, 7);
  ASSERT_OK_AND_ASSIGN(const Fork fork, Fork::Create(store->TakeHold(), {}));

  EXPECT_EQ(fork.Read({0, 3}), fork.base().Read({0, 3}));
  EXPECT_EQ(fork.bytes(), 0U);
  EXPECT_THAT(fork.changed(), IsEmpty());
}

TEST(ForkTest, RefusesToOutgrowItsBudget) {
  const auto store = MakeStore();
  ASSERT_OK_AND_ASSIGN(Fork fork, Fork::Create(store->TakeHold(), {.max_bytes = 191}));
  ASSERT_THAT(fork.Write({1, 3}), test::IsOk());

  EXPECT_THAT(
      fork.Write({0, 2}),
      StatusIs(absl::StatusCode::kResourceExhausted,
               "the fork holds 128 of at most 191 bytes and has no room for a block of 64"));
  EXPECT_THAT(fork.Write({1, 3}), test::IsOk());  // It has that one already.
  EXPECT_THAT(fork.changed(), ElementsAre(BlockId{1, 3}));
}

// Forks taken at random times beside a store that goes on learning.
TEST(ForkTest, ReadsAsTheNaiveModel) {
  struct Model {
    Fork fork;
    std::map<BlockId, uint32_t> image;
    std::set<BlockId> written;
  };
  const auto store = MakeStore();
  const uint32_t sizes[] = {8, 4};
  std::map<BlockId, uint32_t> draft;
  for (uint32_t t = 0; t < 2; ++t) {
    for (uint32_t i = 0; i < sizes[t]; ++i) draft[{t, i}] = 0;
  }
  Rng rng(1);
  std::vector<Model> forks;
  for (uint32_t step = 1; step <= 600; ++step) {
    const auto table = static_cast<uint32_t>(rng.Below(2));
    const BlockId id{table, static_cast<uint32_t>(rng.Below(sizes[table]))};
    const uint64_t which = rng.Below(8);
    if (which == 0 && forks.size() < 4) {
      ASSERT_OK_AND_ASSIGN(Fork fork, Fork::Create(store->TakeHold(), {.max_bytes = 512}));
      forks.push_back({std::move(fork), draft, {}});
    } else if (which == 1 && !forks.empty()) {
      forks.erase(forks.begin() + rng.Below(forks.size()));
    } else if (which < 5 && !forks.empty()) {
      Model& model = forks[rng.Below(forks.size())];
      const std::size_t size = 64U << id.table;
      const bool fits = model.written.count(id) > 0 || model.fork.bytes() + size <= 512;
      const auto block = model.fork.Write(id);
      ASSERT_EQ(block.ok(), fits);
      if (fits) {
        EXPECT_EQ(reinterpret_cast<uintptr_t>(*block) % 64, 0U);
        std::memcpy(*block, &step, sizeof(step));
        model.image[id] = step;
        model.written.insert(id);
      }
    } else {
      Put(store.get(), id, step);
      draft[id] = step;
    }
    for (const Model& model : forks) {
      for (const auto& [block, value] : model.image) {
        ASSERT_EQ(FirstWord(model.fork.Read(block)), value);
      }
      EXPECT_EQ(model.fork.changed(),
                std::vector<BlockId>(model.written.begin(), model.written.end()));
    }
  }
}

}  // namespace
}  // namespace gyrus
