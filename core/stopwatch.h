// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/clock.h"
#include "core/latency_histogram.h"
#include "core/real_time.h"

namespace gyrus {

// Times a repeated call: every one, or one in 16 while they take less than 10 us, so that reading
// the clock costs little.
//
// One writer (Due, Record), any number of readers of the histogram. Real-time safe.
class Stopwatch {
 public:
  // Whether the call about to be made is to be timed.
  bool Due() noexcept GYRUS_NONBLOCKING { return calls_++ % every_ == 0; }
  void Record(Nanos duration) noexcept GYRUS_NONBLOCKING {
    histogram_.Record(duration);
    every_ = duration < kShort ? 16 : 1;
  }

  const LatencyHistogram& histogram() const { return histogram_; }

 private:
  static constexpr Nanos kShort = std::chrono::microseconds(10);

  LatencyHistogram histogram_;
  uint64_t calls_ = 0;
  uint64_t every_ = 1;
};

}  // namespace gyrus
