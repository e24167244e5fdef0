// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/sqlite.h"

#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

absl::Status ToStatus(sqlite3* database) {
  const std::string message = sqlite3_errmsg(database);
  switch (sqlite3_extended_errcode(database) & 0xFF) {
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(
          absl::StrCat("the disk or its budget is full: ", message));
    case SQLITE_NOMEM:
    case SQLITE_TOOBIG:
      return absl::ResourceExhaustedError(message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(absl::StrCat("in use by another process: ", message));
    case SQLITE_IOERR:
      return absl::UnavailableError(absl::StrCat("the disk failed: ", message));
    case SQLITE_NOTADB:
      return absl::FailedPreconditionError("is no database, or its beginning is damaged");
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
      return absl::FailedPreconditionError(message);
    default:
      // Our statements are fixed: whatever else goes wrong with them, the file's content is to
      // blame.
      return absl::DataLossError(absl::StrCat("damaged: ", message));
  }
}

}  // namespace

void SqliteStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Sqlite::Close::operator()(sqlite3* database) const { sqlite3_close(database); }

SqliteStatement& SqliteStatement::Bind(int64_t value) {
  bind_result_ |= sqlite3_bind_int64(statement_.get(), ++bound_, value);
  return *this;
}

SqliteStatement& SqliteStatement::Bind(absl::string_view text) {
  bind_result_ |= sqlite3_bind_text64(statement_.get(), ++bound_, text.empty() ? "" : text.data(),
                                      text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

SqliteStatement& SqliteStatement::Bind(std::span<const std::byte> blob) {
  ++bound_;
  bind_result_ |= blob.empty() ? sqlite3_bind_zeroblob(statement_.get(), bound_, 0)
                               : sqlite3_bind_blob64(statement_.get(), bound_, blob.data(),
                                                     blob.size(), SQLITE_STATIC);
  return *this;
}

absl::StatusOr<bool> SqliteStatement::Step() {
  sqlite3* database = sqlite3_db_handle(statement_.get());
  if (bind_result_ != SQLITE_OK) {
    Reset();
    return absl::ResourceExhaustedError("a value is larger than SQLite can hold");
  }
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  absl::Status status = result == SQLITE_DONE ? absl::OkStatus() : ToStatus(database);
  Reset();
  if (!status.ok()) return status;
  return false;
}

absl::Status SqliteStatement::Run() {
  GYRUS_ASSIGN_OR_RETURN(const bool row, Step());
  if (row) Reset();
  return absl::OkStatus();
}

void SqliteStatement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bound_ = 0;
  bind_result_ = SQLITE_OK;
}

int64_t SqliteStatement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

absl::string_view SqliteStatement::Text(int column) const {
  const unsigned char* text = sqlite3_column_text(statement_.get(), column);
  const int bytes = sqlite3_column_bytes(statement_.get(), column);
  if (text == nullptr) return "";
  return {reinterpret_cast<const char*>(text), static_cast<std::size_t>(bytes)};
}

std::span<const std::byte> SqliteStatement::Blob(int column) const {
  const void* blob = sqlite3_column_blob(statement_.get(), column);
  const int bytes = sqlite3_column_bytes(statement_.get(), column);
  if (blob == nullptr) return {};
  return {static_cast<const std::byte*>(blob), static_cast<std::size_t>(bytes)};
}

absl::StatusOr<Sqlite> Sqlite::Open(const std::string& path, Mode mode, const std::string& vfs) {
  // What a URI gives a meaning to must be escaped in a path.
  const std::string name = absl::StrReplaceAll(path, {{"%", "%25"}, {"?", "%3f"}, {"#", "%23"}});
  const std::string uri =
      absl::StrCat("file:", name, mode == Mode::kImmutable ? "?immutable=1" : "");
  int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  flags |= mode == Mode::kCreate      ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
           : mode == Mode::kReadWrite ? SQLITE_OPEN_READWRITE
                                      : SQLITE_OPEN_READONLY;
  sqlite3* opened = nullptr;
  const int result =
      sqlite3_open_v2(uri.c_str(), &opened, flags, vfs.empty() ? nullptr : vfs.c_str());
  Sqlite database(opened);
  if (opened == nullptr) return absl::ResourceExhaustedError("no memory for SQLite");
  if (result != SQLITE_OK) return ToStatus(opened);
  const bool writes = mode == Mode::kReadWrite || mode == Mode::kCreate;
  if (writes && sqlite3_db_readonly(opened, "main") == 1) {
    return absl::FailedPreconditionError("may not be written");  // SQLite would open it to read.
  }
  sqlite3_busy_timeout(opened, 2000);
  return database;
}

absl::StatusOr<SqliteStatement> Sqlite::Prepare(absl::string_view sql) const {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v2(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                        &statement, nullptr);
  if (result != SQLITE_OK) return ToStatus(database_.get());
  return SqliteStatement(statement);
}

absl::Status Sqlite::Run(const std::string& sql) const {
  const int result = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? absl::OkStatus() : ToStatus(database_.get());
}

uint64_t Sqlite::pages_written() const {
  int written = 0;
  int unused = 0;
  sqlite3_db_status(database_.get(), SQLITE_DBSTATUS_CACHE_WRITE, &written, &unused, /*reset=*/0);
  return static_cast<uint32_t>(written);
}

absl::StatusOr<int64_t> Sqlite::Number(absl::string_view sql) const {
  GYRUS_ASSIGN_OR_RETURN(SqliteStatement query, Prepare(sql));
  GYRUS_ASSIGN_OR_RETURN(const bool row, query.Step());
  if (!row) return absl::DataLossError(absl::StrCat("damaged: nothing answers ", sql));
  return query.Int(0);
}

absl::StatusOr<SqliteTransaction> SqliteTransaction::Begin(const Sqlite* database,
                                                           const std::string& begin) {
  GYRUS_RETURN_IF_ERROR(database->Run(begin));
  return SqliteTransaction(database);
}

SqliteTransaction::~SqliteTransaction() {
  // Some failures have rolled back already; then this fails, and nothing is left to undo.
  if (database_ != nullptr) database_->Run("ROLLBACK").IgnoreError();
}

absl::Status SqliteTransaction::Commit() {
  GYRUS_RETURN_IF_ERROR(database_->Run("COMMIT"));
  database_ = nullptr;
  return absl::OkStatus();
}

}  // namespace gyrus
