// SPDX-License-Identifier: Apache-2.0
#include "core/fork.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/overlay.h"
#include "core/rng.h"
#include "tests/core/store_test_tables.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::FirstWord;
using test::StatusIs;
using test::WordsTable;
using testing::HasSubstr;

// Three tables: 64 blocks of 64 bytes, 16 of 128, and 4 that no fork owns.
constexpr uint32_t kWrites[] = {4, 2, 0};

class ForkTest : public testing::Test {
 protected:
  void SetUp() override {
    const TableSpec tables[] = {
        WordsTable("small", 64, 0),
        WordsTable("large", 16, 0, TensorReader::kStep, /*words=*/32),
        WordsTable("common", 4, 0),
    };
    store_ = *Store::Create(tables, {});
    for (uint32_t t = 0; t < 3; ++t) {
      for (uint32_t i = 0; i < store_->spec(t).blocks; ++i) {
        const uint32_t word = Word({t, i});
        std::memcpy(store_->Initial({t, i}).data(), &word, sizeof(word));
      }
    }
    shape_.emplace(*ForkShape::Create(*store_, kWrites, 4096));
    overlay_.emplace(store_.get(), &*shape_);
  }

  static uint32_t Word(BlockId id) { return 1000 * (id.table + 1) + id.index; }

  uint32_t Read(BlockId id) const {
    return FirstWord(overlay_->view().table(id.table).Read(id.index));
  }
  void Put(BlockId id, uint32_t word) {
    Commit commit = overlay_->Begin();
    *commit.As<uint32_t>(id) = word;
  }

  std::unique_ptr<Store> store_;
  std::optional<ForkShape> shape_;
  std::optional<Overlay> overlay_;
};

TEST_F(ForkTest, RefusesLessThanTwoStepsNeed) {
  EXPECT_THAT(
      ForkShape::Create(*store_, kWrites, 256),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a fork of at most 256 bytes holds")));
}

TEST_F(ForkTest, ReadsTheStoreUntilItWrites) {
  Fork fork(&*shape_);
  overlay_->Show(&fork);
  EXPECT_EQ(Read({0, 7}), 1007);
  Put({0, 7}, 5);
  EXPECT_EQ(Read({0, 7}), 5);
  EXPECT_EQ(Read({0, 8}), 1008);
  EXPECT_EQ(FirstWord(store_->Draft().table(0).Read(7)), 1007);
  EXPECT_EQ(fork.blocks(), 1);
}

TEST_F(ForkTest, KeepsUsersApart) {
  Fork anna(&*shape_);
  Fork ben(&*shape_);
  overlay_->Show(&anna);
  Put({1, 3}, 1);
  overlay_->Show(&ben);
  EXPECT_EQ(Read({1, 3}), 2003);
  Put({1, 3}, 2);
  overlay_->Show(&anna);
  EXPECT_EQ(Read({1, 3}), 1);
  overlay_->Show(nullptr);
  EXPECT_EQ(Read({1, 3}), 2003);
}

TEST_F(ForkTest, SeesWhatTheStoreLearnsMeanwhile) {
  Fork fork(&*shape_);
  overlay_->Show(&fork);
  Put({0, 1}, 5);
  const uint64_t before = overlay_->commits();
  {
    std::optional<Commit> commit = Commit::TryBegin(store_.get(), {});
    *commit->As<uint32_t>({0, 1}) = 6;
    *commit->As<uint32_t>({0, 2}) = 7;
  }
  EXPECT_GT(overlay_->commits(), before);
  EXPECT_EQ(Read({0, 1}), 5);
  EXPECT_EQ(Read({0, 2}), 7);
}

TEST_F(ForkTest, ForgetsWithTheCommitWhatItDoesNotOwn) {
  Fork fork(&*shape_);
  overlay_->Show(&fork);
  {
    Commit commit = overlay_->Begin();
    *commit.As<uint32_t>({2, 1}) = 5;
    EXPECT_EQ(*commit.As<uint32_t>({2, 1}), 5) << "the same block within the commit";
    *commit.As<uint32_t>({2, 2}) = 6;
  }
  EXPECT_EQ(Read({2, 1}), 3001);
  {
    Commit commit = overlay_->Begin();
    EXPECT_EQ(*commit.As<uint32_t>({2, 2}), 3002);
  }
  EXPECT_EQ(fork.blocks(), 0);
}

// What a fork holds is what was written last: nothing that was written in the newest commits is
// forgotten before everything else is, and what is forgotten is the store's again.
TEST_F(ForkTest, ReadsAsTheNaiveModel) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Rng rng(seed, 0);
    Fork fork(&*shape_);
    overlay_->Show(&fork);
    std::map<BlockId, uint32_t> written;
    std::deque<BlockId> newest;
    for (uint32_t step = 1; step <= 300; ++step) {
      Commit commit = overlay_->Begin();
      for (uint32_t w = 0; w < 3; ++w) {
        const auto table = static_cast<uint32_t>(rng.Below(2));
        const BlockId id{table, static_cast<uint32_t>(rng.Below(table == 0 ? 64 : 16))};
        if (table == 1 && w == 2) continue;  // At most two of those.
        uint32_t* const word = commit.As<uint32_t>(id);
        ASSERT_TRUE(*word == Word(id) || *word == written[id]) << "block " << id.index;
        written[id] = *word = step * 10 + w;
        newest.push_front(id);
      }
      while (newest.size() > 6) newest.pop_back();
    }
    uint32_t own = 0;
    for (const auto& [id, word] : written) {
      const bool forked = fork.Find(id.table, id.index) != nullptr;
      EXPECT_EQ(Read(id), forked ? word : Word(id));
      own += forked ? 1 : 0;
    }
    for (const BlockId& id : newest) EXPECT_EQ(Read(id), written[id]);
    EXPECT_EQ(own, fork.blocks());
    EXPECT_LE(fork.bytes(), 4096);
    EXPECT_GT(fork.forgotten(), 0);
  }
}

