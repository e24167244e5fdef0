// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/clock.h"
#include "core/real_time.h"

namespace gyrus {

// How often each duration from 1 ns to 100 s occurred, in fixed buckets: one per nanosecond below
// 64 ns, then 64 per power of two, so that a bucket is at most 1.6 % wide. 16 KiB.
//
// One writer (Record, Merge, Reset), any number of readers. A reader beside the writer sees every
// recording it counts, though perhaps not yet the newest. Neither copyable nor movable.
class LatencyHistogram {
 public:
  static constexpr Nanos kLongest = Nanos(100'000'000'000);

  LatencyHistogram() = default;
  LatencyHistogram(const LatencyHistogram&) = delete;
  LatencyHistogram& operator=(const LatencyHistogram&) = delete;

  // Counts one duration; what lies outside 1 ns..100 s counts as the nearer end. Writer.
  // Real-time safe.
  void Record(Nanos duration) noexcept GYRUS_NONBLOCKING;

  // Adds what `other` has counted. Writer of this.
  void Merge(const LatencyHistogram& other) noexcept;

  // Forgets everything. Writer.
  void Reset() noexcept;

  uint64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

  // The sum of all recordings, exactly.
  Nanos sum() const noexcept { return Nanos(sum_.load(std::memory_order_relaxed)); }

  // The longest duration recorded, exactly; 0 if there is none.
  Nanos max() const noexcept { return Nanos(max_.load(std::memory_order_relaxed)); }

  // The duration that `percent` % of the recordings do not exceed: of that one's bucket the
  // middle, at most max(); 0 if there is no recording. Error: below 0.8 %, and half a ns.
  // Requires: percent in [0, 100].
  Nanos Percentile(double percent) const noexcept;

  // How many recordings were shorter than `upper` and no shorter than the upper end of the bin
  // below.
  struct Bin {
    Nanos upper;
    uint64_t count = 0;
  };

  // All recordings in coarse bins, four to a power of two, from the first that has any to the
  // last. To be drawn.
  std::vector<Bin> Bins() const;

 private:
  static constexpr int kSubBits = 6;
  static constexpr int kOctaves = 37;  // 2^37 ns is past 100 s.
  static constexpr std::size_t kBuckets = std::size_t{kOctaves - kSubBits + 1} << kSubBits;

  static std::size_t BucketOf(uint64_t nanos) noexcept;
  static uint64_t MiddleOf(std::size_t bucket) noexcept;

  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
  std::atomic<uint64_t> count_{0};
  std::atomic<int64_t> sum_{0};
  std::atomic<int64_t> max_{0};
};

}  // namespace gyrus
