// SPDX-License-Identifier: Apache-2.0
// How a state is opened and created; what it does then is in state_db.cc.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/store/state_db.h"
#include "runtime/store/state_format.h"

namespace gyrus {
namespace {

constexpr int64_t kPageBytes = 4096;

constexpr char kSchema[] = R"sql(
  CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE tables(id INTEGER PRIMARY KEY, name TEXT NOT NULL, block_bytes INTEGER NOT NULL,
                      crc INTEGER NOT NULL);
  CREATE TABLE commits(row INTEGER PRIMARY KEY, blob BLOB NOT NULL);
  CREATE TABLE sessions(name TEXT PRIMARY KEY, position BLOB NOT NULL, crc INTEGER NOT NULL);
  CREATE TABLE history(id INTEGER PRIMARY KEY, line TEXT NOT NULL, crc INTEGER NOT NULL);
  CREATE TABLE kept(snapshot INTEGER, row INTEGER, start INTEGER NOT NULL, blob BLOB NOT NULL,
                    PRIMARY KEY(snapshot, row));
  CREATE TABLE kept_sessions(snapshot INTEGER, name TEXT, position BLOB NOT NULL,
                             crc INTEGER NOT NULL, PRIMARY KEY(snapshot, name)) WITHOUT ROWID;
)sql";

absl::Status About(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("state \"", path, "\": ", status.message()));
}

absl::Status CheckPath(const std::string& path, StateDb::Mode mode) {
  struct stat about = {};
  if (stat(path.c_str(), &about) != 0) {
    if (mode == StateDb::Mode::kCreate) return absl::OkStatus();
    return absl::FailedPreconditionError("does not exist");
  }
  if (!S_ISREG(about.st_mode)) return absl::FailedPreconditionError("is not a file");
  return absl::OkStatus();
}

// SQLite wants to write beside a database even to read it, unless it is told that nobody writes:
// true of one in a read-only folder that was closed whole.
bool IsImmutable(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (access(folder.c_str(), W_OK) == 0) return false;
  struct stat log = {};
  return stat((path + "-wal").c_str(), &log) != 0 || log.st_size == 0;
}

