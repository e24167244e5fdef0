// SPDX-License-Identifier: Apache-2.0
// Snapshots of a state: taken, named, dropped and read. A snapshot is a row of the journal until a
// fold takes that row away; from then on it is the image that begins the journal, with what the
// snapshots keep laid over it, the newest first and its own last.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/store/kept_images.h"
#include "runtime/store/state_db.h"

namespace gyrus {
namespace {

using SnapshotList = std::vector<StateSnapshot>;

absl::Status ReadOnly() {
  return absl::FailedPreconditionError("the state was opened for reading");
}

}  // namespace

absl::StatusOr<SnapshotList> StateDb::ReadSnapshots() const {
  GYRUS_ASSIGN_OR_RETURN(const std::string text, GetMeta("snapshots"));
  return ParseSnapshots(text);
}

absl::Status StateDb::WriteSnapshots(const SnapshotList& snapshots) const {
  return SetMeta("snapshots", FormatSnapshots(snapshots));
}

absl::Status StateDb::CheckNewName(absl::string_view name) const {
  GYRUS_RETURN_IF_ERROR(CheckSnapshotName(name));
  if (!FindSnapshot(snapshots_, name).ok()) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "there is a snapshot \"", name, "\" already: choose another name, or drop it first"));
}

absl::Status StateDb::AddSnapshot(const NewSnapshot& add, const Journal& journal,
                                  SnapshotList* snapshots) const {
  StateSnapshot taken = {.id = snapshots->empty() ? 1 : snapshots->back().id + 1,
                         .row = journal.last,
                         .number = journal.number,
                         .time = add.time,
                         .steps = add.steps,
                         .sessions = journal.sessions,
                         .sessions_seal = journal.sessions_seal,
                         .names = {{add.name, add.keep > 0}}};
  GYRUS_RETURN_IF_ERROR(
      database_.Run(absl::StrCat("INSERT INTO kept_sessions(snapshot, name, position, crc) SELECT ",
                                 taken.id, ", name, position, crc FROM sessions")));
  GYRUS_ASSIGN_OR_RETURN(const int64_t bytes,
                         database_.Number("SELECT total(length(position)) FROM sessions"));
  taken.position_bytes = static_cast<uint64_t>(bytes);
  snapshots->push_back(std::move(taken));
  std::vector<std::string> automatic;
  for (const StateSnapshot& snapshot : *snapshots) {
    for (const StateSnapshot::Name& name : snapshot.names) {
      if (name.automatic) automatic.push_back(name.name);
    }
  }
  for (std::size_t n = 0; add.keep > 0 && n + add.keep < automatic.size(); ++n) {
    GYRUS_RETURN_IF_ERROR(TakeName(automatic[n], snapshots));
  }
  return WriteSnapshots(*snapshots);
}

// Of the list and, with a moment's last name, of the rows.
absl::Status StateDb::TakeName(absl::string_view name, SnapshotList* snapshots) const {
  GYRUS_ASSIGN_OR_RETURN(const std::size_t place, FindSnapshot(*snapshots, name));
  StateSnapshot& snapshot = (*snapshots)[place];
  if (snapshot.names.size() > 1) {
    std::erase_if(snapshot.names, [&](const auto& known) { return known.name == name; });
    return absl::OkStatus();
  }
  if (place > 0) GYRUS_RETURN_IF_ERROR(Bequeath(snapshot, &(*snapshots)[place - 1]));
  for (const char* const table : {"kept", "kept_sessions"}) {
    GYRUS_RETURN_IF_ERROR(
        database_.Run(absl::StrCat("DELETE FROM ", table, " WHERE snapshot = ", snapshot.id)));
  }
  snapshots->erase(snapshots->begin() + static_cast<std::ptrdiff_t>(place));
  return absl::OkStatus();
}

// Gives the snapshot before what it found in the one that goes.
absl::Status StateDb::Bequeath(const StateSnapshot& from, StateSnapshot* to) const {
  if (from.kept_rows == 0) return absl::OkStatus();
  BlockSet own;
  GYRUS_RETURN_IF_ERROR(
      VisitKept(database_, *to, sizes_, [&](BlockId id, std::span<const std::byte>) {
        own.Insert(id);
        return absl::OkStatus();
      }));
  GYRUS_ASSIGN_OR_RETURN(KeptWriter writer, KeptWriter::Create(database_, to));
  GYRUS_RETURN_IF_ERROR(
      VisitKept(database_, from, sizes_, [&](BlockId id, std::span<const std::byte> block) {
        return own.Contains(id) ? absl::OkStatus() : writer.Add(id, block);
      }));
  return writer.Finish();
}

absl::Status StateDb::TagSnapshot(absl::string_view name, absl::string_view second) {
  if (options_.mode == Mode::kReadOnly) return ReadOnly();
  GYRUS_RETURN_IF_ERROR(CheckNewName(second));
  SnapshotList snapshots = snapshots_;
  GYRUS_ASSIGN_OR_RETURN(const std::size_t place, FindSnapshot(snapshots, name));
  snapshots[place].names.push_back({std::string(second), /*automatic=*/false});
  GYRUS_RETURN_IF_ERROR(WriteSnapshots(snapshots));  // One statement: a transaction by itself.
  snapshots_ = std::move(snapshots);
  return absl::OkStatus();
}

