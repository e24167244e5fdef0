// SPDX-License-Identifier: Apache-2.0
// The store against a naive model that keeps a full copy of all blocks per snapshot: random
// operations, and after each of them everything that anybody can see is compared.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/cutter.h"
#include "core/hold.h"
#include "core/page_memory.h"
#include "core/rng.h"
#include "core/store.h"
#include "tests/core/store_test_tables.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using Image = std::map<BlockId, uint32_t>;  // The number that fills each block.

struct Sizes {
  uint32_t blocks;
  uint32_t writes;  // Blocks per table and commit, at most.
  uint32_t spares;
};

struct OpenedReader {
  Reader reader;
  std::optional<View> view;
};

class ModelRun {
 public:
  ModelRun(const Sizes& sizes, uint64_t seed) : sizes_(sizes), rng_(seed) {
    base_ = *PageMemory::Allocate(sizes.blocks * 64);
    std::vector<TableSpec> tables = {
        test::WordsTable("zero", sizes.blocks, sizes.spares),
        test::WordsTable("based", sizes.blocks, sizes.spares),
        test::WordsTable("learner", sizes.blocks, sizes.spares, TensorReader::kLearner)};
    for (uint32_t i = 0; i < sizes.blocks; ++i) {
      Fill(base_.data() + i * 64, 1000 + i);
      draft_[{1, i}] = 1000 + i;
      draft_[{0, i}] = draft_[{2, i}] = 0;
    }
    tables[1].base = {base_.data(), sizes.blocks * 64};
    store_ = *Store::Create(tables, {.max_readers = 3});
    snapshots_[1] = draft_;
    if (rng_.Below(4) > 0) cutter_ = *Cutter::Create(store_.get());
  }

  ~ModelRun() {
    if (cutting_) FinishCut();
    cutter_.reset();
    readers_.clear();
    holds_.clear();
    store_->Publish();
    // Nothing leaks: with nobody looking every spare is free.
    for (uint32_t t = 0; t < 3; ++t) EXPECT_EQ(store_->free_spares(t), sizes_.spares);
  }

  void Step() {
    switch (rng_.Below(12)) {
      case 0:
      case 1:
      case 2:
        TryCommit();
        break;
      case 3:
        store_->Publish();
        ExpectPublished(/*must=*/true);
        break;
      case 4:
        if (readers_.size() < 3) {
          readers_.push_back({*store_->OpenReader(), std::nullopt});
          ExpectPublished(/*must=*/true);
        }
        break;
      case 5:
        PinOrUnpin();
        break;
      case 6:
        if (!readers_.empty() && rng_.Below(3) == 0) {
          readers_.erase(readers_.begin() + rng_.Below(readers_.size()));
          ExpectPublished(/*must=*/readers_.empty());
        }
        break;
      case 7:
        if (holds_.size() < 5) {
          holds_.push_back(store_->TakeHold());
          ExpectPublished(/*must=*/true);
          EXPECT_EQ(holds_.back().number(), store_->published());
        }
        break;
      case 8:
      case 9:
        if (cutter_ != nullptr) CutOrCopy();
        break;
      case 10:
        if (cutting_) FinishCut();
        break;
      default:
        if (!holds_.empty()) holds_.erase(holds_.begin() + rng_.Below(holds_.size()));
    }
    CompareAll();
  }

  int commits() const { return commits_; }
  int cuts() const { return cuts_; }

 private:
  static void Fill(std::byte* block, uint32_t value) {
    for (int w = 0; w < 16; ++w) std::memcpy(block + 4 * w, &value, 4);
  }

  static bool IsFilled(const std::byte* block, uint32_t value) {
    std::byte expected[64];
    Fill(expected, value);
    return std::memcmp(block, expected, 64) == 0;
  }

  // Follows the store's number: at most one publish, and only of something.
  void ExpectPublished(bool must) {
    const SnapshotNumber number = store_->published();
    const SnapshotNumber newest = snapshots_.rbegin()->first;
    if (must && dirty_) {
      EXPECT_EQ(number, newest + 1);
    }
    if (number == newest) return;
    ASSERT_EQ(number, newest + 1);
    EXPECT_TRUE(dirty_);
    snapshots_[number] = draft_;
    written_[number] = std::exchange(draft_written_, {});
    dirty_ = false;
  }

