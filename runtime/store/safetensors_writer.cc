// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/safetensors_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/status_macros.h"

namespace gyrus::safetensors {
namespace {

absl::Status FileError(const std::string& path) {
  const std::string message = absl::StrCat("cannot write \"", path, "\": ", std::strerror(errno));
  if (errno == ENOSPC || errno == EDQUOT) return absl::ResourceExhaustedError(message);
  return absl::FailedPreconditionError(message);
}

// Makes a rename in the file's folder last through a power cut.
void SyncFolder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return;
  fsync(file);
  close(file);
}

}  // namespace

Writer::Writer(std::string path, std::vector<TensorEntry> order)
    : path_(std::move(path)), unfinished_(path_ + ".part"), order_(std::move(order)) {}

Writer::Writer(Writer&& other) noexcept
    : path_(std::move(other.path_)),
      unfinished_(std::move(other.unfinished_)),
      order_(std::move(other.order_)),
      file_(std::exchange(other.file_, -1)),
      left_(other.left_) {}

absl::StatusOr<Writer> Writer::Create(const std::string& path, std::vector<TensorEntry> tensors,
                                      const Metadata& metadata, const WriteOptions& options) {
  SortForWriting(&tensors);
  GYRUS_ASSIGN_OR_RETURN(const std::string header, Header(tensors, metadata, options));
  Writer writer(path, std::move(tensors));
  for (const TensorEntry& tensor : writer.order_) writer.left_ += *BytesOf(tensor);
  writer.file_ = open(writer.unfinished_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (writer.file_ < 0) return FileError(writer.unfinished_);
  GYRUS_RETURN_IF_ERROR(writer.WriteAll(std::as_bytes(std::span(header))));
  return writer;
}

Writer::~Writer() {
  if (file_ < 0) return;
  close(file_);
  unlink(unfinished_.c_str());
}

absl::Status Writer::WriteAll(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return FileError(unfinished_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status Writer::Append(std::span<const std::byte> data) {
  GYRUS_CHECK(file_ >= 0);
  if (data.size() > left_) {
    return absl::InvalidArgumentError(
        absl::StrCat("got ", data.size(), " bytes of data where ", left_, " are missing"));
  }
  GYRUS_RETURN_IF_ERROR(WriteAll(data));
  left_ -= data.size();
  return absl::OkStatus();
}

absl::Status Writer::Finish() {
  GYRUS_CHECK(file_ >= 0);
  if (left_ > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("\"", path_, "\" still misses ", left_, " bytes of data"));
  }
  if (fsync(file_) != 0 || rename(unfinished_.c_str(), path_.c_str()) != 0) {
    return FileError(path_);
  }
  close(std::exchange(file_, -1));
  SyncFolder(path_);
  return absl::OkStatus();
}

}  // namespace gyrus::safetensors
