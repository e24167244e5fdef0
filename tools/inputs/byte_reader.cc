// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/byte_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace gyrus {
namespace {

constexpr size_t kChunk = 64 * 1024;
constexpr int kPollMillis = 100;

}  // namespace

absl::StatusOr<ByteReader> ByteReader::Open(const std::string& path,
                                            const std::atomic<bool>* stop) {
  const bool standard_input = path == "-";
  const int descriptor =
      standard_input ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  ByteReader reader(standard_input ? "standard input" : path, descriptor);
  reader.stop_ = stop;
  struct stat status {};
  if (fstat(descriptor, &status) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot inspect ", path));
  }
  if (S_ISDIR(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a directory, expected a file"));
  }
  // Files of /proc claim to be regular and empty: those are read like pipes.
  if (S_ISREG(status.st_mode) && status.st_size > 0) {
    const off_t at = lseek(descriptor, 0, SEEK_CUR);
    if (at > 0) reader.end_offset_ = static_cast<uint64_t>(at);
    reader.size_ = static_cast<uint64_t>(status.st_size);
  }
  return reader;
}

ByteReader ByteReader::FromString(std::string name, std::string bytes) {
  ByteReader reader(std::move(name), -1);
  reader.buffer_.assign(bytes.begin(), bytes.end());
  reader.end_ = bytes.size();
  reader.end_offset_ = bytes.size();
  reader.size_ = bytes.size();
  return reader;
}

ByteReader::ByteReader(ByteReader&& other) noexcept
    : name_(std::move(other.name_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      stop_(other.stop_),
      size_(other.size_),
      buffer_(std::move(other.buffer_)),
      begin_(std::exchange(other.begin_, 0)),
      end_(std::exchange(other.end_, 0)),
      end_offset_(other.end_offset_) {}

ByteReader::~ByteReader() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::StatusOr<bool> ByteReader::Fill() {
  if (descriptor_ < 0) return false;
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (end_ == buffer_.size() && begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(std::max(kChunk, 2 * buffer_.size()));
  while (WaitReadable()) {
    const ssize_t got = read(descriptor_, buffer_.data() + end_, buffer_.size() - end_);
    if (got >= 0) {
      end_ += static_cast<size_t>(got);
      end_offset_ += static_cast<uint64_t>(got);
      return got > 0;
    }
    if (errno != EINTR && errno != EAGAIN) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", name_));
    }
  }
  return false;
}

bool ByteReader::WaitReadable() const {
  if (size_.has_value()) return true;  // A regular file never blocks for long.
  // A short timeout, rather than a long wait broken by the signal: the signal may arrive
  // between looking at `stop_` and starting to wait.
  pollfd waiting{.fd = descriptor_, .events = POLLIN, .revents = 0};
  for (;;) {
    if (stopped()) return false;
    const int ready = poll(&waiting, 1, kPollMillis);
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;  // read() reports the failure.
  }
}

absl::Status ByteReader::Seek(uint64_t offset) {
  if (offset <= end_offset_ && end_offset_ - offset <= end_) {
    begin_ = end_ - static_cast<size_t>(end_offset_ - offset);
    return absl::OkStatus();
  }
  if (!size_.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat(name_, " can only be read once, from start to end"));
  }
  if (offset > *size_) {
    return absl::OutOfRangeError(
        absl::StrCat(name_, " has ", *size_, " bytes, cannot go to byte ", offset));
  }
  if (lseek(descriptor_, static_cast<off_t>(offset), SEEK_SET) < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot go to byte ", offset, " of ", name_));
  }
  begin_ = end_ = 0;
  end_offset_ = offset;
  return absl::OkStatus();
}

}  // namespace gyrus
