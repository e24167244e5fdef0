// SPDX-License-Identifier: Apache-2.0
// One row per run of blocks, not per block: a row per block of 64 bytes costs up to 28 times its
// bytes on the disk, a run 2.5 times (log, then file, then fold).
//
// What SQLite leaves open, the rows close: SQLite checks neither content nor whether a row is
// missing, so each row is sealed with its place, and the sealed row "journal" in meta, written in
// the same transaction, says which places there are.
#include "runtime/store/state_db.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/status_macros.h"
#include "runtime/store/block_blob.h"
#include "runtime/store/run_writer.h"
#include "runtime/store/state_format.h"

namespace gyrus {
namespace {

constexpr int64_t kHistoryLines = 100'000;

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("damaged: ", what));
}

}  // namespace

StateDb::StateDb(Options options, std::optional<FileLock> lock, Sqlite database)
    : options_(std::move(options)), lock_(std::move(lock)), database_(std::move(database)) {}

absl::Status StateDb::Scan() {
  GYRUS_ASSIGN_OR_RETURN(journal_, ReadJournal());
  if (options_.mode == Mode::kReadOnly) return absl::OkStatus();
  GYRUS_RETURN_IF_ERROR(
      VisitJournal(journal_, 0, [this](BlockId id, std::span<const std::byte> block) {
        if (live_.Insert(id)) image_bytes_ += block.size() + sizeof(BlockId);
        return absl::OkStatus();
      }));
  GYRUS_ASSIGN_OR_RETURN(const int64_t bytes,
                         database_.Number("SELECT total(length(blob)) FROM commits"));
  journal_bytes_ = static_cast<uint64_t>(bytes);
  GYRUS_ASSIGN_OR_RETURN(const auto sessions, ReadSessions(journal_));
  for (const StateCommit::Session& session : sessions) {
    session_seals_[session.name] = Seal(session.name, session.position);
  }
  GYRUS_ASSIGN_OR_RETURN(snapshots_, ReadSnapshots());
  return absl::OkStatus();
}

absl::Status StateDb::CheckCommit(const StateCommit& commit) const {
  if (options_.mode == Mode::kReadOnly) {
    return absl::FailedPreconditionError("the state was opened for reading");
  }
  const bool rises = commit.number > journal_.number;
  if (!rises && (commit.number < journal_.number || !commit.blocks.empty())) {
    return absl::InvalidArgumentError(
        absl::StrCat("commit ", commit.number, " does not come after commit ", journal_.number));
  }
  if (commit.snapshot.has_value()) GYRUS_RETURN_IF_ERROR(CheckNewName(commit.snapshot->name));
  for (const StateCommit::Block& block : commit.blocks) {
    const BlockId id = block.id;
    if (id.table >= options_.tables.size() || id.index >= kMaxBlockIndex) {
      return absl::InvalidArgumentError(
          absl::StrCat("block ", id.index, " of table ", id.table, " of ", options_.tables.size()));
    }
    const Table& table = options_.tables[id.table];
    if (block.bytes.size() != table.block_bytes) {
      return absl::InvalidArgumentError(absl::StrCat("block ", id.index, " of \"", table.name,
                                                     "\" has ", block.bytes.size(),
                                                     " bytes, expected ", table.block_bytes));
    }
  }
  return absl::OkStatus();
}

absl::Status StateDb::Append(const StateCommit& commit) {
  GYRUS_RETURN_IF_ERROR(CheckCommit(commit));
  GYRUS_ASSIGN_OR_RETURN(SqliteTransaction transaction,
                         SqliteTransaction::Begin(&database_, "BEGIN IMMEDIATE"));
  Journal journal = journal_;
  journal.number = commit.number;
  GYRUS_ASSIGN_OR_RETURN(const uint64_t bytes, InsertBlocks(commit, &journal));
  GYRUS_ASSIGN_OR_RETURN(const SealChanges seals, UpdateSessions(commit, &journal));
  GYRUS_RETURN_IF_ERROR(InsertHistory(commit));
  GYRUS_RETURN_IF_ERROR(WriteJournal(journal));
  std::vector<StateSnapshot> snapshots;
  if (commit.snapshot.has_value()) {
    snapshots = snapshots_;
    GYRUS_RETURN_IF_ERROR(AddSnapshot(*commit.snapshot, journal, &snapshots));
  }
  GYRUS_RETURN_IF_ERROR(transaction.Commit());
  // Durable: only now may memory follow.
  journal_ = journal;
  if (commit.snapshot.has_value()) snapshots_ = std::move(snapshots);
  journal_bytes_ += bytes;
  for (const StateCommit::Block& block : commit.blocks) {
    const BlockId id{stored_of_[block.id.table], block.id.index};
    if (live_.Insert(id)) image_bytes_ += block.bytes.size() + sizeof(BlockId);
  }
  for (const auto& [name, seal] : seals) {
    if (seal.has_value()) {
      session_seals_[name] = *seal;
    } else {
      session_seals_.erase(name);
    }
  }
  FoldIfDue();
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> StateDb::InsertBlocks(const StateCommit& commit, Journal* journal) {
  std::vector<const StateCommit::Block*> sorted;
  for (const StateCommit::Block& block : commit.blocks) sorted.push_back(&block);
  std::sort(sorted.begin(), sorted.end(), [this](const auto* a, const auto* b) {
    return std::pair(rank_of_name_[a->id.table], a->id.index) <
           std::pair(rank_of_name_[b->id.table], b->id.index);
  });
  const auto twice = std::adjacent_find(
      sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->id == b->id; });
  if (twice != sorted.end()) {
    return absl::InvalidArgumentError(absl::StrCat("block ", (*twice)->id.index, " of \"",
                                                   options_.tables[(*twice)->id.table].name,
                                                   "\" comes twice in one commit"));
  }
  GYRUS_ASSIGN_OR_RETURN(SqliteStatement insert, database_.Prepare(kInsertRun));
  RunWriter writer(std::move(insert), {}, journal->last + 1, commit.number);
  for (const StateCommit::Block* block : sorted) {
    GYRUS_RETURN_IF_ERROR(writer.Add({stored_of_[block->id.table], block->id.index}, block->bytes));
  }
  GYRUS_RETURN_IF_ERROR(writer.Finish());
  journal->last = writer.next_row() - 1;
  return writer.bytes();
}

