// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/state_db.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/rng.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::StatusIs;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t kSizes[] = {64, 192};

using Image = std::map<BlockId, std::string>;
using Sessions = std::map<std::string, std::string>;

StateDb::Options OptionsFor(StateDb::Mode mode) {
  return {.mode = mode,
          .fingerprint = "brain-1",
          .tables = {{"vision.weights", kSizes[0]}, {"memory", kSizes[1]}}};
}

// What a state holds, or why it cannot be read.
struct Content {
  SnapshotNumber number = 0;
  Image image;
  Sessions sessions;

  bool operator==(const Content&) const = default;
};

absl::StatusOr<Content> ReadAll(const StateDb& state) {
  Content content;
  GYRUS_ASSIGN_OR_RETURN(
      const StateDb::Loaded loaded, state.Load([&](BlockId id, std::span<const std::byte> block) {
        content.image[id] = std::string(reinterpret_cast<const char*>(block.data()), block.size());
        return absl::OkStatus();
      }));
  content.number = loaded.number;
  for (const auto& session : loaded.sessions) content.sessions[session.name] = session.position;
  return content;
}

absl::StatusOr<Content> OpenAndRead(const std::string& path, StateDb::Mode mode) {
  GYRUS_ASSIGN_OR_RETURN(const auto state, StateDb::Open(path, OptionsFor(mode)));
  return ReadAll(*state);
}

// A commit over blocks that it owns.
class Draft {
 public:
  explicit Draft(SnapshotNumber number) { commit_.number = number; }

  Draft& Put(BlockId id, char fill) {
    bytes_.push_back(std::make_shared<const std::string>(kSizes[id.table], fill));
    commit_.blocks.push_back({id, std::as_bytes(std::span(*bytes_.back()))});
    return *this;
  }
  Draft& Session(const std::string& name, const std::string& position) {
    commit_.sessions.push_back({name, position});
    return *this;
  }
  Draft& End(const std::string& name) {
    commit_.ended.push_back(name);
    return *this;
  }
  Draft& Line(const std::string& line) {
    commit_.history.push_back(line);
    return *this;
  }

  const StateCommit& commit() const { return commit_; }

  // What `content` becomes.
  void ApplyTo(Content* content) const {
    content->number = commit_.number;
    for (std::size_t b = 0; b < bytes_.size(); ++b) {
      content->image[commit_.blocks[b].id] = *bytes_[b];
    }
    for (const auto& session : commit_.sessions) {
      content->sessions[session.name] = session.position;
    }
    for (const std::string& name : commit_.ended) content->sessions.erase(name);
  }