TEST_F(ForkTest, SparesWhatIsWrittenAgain) {
  Fork fork(&*shape_);
  overlay_->Show(&fork);
  for (uint32_t i = 0; i < 2000; ++i) {
    Commit commit = overlay_->Begin();
    *commit.As<uint32_t>({0, i % 64}) = i;
    *commit.As<uint32_t>({1, 5}) = i;
  }
  EXPECT_EQ(Read({1, 5}), 1999);
  EXPECT_GT(fork.forgotten(), 1000);
}

TEST_F(ForkTest, GoesOnToTheBitWhereItWasSaved) {
  Fork through(&*shape_);
  std::string bytes;
  const auto learn = [&](Fork* fork, uint64_t seed) {
    overlay_->Show(fork);
    Rng steps(seed, 1);
    for (uint32_t s = 0; s < 40; ++s) {
      Commit commit = overlay_->Begin();
      *commit.As<uint32_t>({0, static_cast<uint32_t>(steps.Below(64))}) += 1;
      *commit.As<uint32_t>({1, static_cast<uint32_t>(steps.Below(16))}) += 1;
    }
    ByteWriter writer;
    fork->Save(&writer);
    return writer.bytes();
  };
  bytes = learn(&through, 0);
  for (uint64_t seed = 1; seed < 8; ++seed) {
    Fork again(&*shape_);
    ByteReader reader(bytes);
    again.Restore(&reader);
    ASSERT_TRUE(reader.done());
    bytes = learn(&again, seed);
    EXPECT_EQ(bytes, learn(&through, seed)) << "after " << seed;
  }
}

TEST_F(ForkTest, RefusesDamagedBytesAndIsEmpty) {
  Fork fork(&*shape_);
  overlay_->Show(&fork);
  for (uint32_t i = 0; i < 30; ++i) Put({i % 2, i % 16}, i);
  ByteWriter writer;
  fork.Save(&writer);
  uint32_t refused = 0;
  for (std::size_t at = 0; at < writer.bytes().size(); ++at) {
    std::string bytes = writer.bytes();
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    Fork restored(&*shape_);
    ByteReader reader(bytes);
    restored.Restore(&reader);
    if (reader.done()) continue;  // Within a block.
    ++refused;
    EXPECT_EQ(restored.blocks(), 0);
  }
  EXPECT_GT(refused, 100);
  for (std::size_t size = 0; size < writer.bytes().size(); size += 7) {
    Fork restored(&*shape_);
    ByteReader reader(absl::string_view(writer.bytes()).substr(0, size));
    restored.Restore(&reader);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(restored.blocks(), 0);
  }
}

TEST_F(ForkTest, TakesNoMemoryOnceItHasAll) {
  Fork fork(&*shape_);
  overlay_->Show(&fork);
  const auto learn = [&](uint32_t i) {
    Commit commit = overlay_->Begin();
    *commit.As<uint32_t>({0, i * 7 % 64}) = i;
    *commit.As<uint32_t>({1, i * 5 % 16}) = i;
    *commit.As<uint32_t>({2, i % 2}) = i;
    *commit.As<uint32_t>({2, 3}) = i;
  };
  for (uint32_t i = 0; i < 200; ++i) learn(i);
  const test::NoAllocScope scope;
  for (uint32_t i = 0; i < 2000; ++i) learn(i);
  EXPECT_EQ(scope.count(), 0);
}

}  // namespace
}  // namespace gyrus
