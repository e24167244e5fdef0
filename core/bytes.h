// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/strings/string_view.h"

namespace gyrus {

// Appends numbers and spans to a string, in the machine's (little-endian) order.
class ByteWriter {
 public:
  template <typename T>
  void Put(const T& value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }

  // Its length, then the elements.
  template <typename T>
  void PutSpan(std::span<const T> values) {
    Put<uint64_t>(values.size());
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }

  // The bytes alone.
  void PutBytes(absl::string_view bytes) { bytes_.append(bytes.data(), bytes.size()); }

  // Takes memory for `size` bytes in all, and forgets what was written but not that memory.
  void Reserve(std::size_t size) { bytes_.reserve(size); }
  void Clear() { bytes_.clear(); }

  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reads back what ByteWriter wrote. Reading past the end, or a span of another length than
// expected, gives zeros and turns ok() false for good; so check once, at the end.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T Get() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    Take(&value, sizeof(T));
    return value;
  }

  template <typename T>
  void GetSpan(std::span<T> values) {
    if (Get<uint64_t>() != values.size()) ok_ = false;
    Take(values.data(), values.size_bytes());
  }

  // The bytes alone.
  void GetBytes(std::span<std::byte> bytes) { Take(bytes.data(), bytes.size()); }

  // Reads a span of at most `limit` elements into `storage` and returns it.
  template <typename T>
  std::span<const T> GetVector(std::vector<T>* storage, std::size_t limit) {
    const uint64_t size = Get<uint64_t>();
    if (size > limit) ok_ = false;
    storage->assign(ok_ ? size : 0, T{});
    Take(storage->data(), storage->size() * sizeof(T));
    return *storage;
  }

  // What has not been read.
  absl::string_view rest() const { return rest_; }

  // Says that what was read makes no sense.
  void Fail() { ok_ = false; }

  // Whether everything so far was there.
  bool ok() const { return ok_; }

  // Whether all has been read, and no more.
  bool done() const { return ok_ && rest_.empty(); }

 private:
  void Take(void* to, std::size_t bytes) {
    if (bytes > rest_.size()) ok_ = false;
    if (!ok_ || bytes == 0) return;
    std::memcpy(to, rest_.data(), bytes);
    rest_.remove_prefix(bytes);
  }

  absl::string_view rest_;
  bool ok_ = true;
};

}  // namespace gyrus
