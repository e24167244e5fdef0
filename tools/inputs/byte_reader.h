// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/check.h"

namespace gyrus {

// Reads a file, a pipe or a string through one buffer that its user may look at.
//
//   while (reader.buffered().size() < 16) {
//     GYRUS_ASSIGN_OR_RETURN(const bool more, reader.Fill());
//     if (!more) break;
//   }
//   Parse(reader.buffered().substr(0, 16));
//   reader.Consume(16);
//
// Movable, not copyable. Thread-compatible.
class ByteReader {
 public:
  // Opens `path`, or standard input if it is "-". While `stop` (may be null; must outlive the
  // reader) is true, waiting for a pipe ends within 0.1 s, as if the pipe had ended.
  // Returns NotFound if there is no such file, InvalidArgument if it is a directory.
  static absl::StatusOr<ByteReader> Open(const std::string& path, const std::atomic<bool>* stop);

  // Reads from memory; `name` stands for the path in messages.
  static ByteReader FromString(std::string name, std::string bytes);

  ByteReader(ByteReader&& other) noexcept;
  ByteReader& operator=(ByteReader&&) = delete;
  ~ByteReader();

  // What has been read and not consumed. The view lives until the next non-const call.
  absl::string_view buffered() const {
    return absl::string_view(buffer_.data() + begin_, end_ - begin_);
  }

  // Reads more behind what is buffered, growing the buffer if it is full. Returns false at the
  // end. The caller bounds how much it lets pile up.
  absl::StatusOr<bool> Fill();

  // Requires: bytes <= buffered().size().
  void Consume(size_t bytes) {
    GYRUS_DCHECK(bytes <= end_ - begin_);
    begin_ += bytes;
  }

  // Returns FailedPrecondition if this is a pipe and `offset` is not in the buffer.
  absl::Status Seek(uint64_t offset);

  uint64_t offset() const { return end_offset_ - (end_ - begin_); }  // Of the next byte.
  std::optional<uint64_t> size() const { return size_; }             // Of a regular file.
  const std::string& name() const { return name_; }                  // For messages.
  bool stopped() const { return stop_ != nullptr && stop_->load(std::memory_order_relaxed); }

 private:
  ByteReader(std::string name, int descriptor) : name_(std::move(name)), descriptor_(descriptor) {}

  // Waits until a read would not block. Returns false when asked to stop.
  bool WaitReadable() const;

  std::string name_;
  int descriptor_;  // -1: everything is in the buffer.
  const std::atomic<bool>* stop_ = nullptr;
  std::optional<uint64_t> size_;  // Known for regular files and strings, which can seek.
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t end_offset_ = 0;  // Of buffer_[end_] in the file.
};

}  // namespace gyrus
