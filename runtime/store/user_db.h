// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "runtime/store/file_lock.h"
#include "runtime/store/sqlite.h"

namespace gyrus {

// The users of one brain on the disk, a sealed row each. What is dropped or replaced is overwritten
// before the file lets go of it.
//
// One process at a time; one thread at a time.
class UserDb {
 public:
  // What can be told of a user without loading it.
  struct About {
    std::string name;
    uint64_t steps = 0;
    uint64_t blocks = 0;  // Of its own.
    uint64_t bytes = 0;   // Stored.
  };

  // Opens or makes the file. Returns Unavailable if another process has it; FailedPrecondition if
  // it is of another brain (by `fingerprint`) or no database of users; otherwise as Sqlite does.
  static absl::StatusOr<std::unique_ptr<UserDb>> Open(const std::string& path,
                                                      const std::string& fingerprint);

  // What was stored under a name. Returns NotFound; DataLoss if the row is damaged.
  absl::StatusOr<std::string> Load(absl::string_view name);

  // Writes rows, new ones and those that are there, durably and all or none.
  struct Row {
    About about;
    std::string data;
  };
  absl::Status Store(std::span<const Row> rows);

  // Removes a user so that none of its bytes is left in the file or its log. Returns NotFound;
  // Unavailable if another connection still reads the log: then it is gone from the brain, but not
  // yet from the log.
  absl::Status Drop(absl::string_view name);

  // All users, by name.
  absl::StatusOr<std::vector<About>> List();

 private:
  UserDb(FileLock lock, Sqlite database) : lock_(std::move(lock)), database_(std::move(database)) {}

  absl::Status Prepare(const std::string& fingerprint);

  FileLock lock_;
  Sqlite database_;
};

}  // namespace gyrus