absl::StatusOr<StateDb::SealChanges> StateDb::UpdateSessions(const StateCommit& commit,
                                                             Journal* journal) {
  SealChanges changes;
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement put,
      database_.Prepare("INSERT OR REPLACE INTO sessions(name, position, crc) VALUES(?, ?, ?)"));
  for (const StateCommit::Session& session : commit.sessions) {
    const uint32_t seal = Seal(session.name, session.position);
    put.Bind(session.name).Bind(std::as_bytes(std::span(session.position))).Bind(int64_t{seal});
    GYRUS_RETURN_IF_ERROR(put.Run());
    changes[session.name] = seal;
  }
  GYRUS_ASSIGN_OR_RETURN(SqliteStatement end,
                         database_.Prepare("DELETE FROM sessions WHERE name = ?"));
  for (const std::string& name : commit.ended) {
    GYRUS_RETURN_IF_ERROR(end.Bind(name).Run());
    changes[name] = std::nullopt;
  }
  for (const auto& [name, seal] : changes) {
    const auto before = session_seals_.find(name);
    if (before != session_seals_.end()) {
      --journal->sessions;
      journal->sessions_seal ^= before->second;
    }
    if (seal.has_value()) {
      ++journal->sessions;
      journal->sessions_seal ^= *seal;
    }
  }
  return changes;
}

absl::Status StateDb::InsertHistory(const StateCommit& commit) {
  if (commit.history.empty()) return absl::OkStatus();
  GYRUS_ASSIGN_OR_RETURN(SqliteStatement insert,
                         database_.Prepare("INSERT INTO history(line, crc) VALUES(?, ?)"));
  for (const std::string& line : commit.history) {
    GYRUS_RETURN_IF_ERROR(insert.Bind(line).Bind(int64_t{Seal("history", line)}).Run());
  }
  return database_.Run(absl::StrCat(
      "DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - ", kHistoryLines));
}

absl::StatusOr<StateDb::Loaded> StateDb::LoadSince(uint64_t row, BlockVisitor visit) const {
  // Beside a live writer, all of this is one moment's state.
  GYRUS_ASSIGN_OR_RETURN(const SqliteTransaction transaction,
                         SqliteTransaction::Begin(&database_, "BEGIN"));
  GYRUS_ASSIGN_OR_RETURN(const Journal journal, ReadJournal());
  const auto visit_stored = [&](BlockId id, std::span<const std::byte> block) {
    return visit({table_of_[id.table], id.index}, block);
  };
  GYRUS_RETURN_IF_ERROR(VisitJournal(journal, row, visit_stored));
  Loaded loaded;
  loaded.number = journal.number;
  loaded.row = journal.last;
  GYRUS_ASSIGN_OR_RETURN(loaded.sessions, ReadSessions(journal));
  return loaded;
}

absl::Status StateDb::VisitJournal(const Journal& journal, uint64_t since,
                                   StoredVisitor visit) const {
  const bool there = since >= journal.first && since <= journal.last;
  return VisitRows(journal, there ? since : journal.first - 1, journal.last, visit);
}

