// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace gyrus {
namespace {

std::string ReadOwner(int file) {
  char text[32];
  const ssize_t length = pread(file, text, sizeof(text), 0);
  if (length <= 0) return "another process";
  const absl::string_view pid(text, static_cast<std::size_t>(length));
  return absl::StrCat("process ", absl::StripAsciiWhitespace(pid));
}

}  // namespace

absl::StatusOr<FileLock> FileLock::Take(const std::string& path) {
  const std::string name = path + ".lock";
  FileLock lock(open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (lock.file_ < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot write \"", name, "\": ", std::strerror(errno)));
  }
  if (flock(lock.file_, LOCK_EX | LOCK_NB) != 0) {
    return absl::UnavailableError(
        absl::StrCat("\"", path, "\" is in use by ", ReadOwner(lock.file_)));
  }
  // Only for the message above: a lock without an owner's name is still a lock.
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(lock.file_, 0) == 0) {
    [[maybe_unused]] const ssize_t written = pwrite(lock.file_, pid.data(), pid.size(), 0);
  }
  return lock;
}

FileLock::~FileLock() {
  if (file_ < 0) return;
  [[maybe_unused]] const int emptied = ftruncate(file_, 0);
  close(file_);
}

}  // namespace gyrus