 private:
  StateCommit commit_;
  std::vector<std::shared_ptr<const std::string>> bytes_;  // Shared by copies of the draft.
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class StateDbTest : public testing::Test {
 protected:
  std::unique_ptr<StateDb> Create(uint64_t max_bytes = 0) {
    StateDb::Options options = OptionsFor(StateDb::Mode::kCreate);
    options.max_bytes = max_bytes;
    auto state = StateDb::Open(path_, options);
    EXPECT_THAT(state, IsOk());
    return *std::move(state);
  }

  absl::Status Open(StateDb::Mode mode) const {
    return StateDb::Open(path_, OptionsFor(mode)).status();
  }

  test::TempFiles files_;
  std::string path_ = files_.PathOf("state.db");
};

TEST_F(StateDbTest, KeepsCommitsSessionsAndHistory) {
  Content want;
  {
    const auto state = Create();
    const Draft first = Draft(2)
                            .Put({1, 5}, 'a')
                            .Put({0, 9}, 'b')
                            .Session("s", "at 1")
                            .Session("t", "x")
                            .Line("{}");
    const Draft second = Draft(7).Put({1, 5}, 'c').Session("s", std::string("\0\1", 2)).End("t");
    for (const Draft* draft : {&first, &second}) {
      ASSERT_THAT(state->Append(draft->commit()), IsOk());
      draft->ApplyTo(&want);
    }
    // Sessions move without blocks.
    ASSERT_THAT(state->Append(Draft(7).Session("u", "").Line("{\"loss\":1}").commit()), IsOk());
    want.sessions["u"] = "";
  }

  for (const auto mode : {StateDb::Mode::kReadOnly, StateDb::Mode::kReadWrite}) {
    EXPECT_THAT(OpenAndRead(path_, mode), test::IsOkAndHolds(want));
  }
  std::vector<std::string> lines;
  ASSERT_OK_AND_ASSIGN(const auto state,
                       StateDb::Open(path_, OptionsFor(StateDb::Mode::kReadOnly)));
  ASSERT_THAT(state->VisitHistory([&](absl::string_view line) {
    lines.push_back(std::string(line));
    return absl::OkStatus();
  }),
              IsOk());
  EXPECT_THAT(lines, ElementsAre("{}", "{\"loss\":1}"));
}

TEST_F(StateDbTest, ReplaysInOrderSortedByTableNameAndIndex) {
  const auto state = Create();
  ASSERT_THAT(state->Append(Draft(1).Put({0, 2}, 'a').Put({1, 9}, 'b').Put({0, 1}, 'c').commit()),
              IsOk());
  ASSERT_THAT(state->Append(Draft(2).Put({0, 2}, 'd').commit()), IsOk());

  std::vector<BlockId> visited;
  ASSERT_THAT(state->Load([&](BlockId id, std::span<const std::byte>) {
    visited.push_back(id);
    return absl::OkStatus();
  }),
              IsOk());

  // "memory" comes before "vision.weights".
  EXPECT_THAT(visited, ElementsAre(BlockId{1, 9}, BlockId{0, 1}, BlockId{0, 2}, BlockId{0, 2}));
}

TEST_F(StateDbTest, FindsItsTablesByName) {
  {
    const auto state = Create();
    ASSERT_THAT(state->Append(Draft(1).Put({1, 3}, 'm').commit()), IsOk());
  }
  StateDb::Options options = OptionsFor(StateDb::Mode::kReadWrite);
  options.tables = {{"added", 64}, {"memory", kSizes[1]}, {"vision.weights", kSizes[0]}};
  ASSERT_OK_AND_ASSIGN(const auto state, StateDb::Open(path_, options));

  ASSERT_OK_AND_ASSIGN(const Content content, ReadAll(*state));

  EXPECT_EQ(content.image, (Image{{{1, 3}, std::string(kSizes[1], 'm')}}));
}

TEST_F(StateDbTest, RefusesMalformedCommits) {
  const auto state = Create();
  ASSERT_THAT(state->Append(Draft(5).Put({0, 0}, 'a').commit()), IsOk());
  const auto status = [&](const StateCommit& commit) { return state->Append(commit); };
  const absl::StatusCode invalid = absl::StatusCode::kInvalidArgument;
  StateCommit wrong_size = Draft(6).commit();
  const std::vector<std::byte> bytes(100);
  wrong_size.blocks.push_back({{0, 0}, bytes});
  StateCommit wrong_table = Draft(6).commit();
  wrong_table.blocks.push_back({{2, 0}, bytes});

  EXPECT_THAT(status(Draft(5).Put({0, 0}, 'b').commit()),
              StatusIs(invalid, "commit 5 does not come after commit 5"));
  EXPECT_THAT(status(Draft(4).commit()), StatusIs(invalid, HasSubstr("commit 4")));
  EXPECT_THAT(status(Draft(6).Put({0, 1}, 'b').Put({0, 1}, 'c').commit()),
              StatusIs(invalid, "block 1 of \"vision.weights\" comes twice in one commit"));
  EXPECT_THAT(status(wrong_size), StatusIs(invalid, HasSubstr("has 100 bytes, expected 64")));
  EXPECT_THAT(status(wrong_table), StatusIs(invalid, HasSubstr("table 2 of 2")));
  EXPECT_THAT(ReadAll(*state)->number, 5U);
}

TEST_F(StateDbTest, SaysWhyItCannotOpen) {
  const absl::StatusCode failed = absl::StatusCode::kFailedPrecondition;
  EXPECT_THAT(Open(StateDb::Mode::kReadWrite), StatusIs(failed, HasSubstr("does not exist")));
  EXPECT_THAT(Open(StateDb::Mode::kReadOnly), StatusIs(failed, HasSubstr(path_)));

  files_.Write("state.db", "");
  EXPECT_THAT(Open(StateDb::Mode::kReadWrite), StatusIs(failed, HasSubstr("is empty")));
  files_.Write("state.db", std::string(5000, 'x'));
  EXPECT_THAT(Open(StateDb::Mode::kReadWrite), StatusIs(failed, HasSubstr("is no database")));
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  EXPECT_THAT(Open(StateDb::Mode::kCreate), StatusIs(failed, HasSubstr("is not a file")));
}

TEST_F(StateDbTest, RefusesOtherFormatsBrainsAndTables) {
  const absl::StatusCode failed = absl::StatusCode::kFailedPrecondition;
  Create();
  StateDb::Options other = OptionsFor(StateDb::Mode::kReadWrite);
  other.fingerprint = "brain-2";
  StateDb::Options resized = OptionsFor(StateDb::Mode::kReadWrite);
  resized.tables[1].block_bytes = 128;
  const auto run = [this](const char* sql) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(raw);
  };

