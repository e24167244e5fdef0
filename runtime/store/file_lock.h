// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace gyrus {

// Keeps a second writer away from a file: an advisory lock on `<path>.lock`, which also tells the
// owner's process id. The system drops the lock when the process ends, however it ends; the file
// stays. Movable.
class FileLock {
 public:
  // Returns Unavailable, with the owner's process id, if the lock is taken, in this process or
  // another; FailedPrecondition if the lock file cannot be written.
  static absl::StatusOr<FileLock> Take(const std::string& path);

  FileLock(FileLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FileLock& operator=(FileLock&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}

  int file_;
};

}  // namespace gyrus
