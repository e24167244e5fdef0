// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/store.h"
#include "runtime/store/block_blob.h"
#include "runtime/store/file_lock.h"
#include "runtime/store/sqlite.h"
#include "runtime/store/state_snapshot.h"

namespace gyrus {

// One durable commit. All of it is on the disk when StateDb::Append returns OK, or none.
struct StateCommit {
  struct Block {
    BlockId id;                        // Table by its place in StateDb::Options::tables.
    std::span<const std::byte> bytes;  // As long as the table's blocks.
  };
  struct Session {
    std::string name;
    std::string position;  // Opaque bytes: where its stream stands.
  };

  SnapshotNumber number = 0;         // Above the last commit's; equal to it if there are no blocks.
  std::vector<Block> blocks;         // Changed since the last commit, each once, in any order.
  std::vector<Session> sessions;     // Begun or moved on.
  std::vector<std::string> ended;    // Names of sessions to forget.
  std::vector<std::string> history;  // Lines for the report.

  std::optional<NewSnapshot> snapshot;  // To be kept as the state is after this commit.
};

// What a brain has become, on the disk: the journal of its commits, the positions of its sessions
// and the history for its report, in one SQLite database (write-ahead log, synchronous=FULL).
//
// - A commit is one transaction: after kill -9 or a power cut the state opens as its last durable
//   commit left it, whole. Whatever fails leaves the state before it.
// - Every row carries a CRC-32C and its place, and one row tells which places there are: damage
//   that SQLite does not notice is DataLoss, never a wrong block.
// - When the journal is larger than twice the blocks that live in it, it is folded into one image;
//   the disk needs room for three images meanwhile.
// - A snapshot notes the journal's last row. A fold, which alone takes rows away, keeps for it what
//   has been replaced since: so it costs commits nothing, and the disk only blocks that changed.
// - One writer: a second one is refused (FileLock). Readers may come beside it.
//
// One thread at a time; blocks on the disk.
class StateDb {
 public:
  enum class Mode {
    kReadOnly,   // Neither locks nor writes; also from a read-only folder, if nobody writes.
    kReadWrite,  // Refuses a state that does not exist.
    kCreate,     // Begins one if it does not exist.
  };
  struct Table {
    std::string name;
    std::size_t block_bytes = 0;
  };
  struct Options {
    Mode mode = Mode::kReadOnly;
    std::string fingerprint;    // Of the brain: a state opens only with that of its creation.
    std::vector<Table> tables;  // All that the state has; the writer may bring new ones.
    uint64_t max_bytes = 0;     // The database's limit; 0: the disk's.
    std::string vfs = {};       // SQLite's file layer by name, for one that fails on purpose or
                                // writes elsewhere; empty: the system's.
  };

  // Returns FailedPrecondition if the state is missing, no state, of another format, another
  // brain's, or in a place that may not be written; Unavailable if another process writes it, with
  // that process's id; InvalidArgument if a table appears twice; ResourceExhausted if the disk is
  // full; DataLoss if it is damaged (the writer checks all of it).
  static absl::StatusOr<std::unique_ptr<StateDb>> Open(const std::string& path,
                                                       const Options& options);

  // Makes a commit durable. Folds the journal if it is due, which takes as long as reading and
  // writing all of it; a fold that fails (see last_fold) does not fail the commit. Returns
  // FailedPrecondition if read-only; InvalidArgument if the commit is malformed;
  // ResourceExhausted if the disk or max_bytes is full; DataLoss; Unavailable if the disk fails.
  absl::Status Append(const StateCommit& commit);

  // Replays the journal in order: a block's newest version comes last. On an error, discard what
  // was visited: DataLoss if the state is damaged, or the status of the first visit that fails.
  using BlockVisitor = absl::FunctionRef<absl::Status(BlockId, std::span<const std::byte>)>;
  struct Loaded {
    SnapshotNumber number = 0;                   // Of the last commit; 0 if there is none.
    uint64_t row = 0;                            // The journal's last.
    std::vector<StateCommit::Session> sessions;  // By name.
  };
  absl::StatusOr<Loaded> Load(BlockVisitor visit) const { return LoadSince(0, visit); }

  // The same beside a writer, given the last row of an earlier load: visits what has come since, or
  // all again if that was folded meanwhile.
  absl::StatusOr<Loaded> LoadSince(uint64_t row, BlockVisitor visit) const;

  // The history's newest 100,000 lines, oldest first.
  absl::Status VisitHistory(absl::FunctionRef<absl::Status(absl::string_view)> visit) const;

  // Rewrites the journal as one image, now; what that replaces is kept for the snapshots.
  absl::Status Fold();

  // The snapshots, oldest first.
  absl::StatusOr<std::vector<StateSnapshot>> Snapshots() const;

  // Whether a new snapshot may have that name. Returns InvalidArgument as CheckSnapshotName;
  // AlreadyExists. Writer only.
  absl::Status CheckNewName(absl::string_view name) const;

