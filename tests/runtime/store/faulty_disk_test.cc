// SPDX-License-Identifier: Apache-2.0
// A state on a disk that loses its power, tears and reorders writes, fills up and flips bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/rng.h"
#include "core/store.h"
#include "runtime/journal.h"
#include "runtime/store/state_db.h"
#include "tests/core/store_test_tables.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"

namespace gyrus {
namespace {

using test::FaultyVfs;
using test::IsOk;

constexpr std::size_t kBytes = 64;

struct Content {
  SnapshotNumber number = 0;
  std::map<uint32_t, std::string> blocks;
  std::string position;
  std::vector<std::string> history;

  bool operator==(const Content&) const = default;
};

class FaultyDiskTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<StateDb>> Open(const FaultyVfs& disk) {
    return StateDb::Open(folder_.PathOf("state.db"), {.mode = StateDb::Mode::kCreate,
                                                      .fingerprint = "brain",
                                                      .tables = {{"w", kBytes}},
                                                      .vfs = disk.name()});
  }

  static absl::StatusOr<Content> Read(const StateDb& state) {
    Content content;
    GYRUS_ASSIGN_OR_RETURN(
        const StateDb::Loaded loaded, state.Load([&](BlockId id, std::span<const std::byte> block) {
          content.blocks[id.index] =
              std::string(reinterpret_cast<const char*>(block.data()), block.size());
          return absl::OkStatus();
        }));
    content.number = loaded.number;
    if (!loaded.sessions.empty()) content.position = loaded.sessions[0].position;
    GYRUS_RETURN_IF_ERROR(state.VisitHistory([&](absl::string_view line) {
      content.history.emplace_back(line);
      return absl::OkStatus();
    }));
    return content;
  }

  absl::StatusOr<Content> OpenAndRead(const FaultyVfs& disk) {
    GYRUS_ASSIGN_OR_RETURN(const auto state, Open(disk));
    return Read(*state);
  }

  // Draws the next commit, appends it, and says what the state is if that succeeds.
  static absl::Status Append(StateDb* state, const Content& before, Rng* rng, Content* after) {
    *after = before;
    ++after->number;
    std::map<uint32_t, std::string> changed;
    for (uint64_t n = 1 + rng->Below(60); n > 0; --n) {
      changed[static_cast<uint32_t>(rng->Below(300))] =
          std::string(kBytes, static_cast<char>(rng->Below(256)));
    }
    StateCommit commit;
    commit.number = after->number;
    for (const auto& [index, bytes] : changed) {
      commit.blocks.push_back({{0, index}, std::as_bytes(std::span(bytes))});
      after->blocks[index] = bytes;
    }
    after->position = absl::StrCat("at ", after->number);
    commit.sessions = {{"main", after->position}};
    if (rng->Below(4) == 0) commit.history = {absl::StrCat("line ", after->number)};
    after->history.insert(after->history.end(), commit.history.begin(), commit.history.end());
    return state->Append(commit);
  }

  test::TempFiles folder_;
};

TEST_F(FaultyDiskTest, OpensAtTheLastDurableCommitAfterEveryPowerCut) {
  int cuts = 0;
  int unsaid = 0;  // Commits that were durable although nobody was told.
  for (uint64_t seed = 0; seed < 60 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    FaultyVfs disk(seed);
    Rng rng(seed + 1000);
    Content durable;
    Content tried;
    for (int life = 0; life < 6; ++life) {
      auto state = Open(disk);
      ASSERT_THAT(state, IsOk());
      const auto found = Read(**state);
      ASSERT_THAT(found, IsOk());
      EXPECT_TRUE(*found == durable || *found == tried) << found->number;
      unsaid += *found == durable ? 0 : 1;
      durable = *found;
      disk.FailAfter(rng.Below(120));
      absl::Status status;
      while (status.ok()) {
        status = Append(state->get(), durable, &rng, &tried);
        if (status.ok()) durable = tried;
        if (rng.Below(40) == 0) break;  // Closed in order, or as the power goes.
      }
      state->reset();
      disk.CutPower();
      ++cuts;
    }
  }
  EXPECT_EQ(cuts, 360);
  RecordProperty("durable_but_not_told", unsaid);
}

TEST_F(FaultyDiskTest, AFullDiskLeavesTheStateBeforeAndRoomLetsItGoOn) {
  for (uint64_t seed = 0; seed < 40 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    FaultyVfs disk(seed);
    Rng rng(seed + 2000);
    Content durable;
    Content tried;
    {
      auto state = Open(disk);
      ASSERT_THAT(state, IsOk());
      disk.SetRoom(60'000 + rng.Below(60'000));
      absl::Status status;
      for (int n = 0; n < 200 && status.ok(); ++n) {
        status = Append(state->get(), durable, &rng, &tried);
        if (status.ok()) durable = tried;
      }
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
      EXPECT_EQ(*Read(**state), durable);
      disk.SetRoom(UINT64_MAX);
      EXPECT_THAT(Append(state->get(), durable, &rng, &tried), IsOk());
      durable = tried;
    }
    EXPECT_EQ(*OpenAndRead(disk), durable);
  }
}

