// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace gyrus {

// A file's bytes as memory: private and writable, so that a store can start on it (TableSpec::base)
// while the file itself never changes and unwritten pages stay shared. Movable.
//
// Whoever shortens the file meanwhile ends this process with a bus error: the system leaves no
// other answer. A base file is therefore replaced by renaming, never rewritten in place.
//
// Thread-compatible.
class MappedFile {
 public:
  // Returns NotFound if there is no such file; FailedPrecondition if it may not be read or is not
  // a file; DataLoss if its size is not `expected_bytes`; ResourceExhausted if the system has no
  // room.
  static absl::StatusOr<MappedFile> Open(const std::string& path,
                                         std::optional<uint64_t> expected_bytes = std::nullopt);

  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MappedFile();

  // The whole file, from an address that is a multiple of 4096; empty if the file is.
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  explicit MappedFile(std::span<std::byte> bytes) : bytes_(bytes) {}

  std::span<std::byte> bytes_;
};

}  // namespace gyrus
