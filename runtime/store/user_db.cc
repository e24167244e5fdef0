// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/user_db.h"

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/store/state_format.h"

namespace gyrus {
namespace {

constexpr int64_t kUsersApplication = 0x47797573;  // "Gyus"
constexpr int64_t kUsersFormat = 1;

constexpr char kSchema[] = R"sql(
  CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL, crc INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE users(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, steps INTEGER NOT NULL,
                     blocks INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL);
)sql";

absl::Status About(const std::string& path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("users \"", path, "\": ", status.message()));
}

absl::string_view Characters(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const std::byte> Bytes(absl::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

}  // namespace

absl::StatusOr<std::unique_ptr<UserDb>> UserDb::Open(const std::string& path,
                                                     const std::string& fingerprint) {
  GYRUS_ASSIGN_OR_RETURN(FileLock lock, FileLock::Take(path));
  auto database = Sqlite::Open(path, Sqlite::Mode::kCreate);
  if (!database.ok()) return gyrus::About(path, database.status());
  std::unique_ptr<UserDb> users(new UserDb(std::move(lock), *std::move(database)));
  const absl::Status status = users->Prepare(fingerprint);
  if (!status.ok()) return gyrus::About(path, status);
  return users;
}

absl::Status UserDb::Prepare(const std::string& fingerprint) {
  GYRUS_ASSIGN_OR_RETURN(const int64_t application, database_.Number("PRAGMA application_id"));
  GYRUS_ASSIGN_OR_RETURN(const int64_t format, database_.Number("PRAGMA user_version"));
  GYRUS_ASSIGN_OR_RETURN(const int64_t objects,
                         database_.Number("SELECT count(*) FROM sqlite_schema"));
  const bool empty = application == 0 && objects == 0;
  if (!empty && (application != kUsersApplication || format != kUsersFormat)) {
    return absl::FailedPreconditionError(
        absl::StrCat("is not a database of users in format ", kUsersFormat));
  }
  GYRUS_RETURN_IF_ERROR(
      database_.Run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON"));
  if (empty) {
    GYRUS_ASSIGN_OR_RETURN(SqliteTransaction transaction,
                           SqliteTransaction::Begin(&database_, "BEGIN IMMEDIATE"));
    GYRUS_RETURN_IF_ERROR(database_.Run(kSchema));
    GYRUS_ASSIGN_OR_RETURN(SqliteStatement meta,
                           database_.Prepare("INSERT INTO meta VALUES('fingerprint', ?, ?)"));
    GYRUS_RETURN_IF_ERROR(
        meta.Bind(fingerprint).Bind(int64_t{Seal("fingerprint", fingerprint)}).Run());
    GYRUS_RETURN_IF_ERROR(database_.Run(absl::StrCat("PRAGMA application_id=", kUsersApplication,
                                                     "; PRAGMA user_version=", kUsersFormat)));
    return transaction.Commit();
  }
  GYRUS_ASSIGN_OR_RETURN(SqliteStatement meta,
                         database_.Prepare("SELECT value, crc FROM meta WHERE key='fingerprint'"));
  GYRUS_ASSIGN_OR_RETURN(const bool there, meta.Step());
  if (!there || meta.Int(1) != int64_t{Seal("fingerprint", meta.Text(0))}) {
    return absl::DataLossError("the mark of its brain is damaged");
  }
  if (meta.Text(0) == fingerprint) {
    meta.Reset();
    // A drop that was cut short has left its bytes in the log.
    return database_.Number("PRAGMA wal_checkpoint(TRUNCATE)").status();
  }
  return absl::FailedPreconditionError(
      absl::StrCat("belongs to another brain: its fingerprint is \"", meta.Text(0),
                   "\", this brain's \"", fingerprint, "\"; undo what was changed in the brain"));
}

absl::StatusOr<std::string> UserDb::Load(absl::string_view name) {
  GYRUS_ASSIGN_OR_RETURN(SqliteStatement row,
                         database_.Prepare("SELECT data, crc FROM users WHERE name=?"));
  GYRUS_ASSIGN_OR_RETURN(const bool there, row.Bind(name).Step());
  if (!there) return absl::NotFoundError(absl::StrCat("there is no user \"", name, "\""));
  const absl::string_view data = Characters(row.Blob(0));
  if (row.Int(1) != int64_t{Seal(name, data)}) {
    return absl::DataLossError(absl::StrCat("what is stored of user \"", name,
                                            "\" is damaged; dropping and creating the "
                                            "user anew begins without it"));
  }
  return std::string(data);
}

absl::Status UserDb::Store(std::span<const Row> rows) {
  GYRUS_ASSIGN_OR_RETURN(SqliteTransaction transaction,
                         SqliteTransaction::Begin(&database_, "BEGIN IMMEDIATE"));
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement put,
      database_.Prepare("INSERT INTO users(name, steps, blocks, crc, data) VALUES(?, ?, ?, ?, ?) "
                        "ON CONFLICT(name) DO UPDATE SET steps=excluded.steps, "
                        "blocks=excluded.blocks, crc=excluded.crc, data=excluded.data"));
  for (const Row& row : rows) {
    GYRUS_RETURN_IF_ERROR(put.Bind(row.about.name)
                              .Bind(static_cast<int64_t>(row.about.steps))
                              .Bind(static_cast<int64_t>(row.about.blocks))
                              .Bind(int64_t{Seal(row.about.name, row.data)})
                              .Bind(Bytes(row.data))
                              .Run());
  }
  return transaction.Commit();
}

absl::Status UserDb::Drop(absl::string_view name) {
  {
    GYRUS_ASSIGN_OR_RETURN(SqliteStatement drop,
                           database_.Prepare("DELETE FROM users WHERE name=? RETURNING id"));
    GYRUS_ASSIGN_OR_RETURN(const bool there, drop.Bind(name).Step());
    if (!there) return absl::NotFoundError(absl::StrCat("there is no user \"", name, "\""));
    GYRUS_RETURN_IF_ERROR(drop.Step().status());  // To the statement's end, which commits it.
  }
  // The log still has pages from before: written back, it is cut to nothing.
  GYRUS_ASSIGN_OR_RETURN(const int64_t busy, database_.Number("PRAGMA wal_checkpoint(TRUNCATE)"));
  if (busy == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("user \"", name,
                   "\" is dropped, but another program reads the file, so that its "
                   "log keeps some of its bytes until that has ended"));
}

absl::StatusOr<std::vector<UserDb::About>> UserDb::List() {
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement rows,
      database_.Prepare("SELECT name, steps, blocks, length(data) FROM users ORDER BY name"));
  std::vector<About> users;
  while (true) {
    GYRUS_ASSIGN_OR_RETURN(const bool there, rows.Step());
    if (!there) return users;
    users.push_back({.name = std::string(rows.Text(0)),
                     .steps = static_cast<uint64_t>(rows.Int(1)),
                     .blocks = static_cast<uint64_t>(rows.Int(2)),
                     .bytes = static_cast<uint64_t>(rows.Int(3))});
  }
}

}  // namespace gyrus
