// SPDX-License-Identifier: Apache-2.0
#include "runtime/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace gyrus {
namespace {

constexpr off_t kMaxBytes = off_t{1} << 30;

absl::Status FromErrno(absl::string_view what, const std::string& path, int error) {
  const std::string message = absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
      return absl::NotFoundError(message);
    case ENOSPC:
    case EDQUOT:
      return absl::ResourceExhaustedError(message);
    default:
      return absl::FailedPreconditionError(message);
  }
}

// Closes a file at the end of a scope.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

absl::Status WriteAll(int file, absl::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(file, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return FromErrno("write", path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (fsync(file) != 0) return FromErrno("write", path, errno);
  return absl::OkStatus();
}

}  // namespace

std::string BrainPath(const std::string& directory) { return directory + "/brain.textproto"; }
std::string StatePath(const std::string& directory) { return directory + "/state.db"; }
std::string UsersPath(const std::string& directory) { return directory + "/users.db"; }

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return FromErrno("open", path, errno);
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return FromErrno("read", path, errno);
  if (!S_ISREG(info.st_mode) || info.st_size > kMaxBytes) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, " is ",
        S_ISREG(info.st_mode) ? absl::StrCat(info.st_size, " bytes long, the limit is ", kMaxBytes)
                              : "no regular file"));
  }
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FromErrno("read", path, errno);
    if (got == 0) break;  // It has become shorter meanwhile.
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

absl::Status WriteFile(const std::string& path, absl::string_view bytes) {
  const std::string unfinished = path + ".unfinished";
  {
    const File file(open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (file.get() < 0) return FromErrno("write", path, errno);
    const absl::Status status = WriteAll(file.get(), bytes, path);
    if (!status.ok()) {
      unlink(unfinished.c_str());
      return status;
    }
  }
  if (rename(unfinished.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(unfinished.c_str());
    return FromErrno("write", path, error);
  }
  // The new name is on the disk once its folder is.
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const File directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() >= 0) fsync(directory.get());
  return absl::OkStatus();
}

}  // namespace gyrus