  // A second name for the same moment, which costs nothing. Returns NotFound; as CheckNewName; as
  // Append. Writer only.
  absl::Status TagSnapshot(absl::string_view name, absl::string_view second);

  // Takes a name away, and with its last name the moment's images. Returns NotFound; as Append.
  absl::Status DropSnapshot(absl::string_view name);

  // The state as a snapshot has it: a block's last visit counts; no bytes: it is as at the start.
  // Returns NotFound; as Load.
  absl::StatusOr<Loaded> LoadSnapshot(absl::string_view name, BlockVisitor visit) const;

  // The blocks written since a snapshot `from`, up to a snapshot `to` that is no older; "": up to
  // now. Sorted. Returns NotFound; DataLoss.
  absl::StatusOr<std::vector<BlockId>> Changed(absl::string_view from, absl::string_view to) const;

  // Where the sessions stand, by name, and the number of the last commit.
  absl::StatusOr<Loaded> Sessions() const;

  // Bytes written so far to the disk: each page to the log, and again when the log is laid over the
  // file; an estimate, some percent too high.
  uint64_t written_bytes() const;

  // Bytes of the journal's rows, and of the newest version of each block in it. Writer only.
  uint64_t journal_bytes() const { return journal_bytes_; }
  uint64_t image_bytes() const { return image_bytes_; }
  const absl::Status& last_fold() const { return last_fold_; }

 private:
  // Which rows the journal consists of, and what the sessions must add up to.
  struct Journal {
    uint64_t first = 1;
    uint64_t last = 0;
    SnapshotNumber number = 0;
    uint64_t sessions = 0;
    uint64_t sessions_seal = 0;
    uint64_t image = 0;  // The last row of the image that begins it; first - 1: it has none.
  };
  using StoredVisitor = BlockVisitor;  // With tables as the database numbers them.

  // Checksums of sessions by name; none for one that ended.
  using SealChanges = absl::flat_hash_map<std::string, std::optional<uint32_t>>;

  StateDb(Options options, std::optional<FileLock> lock, Sqlite database);

  absl::Status Prepare();
  absl::Status CheckFormat();
  absl::Status CreateSchema();
  absl::Status MatchTables();
  absl::Status Scan();

  absl::Status CheckCommit(const StateCommit& commit) const;
  absl::StatusOr<uint64_t> InsertBlocks(const StateCommit& commit, Journal* journal);
  absl::StatusOr<SealChanges> UpdateSessions(const StateCommit& commit, Journal* journal);
  absl::Status InsertHistory(const StateCommit& commit);
  void FoldIfDue();
  absl::StatusOr<uint64_t> WriteImage(Journal* journal, std::vector<StateSnapshot>* snapshots);

  absl::Status AddSnapshot(const NewSnapshot& add, const Journal& journal,
                           std::vector<StateSnapshot>* snapshots) const;
  absl::Status TakeName(absl::string_view name, std::vector<StateSnapshot>* snapshots) const;
  absl::Status Bequeath(const StateSnapshot& from, StateSnapshot* to) const;
  absl::Status WriteSnapshots(const std::vector<StateSnapshot>& snapshots) const;
  absl::StatusOr<std::vector<StateSnapshot>> ReadSnapshots() const;

  absl::StatusOr<std::string> GetMeta(absl::string_view key) const;
  absl::Status SetMeta(absl::string_view key, absl::string_view value) const;
  absl::StatusOr<Journal> ReadJournal() const;
  absl::Status WriteJournal(const Journal& journal) const;
  absl::Status VisitJournal(const Journal& journal, uint64_t since, StoredVisitor visit) const;
  absl::Status VisitRows(const Journal& journal, uint64_t after, uint64_t last,
                         StoredVisitor visit) const;
  absl::StatusOr<std::vector<StateCommit::Session>> ReadSessions(const Journal& journal) const;
  absl::StatusOr<std::vector<StateCommit::Session>> TakeSessions(SqliteStatement rows,
                                                                 uint64_t count,
                                                                 uint64_t seal) const;

  Options options_;
  std::optional<FileLock> lock_;  // Released after the database is closed.
  Sqlite database_;

  std::vector<uint32_t> stored_of_;     // By place in options_.tables.
  std::vector<uint32_t> table_of_;      // By stored number: its inverse.
  std::vector<std::size_t> sizes_;      // Of blocks, by stored number.
  std::vector<uint32_t> rank_of_name_;  // By place in options_.tables.

  // The writer's.
  Journal journal_;
  BlockSet live_;  // Blocks in the journal; stored numbers.
  absl::flat_hash_map<std::string, uint32_t> session_seals_;
  std::vector<StateSnapshot> snapshots_;
  uint64_t journal_bytes_ = 0;
  uint64_t image_bytes_ = 0;
  uint64_t fold_above_ = 0;  // No fold below this many journal bytes.
  absl::Status last_fold_;
};

}  // namespace gyrus
