// SPDX-License-Identifier: Apache-2.0
#include "core/store.h"
#include "core/hold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/page_memory.h"
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

std::unique_ptr<Store> MakeStore(std::vector<TableSpec> tables, Store::Options options = {}) {
  auto store = Store::Create(tables, options);
  EXPECT_THAT(store, test::IsOk());
  return *std::move(store);
}

// One commit that writes `value` to the first word of `id`; a table without spares copies nothing.
void Put(Store* store, BlockId id, uint32_t value) {
  std::vector<uint32_t> needs(store->num_tables(), 0);
  needs[id.table] = store->spec(id.table).spares > 0 ? 1 : 0;
  std::optional<Commit> commit = Commit::TryBegin(store, needs);
  ASSERT_TRUE(commit.has_value());
  *commit->As<uint32_t>(id) = value;
}

TEST(StoreTest, RefusesMalformedTables) {
  const TableSpec good = WordsTable("w", 4, 1);
  TableSpec nameless = good;
  nameless.name = "";
  TableSpec empty = good;
  empty.blocks = 0;
  TableSpec spares = good;
  spares.spares = (uint32_t{1} << 26) + 1;
  TableSpec based = good;
  std::vector<std::byte> base(100);
  based.base = base;
  const auto error = [](const std::vector<TableSpec>& tables, Store::Options options = {}) {
    return Store::Create(tables, options).status();
  };
  const absl::StatusCode invalid = absl::StatusCode::kInvalidArgument;

  EXPECT_THAT(error({}), StatusIs(invalid, "a store needs at least one table"));
  EXPECT_THAT(error({good, good}), StatusIs(invalid, "table \"w\" appears twice"));
  EXPECT_THAT(error({nameless}), StatusIs(invalid, "a table needs a name"));
  EXPECT_THAT(error({empty}), StatusIs(invalid, HasSubstr("\"w\" has 0 blocks")));
  EXPECT_THAT(error({spares}), StatusIs(invalid, HasSubstr("67108865 spares")));
  EXPECT_THAT(error({based}), StatusIs(invalid, "table \"w\" needs 256 bytes of base, got 100"));
  EXPECT_THAT(error({good}, {.max_readers = 0}),
              StatusIs(invalid, "max_readers must be in [1, 1024], got 0"));
  EXPECT_THAT(error({good}, {.max_readers = 1025}), StatusIs(invalid, HasSubstr("got 1025")));
}

TEST(StoreTest, StartsAllZeroWithoutBase) {
  const auto store = MakeStore({WordsTable("w", 3, 0)});

  for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(FirstWord(store->Draft().table(0).Read(i)), 0U);
  EXPECT_EQ(store->published(), 1U);
}

TEST(StoreTest, StartsAsItsBaseAndWritesIntoIt) {
  ASSERT_OK_AND_ASSIGN(const PageMemory base, PageMemory::Allocate(2 * 64));
  reinterpret_cast<uint32_t*>(base.data())[16] = 7;
  TableSpec spec = WordsTable("w", 2, 0);
  spec.base = {base.data(), 2 * 64};
  const auto store = MakeStore({spec});

  const uint32_t before = FirstWord(store->Draft().table(0).Read(1));
  Put(store.get(), {0, 1}, 8);

  EXPECT_EQ(before, 7U);
  EXPECT_EQ(store->Draft().table(0).Read(1), base.data() + 64);
  EXPECT_EQ(reinterpret_cast<uint32_t*>(base.data())[16], 8U);
}

TEST(StoreTest, InitialContentIsNoChange) {
  const auto store = MakeStore({WordsTable("w", 2, 0)});
  reinterpret_cast<uint32_t*>(store->Initial({0, 1}).data())[0] = 5;

  const Hold hold = store->TakeHold();

  EXPECT_EQ(hold.number(), 1U);
  EXPECT_EQ(FirstWord(hold.Read({0, 1})), 5U);
  EXPECT_THAT(store->Changed(nullptr, hold), IsEmpty());
}

TEST(StoreTest, DraftIsUnseenUntilPublished) {
  const auto store = MakeStore({WordsTable("w", 2, 2)});
  ASSERT_OK_AND_ASSIGN(Reader reader, store->OpenReader());
  Put(store.get(), {0, 0}, 1);

  const uint32_t draft = FirstWord(store->Draft().table(0).Read(0));
  const uint32_t before = FirstWord(reader.Pin().table(0).Read(0));
  const SnapshotNumber number = store->Publish();
  const View after = reader.Pin();

  EXPECT_EQ(draft, 1U);
  EXPECT_EQ(before, 0U);
  EXPECT_EQ(after.number(), number);
  EXPECT_EQ(FirstWord(after.table(0).Read(0)), 1U);
}