  EXPECT_THAT(StateDb::Open(path_, other).status(),
              StatusIs(failed, HasSubstr("its fingerprint is \"brain-1\", this brain's "
                                         "\"brain-2\"")));
  EXPECT_THAT(StateDb::Open(path_, resized).status(),
              StatusIs(failed, HasSubstr("table \"memory\" with blocks of 192 bytes")));
  run("PRAGMA user_version=1");
  EXPECT_THAT(Open(StateDb::Mode::kReadWrite),
              StatusIs(failed, HasSubstr("by another version, in format 1")));
  run("PRAGMA application_id=7");
  EXPECT_THAT(Open(StateDb::Mode::kReadOnly), StatusIs(failed, HasSubstr("not a brain's state")));
}

TEST_F(StateDbTest, RefusesASecondWriterByItsProcess) {
  const auto state = Create();
  ASSERT_THAT(state->Append(Draft(1).Put({0, 0}, 'a').commit()), IsOk());

  EXPECT_THAT(Open(StateDb::Mode::kReadWrite),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr(absl::StrCat("is in use by process ", getpid()))));
  // A reader is welcome.
  ASSERT_OK_AND_ASSIGN(const Content content, OpenAndRead(path_, StateDb::Mode::kReadOnly));
  EXPECT_EQ(content.number, 1U);
}