TEST_F(FaultyDiskTest, NeverReadsAFlippedBitAsAState) {
  int refused = 0;
  for (uint64_t seed = 0; seed < 150 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    FaultyVfs disk(seed);
    Rng rng(seed + 3000);
    Content durable;
    {
      auto state = Open(disk);
      ASSERT_THAT(state, IsOk());
      for (int n = 0; n < 12; ++n) {
        Content tried;
        ASSERT_THAT(Append(state->get(), durable, &rng, &tried), IsOk());
        durable = tried;
      }
    }
    disk.FlipBits(1 + static_cast<int>(rng.Below(3)));
    const auto found = OpenAndRead(disk);
    if (found.ok()) {
      EXPECT_EQ(*found, durable);
    } else {
      ++refused;
      EXPECT_THAT(found.status().message(), testing::Not(testing::IsEmpty()));
    }
  }
  EXPECT_GT(refused, 50);
}

TEST_F(FaultyDiskTest, TheJournalLearnsOnWhileTheDiskIsFullAndWritesOnceItIsNot) {
  FaultyVfs disk(1);
  std::vector<TableSpec> tables = {test::WordsTable("w", 300, 0)};
  const auto store = *Store::Create(tables, {});
  {
    const auto journal =
        *Journal::Open(*Open(disk), 0, store.get(), {.when = Durability::When::kOnClose});
    const auto positions = [](Journal::Moment* moment) {
      moment->Add("main")->PutBytes("here");
      return true;
    };
    const auto put = [&](uint32_t index, uint32_t value) {
      *Commit::TryBegin(store.get(), {})->As<uint32_t>({0, index}) = value;
      journal->AfterCommit(positions);
    };
    put(1, 10);
    ASSERT_THAT(journal->Save(positions, {}), IsOk());
    disk.SetRoom(0);
    put(2, 20);

    const NewSnapshot forgotten = {.name = "forgotten", .time = WallTime()};
    EXPECT_EQ(journal->Save(positions, {"forgotten"}, forgotten).code(),
              absl::StatusCode::kResourceExhausted);
    EXPECT_TRUE(journal->failing());
    EXPECT_EQ(journal->lag().status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_EQ(journal->lag().commits, 1U);
    put(2, 21);
    put(3, 30);
    EXPECT_EQ(journal->lag().commits, 3U);

    disk.SetRoom(UINT64_MAX);
    EXPECT_THAT(journal->Save(positions, {"kept"}), IsOk());
    EXPECT_FALSE(journal->failing());
    EXPECT_EQ(journal->lag().commits, 0U);
    EXPECT_THAT(journal->Save(positions, {}, NewSnapshot{.name = "then", .time = WallTime()}),
                IsOk());
  }
  const auto snapshots = (*Open(disk))->Snapshots();
  ASSERT_THAT(snapshots, IsOk());
  ASSERT_EQ(snapshots->size(), 1U);
  EXPECT_EQ((*snapshots)[0].names[0].name, "then");
  const auto found = OpenAndRead(disk);
  ASSERT_THAT(found, IsOk());
  std::map<uint32_t, uint32_t> words;
  for (const auto& [index, bytes] : found->blocks) {
    words[index] = test::FirstWord(reinterpret_cast<const std::byte*>(bytes.data()));
  }
  EXPECT_EQ(words, (std::map<uint32_t, uint32_t>{{1, 10}, {2, 21}, {3, 30}}));
  EXPECT_THAT(found->history, testing::ElementsAre("kept"));
}

}  // namespace
}  // namespace gyrus