  void TryCommit() {
    const std::vector<uint32_t> needs(3, sizes_.writes);
    std::optional<Commit> commit = Commit::TryBegin(store_.get(), needs);
    ExpectPublished(/*must=*/false);
    if (!commit.has_value()) {
      EXPECT_TRUE(!holds_.empty() || AnyPinned());
      return;
    }
    ++commits_;
    for (uint32_t t = 0; t < 3; ++t) {
      for (uint64_t n = rng_.Below(sizes_.writes + 1); n > 0; --n) {
        const BlockId id{t, static_cast<uint32_t>(rng_.Below(sizes_.blocks))};
        std::byte* block = commit->Write(id);
        EXPECT_TRUE(IsFilled(block, draft_[id]));
        EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % 64, 0U);
        Fill(block, ++value_);
        draft_[id] = value_;
        draft_written_.insert(id);
        if (cutter_ != nullptr) uncut_.insert(id);
        dirty_ = true;
      }
    }
    ExpectAgreesOnEach(*commit);
  }

  // What was written in this commit is written again where it was, alone or with others.
  void ExpectAgreesOnEach(Commit& commit) {
    for (uint32_t t = 0; t < 3; ++t) {
      std::vector<uint32_t> indices;
      for (const BlockId& id : draft_written_) {
        if (id.table == t) indices.push_back(id.index);
      }
      // An index twice, and eight of them.
      if (indices.empty()) continue;  // Asking to write makes a draft.
      indices.resize(std::max<std::size_t>(indices.size() + 1, 8), indices[0]);
      std::vector<std::byte*> blocks(indices.size());
      commit.table(t).WriteEach(indices, blocks.data());
      for (std::size_t i = 0; i < indices.size(); ++i) {
        EXPECT_EQ(blocks[i], commit.Write({t, indices[i]}));
      }
    }
  }

  void CutOrCopy() {
    if (cutting_) {
      if (cutter_->Copy(1 + rng_.Below(200))) CompareCut();
      return;
    }
    EXPECT_GE(cutter_->changed_bytes(), 64 * uncut_.size());
    if (rng_.Below(2) == 0) cutter_->Prefault(cutter_->changed_bytes());
    cutter_->Cut();
    ExpectPublished(/*must=*/true);
    for (const BlockId& id : std::exchange(uncut_, {})) cut_[id] = draft_[id];
    cutting_ = true;
  }

  void FinishCut() {
    while (!cutter_->Copy(100)) {
    }
    CompareCut();
  }

  // What was written between two cuts, once, as it was at the second.
  void CompareCut() {
    EXPECT_EQ(cutter_->blocks(), cut_.size());
    cutter_->Visit([&](BlockId id, std::span<const std::byte> bytes) {
      EXPECT_EQ(bytes.size(), 64U);
      ASSERT_EQ(cut_.count(id), 1U);
      EXPECT_TRUE(IsFilled(bytes.data(), cut_[id]));
      cut_.erase(id);
    });
    EXPECT_TRUE(cut_.empty());
    cut_.clear();
    cutter_->Clear();
    cutting_ = false;
    ++cuts_;
  }

  void PinOrUnpin() {
    if (readers_.empty()) return;
    OpenedReader& chosen = readers_[rng_.Below(readers_.size())];
    if (chosen.view.has_value() && rng_.Below(2) == 0) {
      chosen.reader.Unpin();
      chosen.view.reset();
    } else {
      chosen.view = chosen.reader.Pin();
      EXPECT_EQ(chosen.view->number(), store_->published());
    }
  }

  bool AnyPinned() const {
    for (const OpenedReader& reader : readers_) {
      if (reader.view.has_value()) return true;
    }
    return false;
  }

  void CompareAll() {
    const View draft = store_->Draft();
    for (const auto& [id, value] : draft_) {
      EXPECT_TRUE(IsFilled(draft.table(id.table).Read(id.index), value));
    }
    ExpectReadsEach(draft);
    for (const OpenedReader& reader : readers_) {
      if (!reader.view.has_value()) continue;
      for (const auto& [id, value] : snapshots_.at(reader.view->number())) {
        if (id.table == 2) continue;  // Not for readers.
        EXPECT_TRUE(IsFilled(reader.view->table(id.table).Read(id.index), value));
      }
      ExpectReadsEach(*reader.view);
    }
    for (std::size_t h = 0; h < holds_.size(); ++h) CompareHold(h);
  }

  // Several blocks at once are the same blocks.
  void ExpectReadsEach(const View& view) const {
    const TableView table = view.table(0);
    for (const uint32_t count : {std::min(sizes_.blocks, 3U), 8U}) {
      std::vector<uint32_t> indices;
      for (uint32_t i = 0; i < count; ++i) indices.push_back((5 * i + 2) % sizes_.blocks);
      std::vector<const std::byte*> blocks(count);
      table.ReadEach(indices, blocks.data());
      for (uint32_t i = 0; i < count; ++i) EXPECT_EQ(blocks[i], table.Read(indices[i]));
    }
  }

  void CompareHold(std::size_t h) {
    for (const auto& [id, value] : snapshots_.at(holds_[h].number())) {
      EXPECT_TRUE(IsFilled(holds_[h].Read(id), value));
    }
    EXPECT_EQ(store_->Changed(nullptr, holds_[h]), Written(0, holds_[h].number()));
    // Holds are kept in the order in which they were taken.
    for (std::size_t from = 0; from <= h; ++from) {
      EXPECT_EQ(store_->Changed(&holds_[from], holds_[h]),
                Written(holds_[from].number(), holds_[h].number()));
    }
  }

  std::vector<BlockId> Written(SnapshotNumber from, SnapshotNumber to) const {
    std::set<BlockId> ids;
    for (const auto& [number, written] : written_) {
      if (number > from && number <= to) ids.insert(written.begin(), written.end());
    }
    return {ids.begin(), ids.end()};
  }

  Sizes sizes_;
  Rng rng_;
  PageMemory base_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Cutter> cutter_;
  std::vector<OpenedReader> readers_;
  std::vector<Hold> holds_;

  Image draft_;
  std::set<BlockId> draft_written_;
  bool dirty_ = false;
  std::map<SnapshotNumber, Image> snapshots_;
  std::map<SnapshotNumber, std::set<BlockId>> written_;
  uint32_t value_ = 2000;
  std::set<BlockId> uncut_;  // Written since the newest cut.
  bool cutting_ = false;
  Image cut_;  // What the newest cut has to copy, while cutting_.
  int commits_ = 0;
  int cuts_ = 0;
};

