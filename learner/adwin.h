// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/bytes.h"
#include "core/real_time.h"

namespace gyrus {

// Adaptive windowing (Bifet and Gavalda, "Learning from Time-Changing Data with Adaptive
// Windowing", SDM 2007): the mean of a stream of numbers over the longest window whose parts do
// not differ. A window of n values is cut into an older part of n0 and a newer of n1 where
//
//   |mean0 - mean1| > sqrt(2/m v d) + 2/(3m) d,   1/m = 1/n0 + 1/n1,  d = ln(2 ln(n) / delta),
//
// v being the window's variance, and its oldest values are dropped until no cut is left. delta is
// about the chance of a false alarm per look; values are in [0, 1].
//
// The window is an exponential histogram: at most 5 buckets of each size 1, 2, 4, ..., so that it
// takes O(log n) memory and only cuts between buckets are looked at, every 32 values. All memory is
// within the object: 3 KiB, for windows of up to 10^10 values. Copyable.
//
// Thread-compatible. Real-time safe.
class Adwin {
 public:
  enum class Change : uint8_t { kNone, kRise, kFall };

  // Requires: delta in (0, 1).
  explicit Adwin(double delta) : delta_(delta) {}

  // Takes in a value; says whether the newer part of the window was found higher or lower than
  // what was then dropped.
  Change Add(double value) noexcept GYRUS_NONBLOCKING;

  // Of the window.
  uint64_t width() const noexcept { return Whole().count; }
  double mean() const noexcept;

  // Empties the window.
  void Clear() noexcept;

  void Save(ByteWriter* writer) const;
  // Leaves the reader not ok() for bytes that Save did not write.
  void Restore(ByteReader* reader);
  static constexpr std::size_t saved_bytes();

 private:
  static constexpr int kRows = 32;
  static constexpr int kBuckets = 5;          // Of one size.
  static constexpr uint64_t kLookEvery = 32;  // Values.
  static constexpr uint64_t kLeastPart = 5;   // Values on each side of a cut.

  struct Part {
    uint64_t count = 0;
    double sum = 0;
    double squares = 0;  // Of deviations from the mean.

    void Add(const Part& other) noexcept;
  };

  // Buckets of 2^r values, oldest first; one more while it is being filled.
  struct Row {
    uint8_t used = 0;
    double sums[kBuckets + 1] = {};
    double squares[kBuckets + 1] = {};
  };

  Part BucketAt(int row, int bucket) const noexcept;
  Part Whole() const noexcept;
  void Push(int row, const Part& bucket) noexcept;
  void Pop(int row, int count) noexcept;
  void DropOldest() noexcept;
  Change FindCut() const noexcept;
  bool Differ(const Part& whole, const Part& old) const noexcept;

  double delta_;
  uint64_t until_look_ = kLookEvery;
  Row rows_[kRows];
};

constexpr std::size_t Adwin::saved_bytes() {
  return sizeof(uint64_t) + kRows * (1 + 2 * (kBuckets + 1) * sizeof(double));
}

}  // namespace gyrus
