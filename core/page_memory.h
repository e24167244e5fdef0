// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <utility>

#include "absl/status/statusor.h"

namespace gyrus {

// Zeroed memory straight from the system, taken once: untouched pages cost nothing, and large
// spans ask for huge pages, since memory rows are read at random. Movable, not copyable.
//
// Thread-compatible.
class PageMemory {
 public:
  // Returns ResourceExhausted if the system has no room for `bytes`.
  static absl::StatusOr<PageMemory> Allocate(std::size_t bytes);

  PageMemory() = default;
  PageMemory(PageMemory&& other) noexcept { *this = std::move(other); }
  PageMemory& operator=(PageMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(mapped_, other.mapped_);
    std::swap(mapped_bytes_, other.mapped_bytes_);
    return *this;
  }
  ~PageMemory();

  // Makes the first `bytes` resident. Does nothing for a default-constructed one.
  void Prefault(std::size_t bytes) const;

  // Aligned to at least 4096 bytes; null if default-constructed.
  std::byte* data() const { return data_; }

 private:
  std::byte* data_ = nullptr;
  void* mapped_ = nullptr;
  std::size_t mapped_bytes_ = 0;
};

}  // namespace gyrus