class StorePropertyTest : public testing::TestWithParam<Sizes> {};

TEST_P(StorePropertyTest, EverySnapshotReadsAsTheNaiveModel) {
  int commits = 0;
  int cuts = 0;
  for (uint64_t seed = 0; seed < 20 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    ModelRun run(GetParam(), seed);
    for (int step = 0; step < 120; ++step) run.Step();
    commits += run.commits();
    cuts += run.cuts();
  }
  EXPECT_GT(commits, 100);
  EXPECT_GT(cuts, 40);
}

INSTANTIATE_TEST_SUITE_P(Pools, StorePropertyTest,
                         testing::Values(Sizes{.blocks = 6, .writes = 3, .spares = 3},
                                         Sizes{.blocks = 6, .writes = 3, .spares = 8},
                                         Sizes{.blocks = 6, .writes = 4, .spares = 60},
                                         Sizes{.blocks = 1, .writes = 1, .spares = 1},
                                         Sizes{.blocks = 20, .writes = 5, .spares = 12},
                                         Sizes{.blocks = 150, .writes = 40, .spares = 80}),
                         [](const auto& test) {
                           return "Blocks" + std::to_string(test.param.blocks) + "Writes" +
                                  std::to_string(test.param.writes) + "Spares" +
                                  std::to_string(test.param.spares);
                         });

}  // namespace
}  // namespace gyrus
