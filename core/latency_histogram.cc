// SPDX-License-Identifier: Apache-2.0
// Relaxed atomics throughout: a counter is complete in itself, and the one writer needs no
// read-modify-write, which would cost a locked instruction.
#include "core/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/check.h"

namespace gyrus {
namespace {

template <typename T>
void Add(std::atomic<T>* counter, T amount) noexcept {
  counter->store(counter->load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace

std::size_t LatencyHistogram::BucketOf(uint64_t nanos) noexcept {
  const auto octave =
      static_cast<int>(std::bit_width(nanos >> kSubBits));  // 0 and 1: one bucket per nanosecond.
  if (octave == 0) return nanos;
  // The leading one of nanos >> (octave - 1) is worth one octave.
  return (static_cast<std::size_t>(octave - 1) << kSubBits) + (nanos >> (octave - 1));
}

uint64_t LatencyHistogram::MiddleOf(std::size_t bucket) noexcept {
  if (bucket < (std::size_t{2} << kSubBits)) return bucket;
  const std::size_t shift = (bucket >> kSubBits) - 1;
  const uint64_t first = ((bucket & ((1U << kSubBits) - 1)) | (1U << kSubBits)) << shift;
  return first + ((uint64_t{1} << shift) >> 1);
}

void LatencyHistogram::Record(Nanos duration) noexcept {
  const Nanos clamped = std::clamp(duration, Nanos(1), kLongest);
  Add(&buckets_[BucketOf(static_cast<uint64_t>(clamped.count()))], uint64_t{1});
  Add(&count_, uint64_t{1});
  Add(&sum_, clamped.count());
  if (clamped > max()) max_.store(clamped.count(), std::memory_order_relaxed);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) noexcept {
  uint64_t added = 0;
  for (std::size_t b = 0; b < kBuckets; ++b) {
    const uint64_t recordings = other.buckets_[b].load(std::memory_order_relaxed);
    Add(&buckets_[b], recordings);
    added += recordings;
  }
  Add(&count_, added);
  Add(&sum_, other.sum().count());
  max_.store(std::max(max(), other.max()).count(), std::memory_order_relaxed);
}

void LatencyHistogram::Reset() noexcept {
  for (std::atomic<uint64_t>& bucket : buckets_) bucket.store(0, std::memory_order_relaxed);
  count_.store(0, std::memory_order_relaxed);
  sum_.store(0, std::memory_order_relaxed);
  max_.store(0, std::memory_order_relaxed);
}

Nanos LatencyHistogram::Percentile(double percent) const noexcept {
  GYRUS_DCHECK(percent >= 0.0 && percent <= 100.0);
  const auto recordings = static_cast<double>(count());
  const uint64_t rank =
      std::max<uint64_t>(1, static_cast<uint64_t>(std::ceil(percent / 100.0 * recordings)));
  uint64_t seen = 0;
  for (std::size_t b = 0; b < kBuckets; ++b) {
    seen += buckets_[b].load(std::memory_order_relaxed);
    if (seen >= rank) return std::min(Nanos(MiddleOf(b)), max());
  }
  return max();  // None recorded, or a Reset meanwhile.
}

std::vector<LatencyHistogram::Bin> LatencyHistogram::Bins() const {
  constexpr std::size_t kPerBin = (std::size_t{1} << kSubBits) / 4;
  std::vector<Bin> bins;
  for (std::size_t first = 0; first < kBuckets; first += kPerBin) {
    uint64_t recordings = 0;
    for (std::size_t b = first; b < first + kPerBin; ++b) {
      recordings += buckets_[b].load(std::memory_order_relaxed);
    }
    if (bins.empty() && recordings == 0) continue;
    const std::size_t last = first + kPerBin - 1;
    const std::size_t shift = last < (std::size_t{2} << kSubBits) ? 0 : (last >> kSubBits) - 1;
    const uint64_t begin =
        shift == 0 ? last : ((last & ((1U << kSubBits) - 1)) | (1U << kSubBits)) << shift;
    bins.push_back({Nanos(begin + (uint64_t{1} << shift)), recordings});
  }
  while (!bins.empty() && bins.back().count == 0) bins.pop_back();
  return bins;
}

}  // namespace gyrus
