// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/salvage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Image = std::map<uint32_t, char>;

constexpr int kCommits = 9;

// Commit n writes blocks n and n + 1 (and block 0) full of n.
class SalvageTest : public testing::Test {
 protected:
  void SetUp() override {
    auto state = StateDb::Open(path(), Options());
    ASSERT_THAT(state, IsOk());
    for (int n = 1; n <= kCommits; ++n) {
      const std::string bytes(64, static_cast<char>('a' + n));
      StateCommit commit;
      commit.number = static_cast<SnapshotNumber>(n);
      for (const uint32_t index : BlocksOf(n)) {
        commit.blocks.push_back({{0, index}, std::as_bytes(std::span(bytes))});
      }
      commit.sessions = {{"main", absl::StrCat("at ", n)}, {"other", "there"}};
      commit.history = {absl::StrCat("line ", n)};
      ASSERT_THAT((*state)->Append(commit), IsOk());
    }
  }

  static std::set<uint32_t> BlocksOf(int n) {
    return {0, static_cast<uint32_t>(n), static_cast<uint32_t>(n + 1)};
  }

  // The newest versions, without those of `lost` commits.
  static Image Expected(const std::set<int>& lost) {
    Image image;
    for (int n = 1; n <= kCommits; ++n) {
      if (lost.count(n) > 0) continue;
      for (const uint32_t index : BlocksOf(n)) image[index] = static_cast<char>('a' + n);
    }
    return image;
  }

  std::string path() const { return folder_.PathOf("state.db"); }
  static StateDb::Options Options(const std::string& fingerprint = "brain") {
    return {.mode = StateDb::Mode::kCreate, .fingerprint = fingerprint, .tables = {{"w", 64}}};
  }

  void Sql(const std::string& sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path().c_str(), &database), SQLITE_OK);
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sql;
    sqlite3_close(database);
  }

  StateHealth Examine() const {
    auto health = ExamineState(path(), Options());
    EXPECT_THAT(health, IsOk());
    return health.ok() ? *health : StateHealth{};
  }

  // What a new state holds into which the old one was salvaged.
  Image Salvage(std::vector<std::string>* positions) const {
    const std::string fresh = folder_.PathOf("fresh.db");
    EXPECT_THAT(SalvageState(path(), fresh, Options()), IsOk());
    Image image;
    const auto state = StateDb::Open(fresh, Options());
    EXPECT_THAT(state, IsOk());
    const auto loaded = (*state)->Load([&](BlockId id, std::span<const std::byte> bytes) {
      image[id.index] = static_cast<char>(bytes[63]);
      return absl::OkStatus();
    });
    EXPECT_THAT(loaded, IsOk());
    for (const auto& session : loaded->sessions) positions->push_back(session.position);
    return image;
  }

  test::TempFiles folder_;
  std::vector<std::string> positions_;
};

TEST_F(SalvageTest, FindsNothingWrongWithAWholeState) {
  const StateHealth health = Examine();

  EXPECT_THAT(health.wrong, IsEmpty());
  EXPECT_EQ(health.whole_rows, 9U);
  EXPECT_EQ(health.blocks, 11U);
  EXPECT_EQ(health.sessions, 2U);
  EXPECT_EQ(health.lines, 9U);
  EXPECT_EQ(Salvage(&positions_), Expected({}));
  EXPECT_THAT(positions_, ElementsAre("at 9", "there"));
}

TEST_F(SalvageTest, KeepsAllButDamagedAndMissingRows) {
  Sql("UPDATE commits SET blob = zeroblob(100) WHERE row = 4; DELETE FROM commits WHERE row = 9");
  ASSERT_THAT(StateDb::Open(path(), Options()), StatusIs(absl::StatusCode::kDataLoss));

  const StateHealth health = Examine();

  EXPECT_THAT(health.wrong, ElementsAre(HasSubstr("row 4 of its journal (1 to 9)"),
                                        HasSubstr("row 9 of its journal (1 to 9): is missing")));
  EXPECT_EQ(health.whole_rows, 7U);
  EXPECT_EQ(Salvage(&positions_), Expected({4, 9}));
}