TEST_F(StateDbTest, ReaderNeitherWritesNorFolds) {
  Create();
  ASSERT_OK_AND_ASSIGN(const auto state,
                       StateDb::Open(path_, OptionsFor(StateDb::Mode::kReadOnly)));

  EXPECT_THAT(state->Append(Draft(1).commit()), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(state->Fold(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

using StateDbDeathTest = StateDbTest;  // In a process of its own, which may give up being root.

TEST_F(StateDbDeathTest, ReadsButDoesNotWriteInAReadOnlyFolder) {
  Create();
  std::filesystem::remove(path_ + ".lock");
  std::filesystem::permissions(files_.root(), std::filesystem::perms(0555));
  const auto open_as_nobody = [this] {
    if (geteuid() == 0 && setuid(65534) != 0) _exit(1);
    const absl::Status read = Open(StateDb::Mode::kReadOnly);
    const absl::Status write = Open(StateDb::Mode::kReadWrite);
    std::fprintf(stderr, "read: %s, write: %s", read.ToString().c_str(), write.ToString().c_str());
    _exit(0);
  };

  EXPECT_EXIT(open_as_nobody(), testing::ExitedWithCode(0),
              "read: OK, write: FAILED_PRECONDITION: .*state.db.lock\": Permission denied");

  std::filesystem::permissions(files_.root(), std::filesystem::perms(0755));
}

TEST_F(StateDbTest, FoldsTheJournalAndKeepsTheState) {
  const auto state = Create();
  Content want;
  Rng rng(3);
  uint64_t largest = 0;
  for (SnapshotNumber number = 1; number <= 80; ++number) {
    Draft draft(number);
    std::map<BlockId, char> blocks;
    for (int b = 0; b < 80; ++b) {
      const auto table = static_cast<uint32_t>(rng.Below(2));
      blocks[{table, static_cast<uint32_t>(rng.Below(200))}] = static_cast<char>(rng.Bits());
    }
    for (const auto& [id, fill] : blocks) draft.Put(id, fill);
    draft.Session(absl::StrCat("s", rng.Below(5)), absl::StrCat(number));
    if (rng.Below(4) == 0) draft.End(absl::StrCat("s", rng.Below(5)));
    ASSERT_THAT(state->Append(draft.commit()), IsOk());
    draft.ApplyTo(&want);
    largest = std::max(largest, state->journal_bytes());
    if (number % 20 == 0) {
      EXPECT_THAT(ReadAll(*state), test::IsOkAndHolds(want)) << number;
    }
  }

  EXPECT_THAT(state->last_fold(), IsOk());
  EXPECT_LE(largest, 2 * state->image_bytes() + 16384);
  ASSERT_THAT(state->Fold(), IsOk());
  EXPECT_THAT(ReadAll(*state), test::IsOkAndHolds(want));
  EXPECT_LE(state->journal_bytes(), state->image_bytes() + 64);
}

TEST_F(StateDbTest, AFullDiskLeavesTheStateBefore) {
  const auto state = Create(/*max_bytes=*/40 * 4096);
  Content want;
  absl::Status status;
  for (SnapshotNumber number = 1; number <= 1000 && status.ok(); ++number) {
    Draft draft(number);
    for (uint32_t b = 0; b < 20; ++b) draft.Put({1, static_cast<uint32_t>(number) * 20 + b}, 'a');
    status = state->Append(draft.Session("s", absl::StrCat(number)).commit());
    if (status.ok()) draft.ApplyTo(&want);
  }

  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("full")));
  EXPECT_GT(want.number, 10U);
  EXPECT_THAT(ReadAll(*state), test::IsOkAndHolds(want));
  // Small commits still fit.
  Draft small = Draft(2000).Session("s", "end");
  ASSERT_THAT(state->Append(small.commit()), IsOk());
  small.ApplyTo(&want);
  EXPECT_THAT(ReadAll(*state), test::IsOkAndHolds(want));
}

// Whatever a byte does to the file: an error that says so, or the very state.
void ExpectDamageIsSeen(const std::string& path, const Content& want) {
  for (const auto mode : {StateDb::Mode::kReadOnly, StateDb::Mode::kReadWrite}) {
    const auto content = OpenAndRead(path, mode);
    if (content.ok()) {
      EXPECT_EQ(*content, want);
    } else {
      EXPECT_THAT(content.status(), AnyOf(StatusIs(absl::StatusCode::kDataLoss),
                                          StatusIs(absl::StatusCode::kFailedPrecondition)));
    }
  }
}

class DamagedStateDbTest : public StateDbTest {
 protected:
  void SetUp() override {
    const auto state = Create();
    for (SnapshotNumber number = 1; number <= 12; ++number) {
      Draft draft(number);
      for (uint32_t b = 0; b < 8; ++b) {
        draft.Put({b % 2, static_cast<uint32_t>(number * 3 + b)}, static_cast<char>('a' + number));
      }
      draft.Session(absl::StrCat("session ", number % 3), absl::StrCat("position ", number));
      ASSERT_THAT(state->Append(draft.commit()), IsOk());
      draft.ApplyTo(&want_);
    }
  }

  Content want_;
};

TEST_F(DamagedStateDbTest, NeverReadsAFlippedByteAsABlock) {
  const std::string good = ReadFile(path_);
  Rng rng(11);
  for (int i = 0; i < 150; ++i) {
    std::string bad = good;
    char& byte = bad[rng.Below(bad.size())];
    byte = static_cast<char>(byte ^ static_cast<char>(1 + rng.Below(255)));
    files_.Write("state.db", bad);

    ExpectDamageIsSeen(path_, want_);
  }
}

TEST_F(DamagedStateDbTest, NeverReadsATruncatedFileAsAState) {
  const std::string good = ReadFile(path_);
  for (std::size_t size = 1; size < good.size(); size += 2999) {
    files_.Write("state.db", good.substr(0, size));

    ExpectDamageIsSeen(path_, want_);
    for (const char* beside : {"-wal", "-shm"}) std::filesystem::remove(path_ + beside);
  }
}

TEST_F(DamagedStateDbTest, MissesRowsAndSessionsThatAreGone) {
  for (const char* sql :
       {"DELETE FROM commits WHERE row = 5", "DELETE FROM commits WHERE row = 12",
        "DELETE FROM sessions WHERE name = 'session 1'", "DELETE FROM meta WHERE key = 'journal'",
        "UPDATE commits SET blob = (SELECT blob FROM commits WHERE row = 3) WHERE row = 4",
        "UPDATE sessions SET position = 'elsewhere'", "DELETE FROM tables",
        "DROP TABLE sessions"}) {
    const std::string good = ReadFile(path_);
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &raw), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(raw);

    EXPECT_THAT(OpenAndRead(path_, StateDb::Mode::kReadWrite).status(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path_)))
        << sql;

    files_.Write("state.db", good);
  }
}