// Visits the rows after `after` up to `last`, both ends of commits; to the journal's last also
// finds rows that do not belong there.
absl::Status StateDb::VisitRows(const Journal& journal, uint64_t after, uint64_t last,
                                StoredVisitor visit) const {
  constexpr auto kEnd = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  uint64_t expected = after + 1;
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement rows,
      database_.Prepare("SELECT row, blob FROM commits WHERE row > ? AND row <= ? ORDER BY row"));
  rows.Bind(static_cast<int64_t>(after < journal.first ? 0 : after));
  rows.Bind(static_cast<int64_t>(last == journal.last ? kEnd : last));
  BlockRun run = {.row = 0, .commit = 0, .last = true, .blocks = 0};
  while (true) {
    GYRUS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) break;
    const auto place = static_cast<uint64_t>(rows.Int(0));
    const SnapshotNumber before = run.commit;
    GYRUS_ASSIGN_OR_RETURN(run, ReadBlockBlob(rows.Blob(1), sizes_, visit));
    if (place != expected || run.row != expected || run.commit < before) {
      return Damaged(absl::StrCat("row ", place, " of the journal where ", expected, " belongs"));
    }
    ++expected;
  }
  if (expected != last + 1 || !run.last || run.commit > journal.number) {
    return Damaged(absl::StrCat("the journal ends before row ", expected, ", expected ", last + 1));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StateCommit::Session>> StateDb::ReadSessions(
    const Journal& journal) const {
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement rows,
      database_.Prepare("SELECT name, position, crc FROM sessions ORDER BY name"));
  return TakeSessions(std::move(rows), journal.sessions, journal.sessions_seal);
}

absl::StatusOr<std::vector<StateCommit::Session>> StateDb::TakeSessions(SqliteStatement rows,
                                                                        uint64_t count,
                                                                        uint64_t seal) const {
  std::vector<StateCommit::Session> sessions;
  uint64_t seals = 0;
  while (true) {
    GYRUS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) break;
    const std::span<const std::byte> position = rows.Blob(1);
    sessions.push_back(
        {std::string(rows.Text(0)),
         std::string(reinterpret_cast<const char*>(position.data()), position.size())});
    const uint32_t found = Seal(sessions.back().name, sessions.back().position);
    if (rows.Int(2) != int64_t{found}) {
      return Damaged(
          absl::StrCat("session \"", sessions.back().name, "\" does not match its checksum"));
    }
    seals ^= found;
  }
  if (sessions.size() != count || seals != seal) {
    return Damaged(absl::StrCat(sessions.size(), " sessions where ", count, " belong"));
  }
  return sessions;
}

absl::Status StateDb::VisitHistory(absl::FunctionRef<absl::Status(absl::string_view)> visit) const {
  GYRUS_ASSIGN_OR_RETURN(SqliteStatement rows,
                         database_.Prepare("SELECT line, crc FROM history ORDER BY id"));
  while (true) {
    GYRUS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return absl::OkStatus();
    if (rows.Int(1) != int64_t{Seal("history", rows.Text(0))}) {
      return Damaged("a line of the history does not match its checksum");
    }
    GYRUS_RETURN_IF_ERROR(visit(rows.Text(0)));
  }
}

absl::StatusOr<std::string> StateDb::GetMeta(absl::string_view key) const {
  GYRUS_ASSIGN_OR_RETURN(SqliteStatement get,
                         database_.Prepare("SELECT value, crc FROM meta WHERE key = ?"));
  GYRUS_ASSIGN_OR_RETURN(const bool row, get.Bind(key).Step());
  if (!row) return Damaged(absl::StrCat("meta lacks \"", key, "\""));
  const std::string value(get.Text(0));
  if (get.Int(1) != int64_t{Seal(key, value)}) {
    return Damaged(absl::StrCat("\"", key, "\" in meta does not match its checksum"));
  }
  return value;
}

absl::Status StateDb::SetMeta(absl::string_view key, absl::string_view value) const {
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement put,
      database_.Prepare("INSERT OR REPLACE INTO meta(key, value, crc) VALUES(?, ?, ?)"));
  return put.Bind(key).Bind(value).Bind(int64_t{Seal(key, value)}).Run();
}

absl::StatusOr<StateDb::Journal> StateDb::ReadJournal() const {
  GYRUS_ASSIGN_OR_RETURN(const std::string text, GetMeta("journal"));
  const std::vector<absl::string_view> numbers = absl::StrSplit(text, ' ');
  Journal journal;
  if (numbers.size() != 6 || !absl::SimpleAtoi(numbers[0], &journal.first) ||
      !absl::SimpleAtoi(numbers[1], &journal.last) ||
      !absl::SimpleAtoi(numbers[2], &journal.number) ||
      !absl::SimpleAtoi(numbers[3], &journal.sessions) ||
      !absl::SimpleAtoi(numbers[4], &journal.sessions_seal) ||
      !absl::SimpleAtoi(numbers[5], &journal.image)) {
    return Damaged("\"journal\" in meta is not six numbers");
  }
  return journal;
}

absl::Status StateDb::WriteJournal(const Journal& journal) const {
  return SetMeta("journal",
                 absl::StrCat(journal.first, " ", journal.last, " ", journal.number, " ",
                              journal.sessions, " ", journal.sessions_seal, " ", journal.image));
}

}  // namespace gyrus