absl::Status StateDb::DropSnapshot(absl::string_view name) {
  if (options_.mode == Mode::kReadOnly) return ReadOnly();
  GYRUS_ASSIGN_OR_RETURN(SqliteTransaction transaction,
                         SqliteTransaction::Begin(&database_, "BEGIN IMMEDIATE"));
  SnapshotList snapshots = snapshots_;
  GYRUS_RETURN_IF_ERROR(TakeName(name, &snapshots));
  GYRUS_RETURN_IF_ERROR(WriteSnapshots(snapshots));
  GYRUS_RETURN_IF_ERROR(transaction.Commit());
  snapshots_ = std::move(snapshots);
  database_.Run("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)").IgnoreError();
  return absl::OkStatus();
}

// From the newest to the oldest, as what changed since one has changed since the ones before.
absl::StatusOr<SnapshotList> StateDb::Snapshots() const {
  GYRUS_ASSIGN_OR_RETURN(const SqliteTransaction transaction,
                         SqliteTransaction::Begin(&database_, "BEGIN"));
  GYRUS_ASSIGN_OR_RETURN(const Journal journal, ReadJournal());
  GYRUS_ASSIGN_OR_RETURN(SnapshotList snapshots, ReadSnapshots());
  BlockSet changed;
  const auto note = [&](BlockId id, std::span<const std::byte>) {
    changed.Insert(id);
    return absl::OkStatus();
  };
  uint64_t end = journal.last;
  for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
    const uint64_t begin = std::max(snapshot->row, journal.image);
    if (begin < end) GYRUS_RETURN_IF_ERROR(VisitRows(journal, begin, end, note));
    end = std::min(begin, end);
    GYRUS_RETURN_IF_ERROR(VisitKept(database_, *snapshot, sizes_, note));
    snapshot->changed_blocks = changed.size();
  }
  return snapshots;
}

absl::StatusOr<std::vector<BlockId>> StateDb::Changed(absl::string_view from,
                                                      absl::string_view to) const {
  GYRUS_ASSIGN_OR_RETURN(const SqliteTransaction transaction,
                         SqliteTransaction::Begin(&database_, "BEGIN"));
  GYRUS_ASSIGN_OR_RETURN(const Journal journal, ReadJournal());
  GYRUS_ASSIGN_OR_RETURN(const SnapshotList snapshots, ReadSnapshots());
  GYRUS_ASSIGN_OR_RETURN(const std::size_t first, FindSnapshot(snapshots, from));
  std::size_t last = snapshots.size();
  if (!to.empty()) {
    GYRUS_ASSIGN_OR_RETURN(last, FindSnapshot(snapshots, to));
  }
  const uint64_t begin = std::max(snapshots[first].row, journal.image);
  const uint64_t end =
      last == snapshots.size() ? journal.last : std::max(snapshots[last].row, journal.image);
  std::vector<BlockId> changed;
  const auto note = [&](BlockId id, std::span<const std::byte>) {
    changed.push_back({table_of_[id.table], id.index});
    return absl::OkStatus();
  };
  if (begin < end) GYRUS_RETURN_IF_ERROR(VisitRows(journal, begin, end, note));
  for (std::size_t s = first; s < last; ++s) {
    GYRUS_RETURN_IF_ERROR(VisitKept(database_, snapshots[s], sizes_, note));
  }
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  return changed;
}

absl::StatusOr<StateDb::Loaded> StateDb::LoadSnapshot(absl::string_view name,
                                                      BlockVisitor visit) const {
  GYRUS_ASSIGN_OR_RETURN(const SqliteTransaction transaction,
                         SqliteTransaction::Begin(&database_, "BEGIN"));
  GYRUS_ASSIGN_OR_RETURN(const Journal journal, ReadJournal());
  GYRUS_ASSIGN_OR_RETURN(const SnapshotList snapshots, ReadSnapshots());
  GYRUS_ASSIGN_OR_RETURN(const std::size_t place, FindSnapshot(snapshots, name));
  const StateSnapshot& snapshot = snapshots[place];
  const auto visit_stored = [&](BlockId id, std::span<const std::byte> block) {
    return visit({table_of_[id.table], id.index}, block);
  };
  Loaded loaded;
  loaded.number = snapshot.number;
  loaded.row = std::max(snapshot.row, journal.image);
  GYRUS_RETURN_IF_ERROR(VisitRows(journal, journal.first - 1, loaded.row, visit_stored));
  for (std::size_t s = snapshots.size(); s > place; --s) {
    GYRUS_RETURN_IF_ERROR(VisitKept(database_, snapshots[s - 1], sizes_, visit_stored));
  }
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement rows,
      database_.Prepare(
          "SELECT name, position, crc FROM kept_sessions WHERE snapshot = ? ORDER BY name"));
  rows.Bind(static_cast<int64_t>(snapshot.id));
  GYRUS_ASSIGN_OR_RETURN(loaded.sessions,
                         TakeSessions(std::move(rows), snapshot.sessions, snapshot.sessions_seal));
  return loaded;
}

absl::StatusOr<StateDb::Loaded> StateDb::Sessions() const {
  GYRUS_ASSIGN_OR_RETURN(const SqliteTransaction transaction,
                         SqliteTransaction::Begin(&database_, "BEGIN"));
  GYRUS_ASSIGN_OR_RETURN(const Journal journal, ReadJournal());
  Loaded loaded;
  loaded.number = journal.number;
  loaded.row = journal.last;
  GYRUS_ASSIGN_OR_RETURN(loaded.sessions, ReadSessions(journal));
  return loaded;
}

}  // namespace gyrus