Sqlite::Mode SqliteMode(const std::string& path, StateDb::Mode mode) {
  if (mode == StateDb::Mode::kCreate) return Sqlite::Mode::kCreate;
  if (mode == StateDb::Mode::kReadWrite) return Sqlite::Mode::kReadWrite;
  return IsImmutable(path) ? Sqlite::Mode::kImmutable : Sqlite::Mode::kReadOnly;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StateDb>> StateDb::Open(const std::string& path,
                                                       const Options& options) {
  if (const absl::Status status = CheckPath(path, options.mode); !status.ok()) {
    return About(path, status);
  }
  std::optional<FileLock> lock;
  if (options.mode != Mode::kReadOnly) {
    GYRUS_ASSIGN_OR_RETURN(FileLock taken, FileLock::Take(path));
    lock = std::move(taken);
  }
  auto database = Sqlite::Open(path, SqliteMode(path, options.mode), options.vfs);
  if (!database.ok()) return About(path, database.status());
  std::unique_ptr<StateDb> state(new StateDb(options, std::move(lock), *std::move(database)));
  if (const absl::Status status = state->Prepare(); !status.ok()) return About(path, status);
  return state;
}

uint64_t StateDb::written_bytes() const {
  return 2 * static_cast<uint64_t>(kPageBytes) * database_.pages_written();
}

absl::Status StateDb::Prepare() {
  rank_of_name_.resize(options_.tables.size());
  std::vector<uint32_t> by_name(options_.tables.size());
  std::iota(by_name.begin(), by_name.end(), 0U);
  std::sort(by_name.begin(), by_name.end(), [this](uint32_t a, uint32_t b) {
    return options_.tables[a].name < options_.tables[b].name;
  });
  for (uint32_t rank = 0; rank < by_name.size(); ++rank) {
    rank_of_name_[by_name[rank]] = rank;
    const std::string& name = options_.tables[by_name[rank]].name;
    if (rank > 0 && name == options_.tables[by_name[rank - 1]].name) {
      return absl::InvalidArgumentError(absl::StrCat("table \"", name, "\" appears twice"));
    }
  }

  GYRUS_RETURN_IF_ERROR(CheckFormat());
  GYRUS_ASSIGN_OR_RETURN(const std::string fingerprint, GetMeta("fingerprint"));
  if (fingerprint != options_.fingerprint) {
    return absl::FailedPreconditionError(
        absl::StrCat("belongs to another brain: its fingerprint is \"", fingerprint,
                     "\", this brain's \"", options_.fingerprint,
                     "\"; undo what was changed in the brain, or begin in a new directory"));
  }
  GYRUS_RETURN_IF_ERROR(MatchTables());
  return Scan();
}

absl::Status StateDb::CheckFormat() {
  GYRUS_ASSIGN_OR_RETURN(const int64_t application, database_.Number("PRAGMA application_id"));
  GYRUS_ASSIGN_OR_RETURN(const int64_t format, database_.Number("PRAGMA user_version"));
  GYRUS_ASSIGN_OR_RETURN(const int64_t objects,
                         database_.Number("SELECT count(*) FROM sqlite_schema"));
  const bool empty = application == 0 && objects == 0;
  if (empty && options_.mode != Mode::kCreate) {
    return absl::FailedPreconditionError("is empty: nothing was ever saved in it");
  }
  if (!empty && application != kStateApplication) {
    return absl::FailedPreconditionError("is a database, but not a brain's state");
  }
  if (!empty && format != kStateFormat) {
    return absl::FailedPreconditionError(absl::StrCat(
        "was saved by another version, in format ", format, ", and this one reads format ",
        kStateFormat, ": go on with that version, or begin in a new directory"));
  }
  if (options_.mode == Mode::kReadOnly) return absl::OkStatus();
  if (empty) {
    GYRUS_RETURN_IF_ERROR(database_.Run(
        absl::StrCat("PRAGMA page_size=", kPageBytes, "; PRAGMA auto_vacuum=INCREMENTAL")));
  }
  GYRUS_RETURN_IF_ERROR(database_.Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL"));
  if (options_.max_bytes > 0) {
    GYRUS_RETURN_IF_ERROR(database_.Run(absl::StrCat(
        "PRAGMA max_page_count=", std::max<uint64_t>(1, options_.max_bytes / kPageBytes))));
  }
  return empty ? CreateSchema() : absl::OkStatus();
}

absl::Status StateDb::CreateSchema() {
  GYRUS_ASSIGN_OR_RETURN(SqliteTransaction transaction,
                         SqliteTransaction::Begin(&database_, "BEGIN IMMEDIATE"));
  GYRUS_RETURN_IF_ERROR(database_.Run(kSchema));
  GYRUS_RETURN_IF_ERROR(database_.Run(absl::StrCat("PRAGMA application_id=", kStateApplication,
                                                   "; PRAGMA user_version=", kStateFormat)));
  GYRUS_RETURN_IF_ERROR(SetMeta("fingerprint", options_.fingerprint));
  GYRUS_RETURN_IF_ERROR(SetMeta("tables", "0"));
  GYRUS_RETURN_IF_ERROR(WriteJournal({}));
  GYRUS_RETURN_IF_ERROR(WriteSnapshots({}));
  return transaction.Commit();
}

// Pairs the state's tables with the brain's by name, and adds what it lacks.
absl::Status StateDb::MatchTables() {
  constexpr uint32_t kNone = 0xFFFFFFFF;
  stored_of_.assign(options_.tables.size(), kNone);
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement rows,
      database_.Prepare("SELECT id, name, block_bytes, crc FROM tables ORDER BY id"));
  while (true) {
    GYRUS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) break;
    const std::string name(rows.Text(1));
    const int64_t bytes = rows.Int(2);
    if (rows.Int(0) != static_cast<int64_t>(sizes_.size()) ||
        rows.Int(3) != int64_t{SealOfTable(rows.Int(0), name, bytes)}) {
      return absl::DataLossError("damaged: the list of tables does not match its checksums");
    }
    const auto table = std::find_if(options_.tables.begin(), options_.tables.end(),
                                    [&](const Table& t) { return t.name == name; });
    if (table == options_.tables.end() || static_cast<int64_t>(table->block_bytes) != bytes) {
      return absl::FailedPreconditionError(absl::StrCat(
          "has a table \"", name, "\" with blocks of ", bytes, " bytes, which this brain lacks"));
    }
    const auto place = static_cast<uint32_t>(table - options_.tables.begin());
    stored_of_[place] = static_cast<uint32_t>(sizes_.size());
    table_of_.push_back(place);
    sizes_.push_back(table->block_bytes);
  }
  GYRUS_ASSIGN_OR_RETURN(const std::string count, GetMeta("tables"));
  if (count != absl::StrCat(sizes_.size())) {
    return absl::DataLossError(
        absl::StrCat("damaged: ", sizes_.size(), " tables where ", count, " belong"));
  }
  if (options_.mode == Mode::kReadOnly || sizes_.size() == stored_of_.size()) {
    return absl::OkStatus();
  }
  GYRUS_ASSIGN_OR_RETURN(SqliteTransaction transaction,
                         SqliteTransaction::Begin(&database_, "BEGIN IMMEDIATE"));
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement add,
      database_.Prepare("INSERT INTO tables(id, name, block_bytes, crc) VALUES(?, ?, ?, ?)"));
  for (uint32_t place = 0; place < stored_of_.size(); ++place) {
    if (stored_of_[place] != kNone) continue;
    const Table& table = options_.tables[place];
    const auto id = static_cast<int64_t>(sizes_.size());
    const auto bytes = static_cast<int64_t>(table.block_bytes);
    add.Bind(id).Bind(table.name).Bind(bytes).Bind(int64_t{SealOfTable(id, table.name, bytes)});
    GYRUS_RETURN_IF_ERROR(add.Run());
    stored_of_[place] = static_cast<uint32_t>(id);
    table_of_.push_back(place);
    sizes_.push_back(table.block_bytes);
  }
  GYRUS_RETURN_IF_ERROR(SetMeta("tables", absl::StrCat(sizes_.size())));
  return transaction.Commit();
}

}  // namespace gyrus
