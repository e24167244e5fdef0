// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gyrus {
namespace {

absl::StatusOr<std::span<std::byte>> Map(int file, const std::string& path,
                                         std::optional<uint64_t> expected_bytes) {
  struct stat about = {};
  if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("\"", path, "\" is not a regular file"));
  }
  const auto size = static_cast<uint64_t>(about.st_size);
  if (expected_bytes.has_value() && size != *expected_bytes) {
    return absl::DataLossError(
        absl::StrCat("\"", path, "\" has ", size, " bytes, expected ", *expected_bytes));
  }
  if (size == 0) return std::span<std::byte>();
  void* data = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file, 0);
  if (data == MAP_FAILED) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "the system has no room to map \"", path, "\" (", size, " bytes): ", std::strerror(errno)));
  }
  return std::span(static_cast<std::byte*>(data), size);
}

}  // namespace

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path,
                                            std::optional<uint64_t> expected_bytes) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    const std::string message = absl::StrCat("cannot read \"", path, "\": ", std::strerror(errno));
    if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(message);
    return absl::FailedPreconditionError(message);
  }
  auto bytes = Map(file, path, expected_bytes);
  close(file);  // The mapping stays.
  if (!bytes.ok()) return std::move(bytes).status();
  return MappedFile(*bytes);
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) munmap(bytes_.data(), bytes_.size());
}

}  // namespace gyrus