TEST(StoreTest, PublishesOnlyWhatWasWritten) {
  const auto store = MakeStore({WordsTable("w", 2, 2)});

  EXPECT_EQ(store->Publish(), 1U);
  Put(store.get(), {0, 0}, 1);
  EXPECT_EQ(store->Publish(), 2U);
  EXPECT_EQ(store->Publish(), 2U);
}

TEST(StoreTest, CopiesABlockOncePerPublish) {
  const auto store = MakeStore({WordsTable("w", 2, 2)});
  ASSERT_OK_AND_ASSIGN(Reader reader, store->OpenReader());

  for (uint32_t i = 1; i <= 5; ++i) Put(store.get(), {0, 0}, i);

  EXPECT_EQ(store->free_spares(0), 1U);
  EXPECT_EQ(FirstWord(reader.Pin().table(0).Read(0)), 0U);
}

TEST(StoreTest, WritesInPlaceWhatNobodySees) {
  const auto store =
      MakeStore({WordsTable("w", 2, 0), WordsTable("p", 2, 0, TensorReader::kLearner)});

  Put(store.get(), {0, 0}, 1);  // Without spares: no copy is possible.
  ASSERT_OK_AND_ASSIGN(const Reader reader, store->OpenReader());
  std::optional<Commit> commit = Commit::TryBegin(store.get(), {});
  *commit->As<uint32_t>({1, 0}) = 2;

  EXPECT_EQ(FirstWord(store->Draft().table(1).Read(0)), 2U);
}

TEST(StoreTest, SmallestPoolServesALargerPublishInterval) {
  const auto store = MakeStore({WordsTable("w", 8, 2)});
  ASSERT_OK_AND_ASSIGN(const Reader reader, store->OpenReader());
  const uint32_t needs[] = {2};

  for (uint32_t i = 0; i < 100; ++i) {
    std::optional<Commit> commit = Commit::TryBegin(store.get(), needs);
    ASSERT_TRUE(commit.has_value()) << i;
    *commit->As<uint32_t>({0, i % 8}) = i;
    *commit->As<uint32_t>({0, (i + 3) % 8}) = i;
  }

  EXPECT_EQ(FirstWord(store->Draft().table(0).Read(99 % 8)), 99U);
}

TEST(StoreTest, StalledReaderStallsTheLearnerAlone) {
  const auto store = MakeStore({WordsTable("w", 4, 1)});
  ASSERT_OK_AND_ASSIGN(Reader stalled, store->OpenReader());
  ASSERT_OK_AND_ASSIGN(Reader other, store->OpenReader());
  const uint32_t needs[] = {1};
  const View old = stalled.Pin();
  Put(store.get(), {0, 0}, 1);

  const bool began = Commit::TryBegin(store.get(), needs).has_value();
  const uint32_t other_sees = FirstWord(other.Pin().table(0).Read(0));
  const uint32_t stalled_sees = FirstWord(old.table(0).Read(0));
  other.Unpin();
  stalled.Unpin();
  const bool recovered = Commit::TryBegin(store.get(), needs).has_value();

  EXPECT_FALSE(began);
  EXPECT_EQ(other_sees, 1U);
  EXPECT_EQ(stalled_sees, 0U);
  EXPECT_TRUE(recovered);
}

TEST(StoreTest, HoldStallsTheLearnerUntilDropped) {
  const auto store = MakeStore({WordsTable("w", 4, 1)});
  std::optional<Hold> hold = store->TakeHold();
  const uint32_t needs[] = {1};
  Put(store.get(), {0, 0}, 1);

  const bool began = Commit::TryBegin(store.get(), needs).has_value();
  hold.reset();

  EXPECT_FALSE(began);
  EXPECT_TRUE(Commit::TryBegin(store.get(), needs).has_value());
}

TEST(StoreTest, ClosingAStalledReaderFreesItsVersions) {
  const auto store = MakeStore({WordsTable("w", 4, 2)});
  {
    ASSERT_OK_AND_ASSIGN(Reader reader, store->OpenReader());
    reader.Pin();
    Put(store.get(), {0, 0}, 1);
    Put(store.get(), {0, 1}, 1);
  }

  EXPECT_EQ(store->free_spares(0), 2U);
}

