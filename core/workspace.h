// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

#include "core/check.h"
#include "core/real_time.h"

namespace gyrus {

// Scratch memory, allocated once and handed out front to back; worth nothing after Reset().
// Movable, not copyable.
//
// Thread-compatible: one owner.
//
//   Workspace scratch(plan.scratch_bytes());            // start-up
//   std::span<float> hidden = scratch.Take<float>(64);  // real-time safe
//   scratch.Reset();                                    // end of the step
class Workspace {
 public:
  static constexpr std::size_t kAlignment = 64;

  // What Take<T>(count) uses up, for sizing.
  template <typename T>
  static constexpr std::size_t BytesFor(std::size_t count) {
    return (count * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
  }

  explicit Workspace(std::size_t bytes)
      : size_(BytesFor<std::byte>(bytes)),
        data_(static_cast<std::byte*>(::operator new (size_, std::align_val_t{kAlignment}))) {}

  // Hands out `count` uninitialised elements, aligned to 64 bytes. Requires: they fit; a plan
  // that sizes its workspace too small is a mistake of the programmer.
  template <typename T>
  std::span<T> Take(std::size_t count) noexcept GYRUS_NONBLOCKING {
    static_assert(std::is_trivially_destructible_v<T>);
    const std::size_t bytes = BytesFor<T>(count);
    GYRUS_CHECK(bytes <= size_ - used_);
    T* start = reinterpret_cast<T*>(data_.get() + used_);
    used_ += bytes;
    return {start, count};
  }

  void Reset() noexcept GYRUS_NONBLOCKING { used_ = 0; }

  std::size_t used_bytes() const { return used_; }
  std::size_t size_bytes() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* data) const {
      ::operator delete (data, std::align_val_t{kAlignment});
    }
  };

  std::size_t size_;
  std::size_t used_ = 0;
  std::unique_ptr<std::byte, Free> data_;
};

}  // namespace gyrus
