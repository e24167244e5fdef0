// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct sqlite3;
struct sqlite3_stmt;

namespace gyrus {

// One prepared SQL statement: bind in order, then Run() or Step() until it says false. Movable.
// One thread at a time.
class SqliteStatement {
 public:
  SqliteStatement& Bind(int64_t value);
  // The bytes must stay until the statement is run or bound anew.
  SqliteStatement& Bind(absl::string_view text);
  SqliteStatement& Bind(std::span<const std::byte> blob);

  // Whether there is a row; after the last one the statement is ready to be bound again.
  absl::StatusOr<bool> Step();

  // Runs a statement that has no rows.
  absl::Status Run();

  // Ends early; ready to be bound again.
  void Reset();

  // The row's columns, from 0; views are valid until the next Step.
  int64_t Int(int column) const;
  absl::string_view Text(int column) const;
  std::span<const std::byte> Blob(int column) const;

 private:
  friend class Sqlite;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };

  explicit SqliteStatement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
  int bind_result_ = 0;
};

// A connection to a SQLite database. Its errors are: DataLoss if the file is damaged, Unavailable
// if it is busy or the disk fails, ResourceExhausted if the disk is full, FailedPrecondition if it
// may not be read or written. Movable. One thread at a time.
class Sqlite {
 public:
  enum class Mode {
    kImmutable,  // Reads a file that nobody writes, and writes nothing itself, not even a lock.
    kReadOnly,
    kReadWrite,
    kCreate,
  };

  // `vfs`: the name of a file layer that SQLite knows; "": the system's.
  static absl::StatusOr<Sqlite> Open(const std::string& path, Mode mode,
                                     const std::string& vfs = "");

  absl::StatusOr<SqliteStatement> Prepare(absl::string_view sql) const;

  // Runs statements without parameters; ignores rows.
  absl::Status Run(const std::string& sql) const;

  // Pages written so far to the file or its log.
  uint64_t pages_written() const;

  // The one number that a query such as a pragma yields.
  absl::StatusOr<int64_t> Number(absl::string_view sql) const;

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };

  explicit Sqlite(sqlite3* database) : database_(database) {}

  std::unique_ptr<sqlite3, Close> database_;
};

// All or nothing: rolled back unless committed.
class SqliteTransaction {
 public:
  // `begin`: "BEGIN" to read, "BEGIN IMMEDIATE" to write.
  static absl::StatusOr<SqliteTransaction> Begin(const Sqlite* database, const std::string& begin);

  SqliteTransaction(SqliteTransaction&& other) noexcept
      : database_(std::exchange(other.database_, nullptr)) {}
  SqliteTransaction& operator=(SqliteTransaction&&) = delete;
  ~SqliteTransaction();

  absl::Status Commit();

 private:
  explicit SqliteTransaction(const Sqlite* database) : database_(database) {}

  const Sqlite* database_;
};

}  // namespace gyrus