TEST_F(SalvageTest, KeepsAllButDamagedSessionsAndLines) {
  Sql("UPDATE sessions SET position = 'x' WHERE name = 'main'; UPDATE history SET line = 'x' "
      "WHERE id < 3");

  EXPECT_THAT(Examine().wrong, ElementsAre(HasSubstr("session \"main\""), HasSubstr("1 of its 2"),
                                           HasSubstr("2 lines of its history")));
  EXPECT_EQ(Salvage(&positions_), Expected({}));
  EXPECT_THAT(positions_, ElementsAre("there"));
}

TEST_F(SalvageTest, FindsWhatIsWrongWithSnapshots) {
  {
    const auto state = *StateDb::Open(path(), Options());
    const std::string bytes(64, 'z');
    StateCommit commit;
    commit.number = kCommits;
    commit.snapshot = {.name = "then", .time = WallTime()};
    ASSERT_THAT(state->Append(commit), IsOk());
    commit.number = kCommits + 1;
    commit.blocks = {{{0, 0}, std::as_bytes(std::span(bytes))}};
    commit.sessions = {{"main", "later"}};
    commit.snapshot.reset();
    ASSERT_THAT(state->Append(commit), IsOk());
    ASSERT_THAT(state->Fold(), IsOk());
  }
  EXPECT_THAT(Examine().wrong, IsEmpty());
  EXPECT_EQ(Examine().snapshots, 1U);

  Sql("UPDATE kept_sessions SET position = 'x' WHERE name = 'main'");
  EXPECT_THAT(Examine().wrong, ElementsAre(HasSubstr("stood at snapshot \"then\"")));
  Sql("DELETE FROM kept");
  EXPECT_THAT(Examine().wrong, ElementsAre(HasSubstr("kept for snapshot \"then\": 0 rows where 1"),
                                           HasSubstr("snapshot \"then\"")));
  Sql("UPDATE meta SET value = '1' WHERE key = 'snapshots'");
  EXPECT_THAT(Examine().wrong, ElementsAre(HasSubstr("list of snapshots is damaged")));
  EXPECT_EQ(Salvage(&positions_).size(), 11U);
  EXPECT_THAT(positions_, ElementsAre("later", "there"));
}

TEST_F(SalvageTest, ReadsAJournalWhoseLengthIsLost) {
  Sql("UPDATE meta SET value = '1 2' WHERE key = 'journal'; UPDATE tables SET name = 'v'");

  EXPECT_THAT(Examine().wrong,
              ElementsAre(HasSubstr("list of tables"), HasSubstr("how long its journal")));
  EXPECT_EQ(Salvage(&positions_), Expected({}));
}

TEST_F(SalvageTest, TellsAnotherBrainsStateFromADamagedOne) {
  const auto health = ExamineState(path(), Options("other"));
  ASSERT_THAT(health, IsOk());
  EXPECT_TRUE(health->other_brain);
  EXPECT_THAT(health->wrong, ElementsAre(HasSubstr("another brain than brain.textproto")));
  EXPECT_THAT(SalvageState(path(), folder_.PathOf("fresh.db"), Options("other")),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(SalvageTest, SaysWhatIsNoState) {
  const std::string junk = folder_.Write("junk.db", std::string(5000, 'j'));
  EXPECT_THAT(ExamineState(junk, Options()), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(ExamineState(junk + "x", Options()), StatusIs(absl::StatusCode::kNotFound));
}

// Whatever page is overwritten: a block that is kept is one that some commit wrote.
TEST_F(SalvageTest, MakesNothingUpOutOfADamagedPage) {
  const auto size = static_cast<std::size_t>(std::ifstream(path(), std::ios::ate).tellg());
  std::ifstream file(path(), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  for (std::size_t page = 0; page < size / 4096; ++page) {
    SCOPED_TRACE(page);
    std::string damaged = whole;
    damaged.replace(page * 4096 + (page == 0 ? 100 : 0), 2000, std::string(2000, '\x5A'));
    folder_.Write("state.db", damaged);
    const std::string fresh = folder_.PathOf(absl::StrCat("fresh", page, ".db"));
    if (!SalvageState(path(), fresh, Options()).ok()) continue;
    const auto state = StateDb::Open(fresh, Options());
    ASSERT_THAT(state, IsOk());
    ASSERT_THAT((*state)->Load([&](BlockId id, std::span<const std::byte> bytes) {
      const int commit = static_cast<char>(bytes[0]) - 'a';
      EXPECT_EQ(BlocksOf(commit).count(id.index), 1U) << id.index;
      return absl::OkStatus();
    }),
                IsOk());
  }
}

}  // namespace
}  // namespace gyrus