TEST(StoreTest, ChangedListsBlocksWrittenBetweenHolds) {
  const auto store =
      MakeStore({WordsTable("w", 4, 4), WordsTable("p", 4, 4, TensorReader::kLearner)});
  Put(store.get(), {0, 3}, 1);
  const Hold first = store->TakeHold();
  Put(store.get(), {1, 2}, 1);
  Put(store.get(), {0, 1}, 0);  // Written, though with what it held.
  const Hold second = store->TakeHold();
  Put(store.get(), {0, 2}, 1);
  const Hold third = store->TakeHold();

  EXPECT_THAT(store->Changed(nullptr, first), ElementsAre(BlockId{0, 3}));
  EXPECT_THAT(store->Changed(&first, second), ElementsAre(BlockId{0, 1}, BlockId{1, 2}));
  EXPECT_THAT(store->Changed(&first, third),
              ElementsAre(BlockId{0, 1}, BlockId{0, 2}, BlockId{1, 2}));
  EXPECT_THAT(store->Changed(&third, third), IsEmpty());
}

TEST(StoreTest, HoldsOfOneSnapshotShareIt) {
  const auto store = MakeStore({WordsTable("w", 4, 4)});
  std::optional<Hold> a = store->TakeHold();
  const Hold b = store->TakeHold();
  Put(store.get(), {0, 0}, 9);
  a.reset();

  EXPECT_EQ(b.number(), 1U);
  EXPECT_EQ(FirstWord(b.Read({0, 0})), 0U);
}

TEST(StoreTest, RefusesMoreReadersThanItsLimit) {
  const auto store = MakeStore({WordsTable("w", 1, 0)}, {.max_readers = 1});
  std::optional<Reader> reader;
  {
    ASSERT_OK_AND_ASSIGN(Reader opened, store->OpenReader());
    reader = std::move(opened);
  }

  EXPECT_THAT(store->OpenReader(),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       "all 1 readers are open; close one or raise max_readers"));
  reader.reset();
  EXPECT_THAT(store->OpenReader(), test::IsOk());
}

TEST(StoreDeathTest, DiesWhenInitialContentComesLate) {
  const auto store = MakeStore({WordsTable("w", 2, 2)});
  {
    ASSERT_OK_AND_ASSIGN(const Reader reader, store->OpenReader());
    EXPECT_DEATH(store->Initial({0, 0}), "open_readers_ == 0");
  }
  {
    const Hold hold = store->TakeHold();
    EXPECT_DEATH(store->Initial({0, 0}), "holds_.empty");
  }
  Put(store.get(), {0, 0}, 1);
  EXPECT_DEATH(store->Initial({0, 0}), "draft_is_dirty_");
}

TEST(StoreDeathTest, DiesBeforeItsHoldsAndReaders) {
  auto held = MakeStore({WordsTable("w", 2, 2)});
  auto read = MakeStore({WordsTable("w", 2, 2)});
  const Hold hold = held->TakeHold();
  ASSERT_OK_AND_ASSIGN(const Reader reader, read->OpenReader());

  EXPECT_DEATH(held.reset(), "holds_.empty");
  EXPECT_DEATH(read.reset(), "open_readers_ == 0");
}

TEST(StoreDeathTest, DiesWhenACommitCopiesMoreThanTheSpares) {
  const auto store = MakeStore({WordsTable("w", 4, 1)});
  ASSERT_OK_AND_ASSIGN(const Reader reader, store->OpenReader());
  std::optional<Commit> commit = Commit::TryBegin(store.get(), std::vector<uint32_t>{1});
  commit->Write({0, 0});

  EXPECT_DEATH(commit->Write({0, 1}), "free_.empty");
}

TEST(StoreDeathTest, DiesOnNeedsOfTablesThatItLacks) {
  const auto store = MakeStore({WordsTable("w", 4, 1)});

  EXPECT_DEATH(Commit::TryBegin(store.get(), std::vector<uint32_t>{1, 1}), "needs.size");
}

TEST(StoreDeathTest, DiesOnADiffBackwards) {
  const auto store = MakeStore({WordsTable("w", 4, 1)});
  const Hold old = store->TakeHold();
  Put(store.get(), {0, 0}, 1);
  const Hold young = store->TakeHold();

  EXPECT_DEATH(store->Changed(&young, old), "first <= to.number");
}

#ifndef NDEBUG
TEST(StoreDeathTest, DiesOnABlockThatIsNone) {
  const auto store = MakeStore({WordsTable("w", 4, 1)});

  EXPECT_DEATH(store->Draft().table(0).Read(4), "index < .*blocks");
  EXPECT_DEATH(Commit::TryBegin(store.get(), {})->Write({1, 0}), "tables_.size");
  EXPECT_DEATH(Commit::TryBegin(store.get(), {})->Write({0, 4}), "index < .*blocks");
}
#endif

}  // namespace
}  // namespace gyrus