// Appends as fast as it can and reports each durable commit's number.
[[noreturn]] void AppendForever(const std::string& path, int report) {
  auto state = StateDb::Open(path, OptionsFor(StateDb::Mode::kCreate));
  if (!state.ok()) _exit(1);
  for (SnapshotNumber number = 1;; ++number) {
    Draft draft(number);
    for (uint32_t b = 0; b < 4; ++b) draft.Put({0, b}, static_cast<char>(number));
    draft.Session("s", absl::StrCat(number));
    if (!(*state)->Append(draft.commit()).ok()) _exit(2);
    if (write(report, &number, sizeof(number)) != sizeof(number)) _exit(3);
  }
}

TEST_F(StateDbTest, AKilledWriterLosesNothingThatWasDurable) {
  for (const SnapshotNumber kill_after : {1, 7, 40}) {
    std::filesystem::remove(path_);
    for (const char* beside : {"-wal", "-shm"}) std::filesystem::remove(path_ + beside);
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const pid_t child = fork();
    if (child == 0) AppendForever(path_, pipe_ends[1]);
    close(pipe_ends[1]);
    SnapshotNumber durable = 0;
    while (durable < kill_after) {
      ASSERT_EQ(read(pipe_ends[0], &durable, sizeof(durable)),
                static_cast<ssize_t>(sizeof(durable)));
    }

    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(pipe_ends[0]);

    ASSERT_OK_AND_ASSIGN(const Content content, OpenAndRead(path_, StateDb::Mode::kReadWrite));
    EXPECT_GE(content.number, durable);
    EXPECT_EQ(content.sessions.at("s"), absl::StrCat(content.number));
    for (const auto& [id, bytes] : content.image) {
      EXPECT_EQ(bytes, std::string(kSizes[id.table], static_cast<char>(content.number)));
    }
  }
}

}  // namespace
}  // namespace gyrus
