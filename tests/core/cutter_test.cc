// SPDX-License-Identifier: Apache-2.0
// Cuts of a store; tests/core/store_property_test.cc has them at random among everything else.
#include "core/cutter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "core/hold.h"
#include "core/rng.h"
#include "tests/core/store_test_tables.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::FirstWord;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

class CutterTest : public testing::Test {
 protected:
  explicit CutterTest(uint32_t blocks = 200)
      : store_(*Store::Create(std::vector<TableSpec>{test::WordsTable("w", blocks, 8)}, {})),
        cutter_(*Cutter::Create(store_.get())) {}

  void Put(uint32_t index, uint32_t value) {
    const uint32_t needs[] = {1};
    std::optional<Commit> commit = Commit::TryBegin(store_.get(), needs);
    ASSERT_TRUE(commit.has_value());
    *commit->As<uint32_t>({0, index}) = value;
  }

  // Copies what is left of a cut and returns the first word of each of its blocks.
  std::map<uint32_t, uint32_t> Take() {
    while (!cutter_->Copy(64)) {
    }
    std::map<uint32_t, uint32_t> taken;
    cutter_->Visit([&](BlockId id, std::span<const std::byte> bytes) {
      EXPECT_TRUE(taken.emplace(id.index, FirstWord(bytes.data())).second);
    });
    cutter_->Clear();
    return taken;
  }

  std::unique_ptr<Store> store_;
  std::unique_ptr<Cutter> cutter_;
};

TEST_F(CutterTest, TakesWhatChangedSinceTheCutBefore) {
  Put(3, 30);
  Put(150, 1);
  Put(150, 2);
  cutter_->Cut();
  EXPECT_THAT(Take(), UnorderedElementsAre(Pair(3, 30), Pair(150, 2)));

  Put(150, 3);
  cutter_->Cut();
  EXPECT_THAT(Take(), UnorderedElementsAre(Pair(150, 3)));

  cutter_->Cut();
  EXPECT_THAT(Take(), IsEmpty());
}

TEST_F(CutterTest, KeepsTheMomentWhileLearningGoesOn) {
  for (uint32_t i = 0; i < 100; ++i) Put(i, 1);
  cutter_->Cut();
  EXPECT_FALSE(cutter_->Copy(640));
  for (uint32_t i = 0; i < 200; i += 2) Put(i, 2);

  const auto taken = Take();

  EXPECT_EQ(taken.size(), 100U);
  for (const auto& [index, word] : taken) EXPECT_EQ(word, 1U) << index;
  cutter_->Cut();
  EXPECT_EQ(Take().size(), 100U);
}

TEST_F(CutterTest, LeavesBlocksAtHome) {
  const std::byte* const home = store_->Draft().table(0).Read(7);
  for (uint32_t n = 0; n < 20; ++n) {
    Put(7, n);
    cutter_->Cut();
    Put(7, n + 100);
    EXPECT_EQ(store_->Draft().table(0).Read(7), home);
    EXPECT_THAT(Take(), UnorderedElementsAre(Pair(7, n)));
  }
  EXPECT_EQ(store_->free_spares(0), 8U);
}

TEST_F(CutterTest, CopiesAboutAsMuchAsItMay) {
  for (uint32_t i = 0; i < 200; ++i) Put(i, 1);
  cutter_->Cut();

  while (true) {
    const uint64_t before = cutter_->bytes();
    const bool whole = cutter_->Copy(640);
    EXPECT_LE(cutter_->bytes() - before, 640U);
    if (whole) break;
    EXPECT_GE(cutter_->bytes() - before, 512U);
  }
  EXPECT_EQ(cutter_->blocks(), 200U);
}

TEST_F(CutterTest, HasNoPartInWhatHoldsSay) {
  const auto changed = [&](const Hold* from, const Hold& to) {
    std::vector<uint32_t> indices;
    for (const BlockId& id : store_->Changed(from, to)) indices.push_back(id.index);
    return indices;
  };
  Put(1, 1);
  const Hold first = store_->TakeHold();
  Put(2, 2);
  cutter_->Cut();
  Put(3, 3);
  const Hold second = store_->TakeHold();
  Put(2, 20);

  EXPECT_THAT(changed(nullptr, first), testing::ElementsAre(1));
  EXPECT_THAT(changed(&first, second), testing::ElementsAre(2, 3));
  EXPECT_THAT(Take(), UnorderedElementsAre(Pair(1, 1), Pair(2, 2)));
  cutter_->Cut();
  EXPECT_THAT(Take(), UnorderedElementsAre(Pair(2, 20), Pair(3, 3)));
}

TEST_F(CutterTest, NeitherAllocatesNorForgetsOverManyCuts) {
  Rng rng(5);
  std::vector<uint32_t> model(200);
  std::vector<uint32_t> taken(200);
  int64_t allocations = 0;
  for (int n = 0; n < 2000; ++n) {
    {
      test::NoAllocScope scope;
      for (int w = 0; w < 3; ++w) {
        const auto index = static_cast<uint32_t>(rng.Below(200));
        model[index] = static_cast<uint32_t>(n);
        Put(index, model[index]);
      }
      if (n % 50 == 0) cutter_->Cut();
      if (n % 50 < 40) cutter_->Copy(500);
      allocations += scope.count();
    }
    if (n % 50 != 49) continue;
    cutter_->Visit([&](BlockId id, std::span<const std::byte> bytes) {
      taken[id.index] = FirstWord(bytes.data());
    });
    cutter_->Clear();
  }
  cutter_->Cut();
  for (const auto& [index, word] : Take()) taken[index] = word;

  EXPECT_EQ(taken, model);
  EXPECT_EQ(allocations, 0);
}

using CutterDeathTest = CutterTest;

TEST_F(CutterDeathTest, DiesOnACutWithinACut) {
  cutter_->Cut();
  EXPECT_DEATH(cutter_->Cut(), "copying_");
}

TEST_F(CutterDeathTest, DiesWhenItComesLate) {
  cutter_.reset();
  Put(1, 1);
  EXPECT_DEATH((void)Cutter::Create(store_.get()), "commits");
}

}  // namespace
}  // namespace gyrus
