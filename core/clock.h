// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace gyrus {

using Nanos = std::chrono::nanoseconds;

// Where time comes from. Pass it in; never call a clock directly, so that every test can run on
// a test::FakeClock.
class Clock {
 public:
  virtual ~Clock() = default;

  // Time since an arbitrary fixed origin; never decreases. Thread-safe.
  virtual Nanos Now() const noexcept = 0;
};

// The machine's monotonic clock. Thread-safe. One reading costs about 25 ns.
class SystemClock final : public Clock {
 public:
  Nanos Now() const noexcept override {
    return std::chrono::steady_clock::now().time_since_epoch();
  }
};

}  // namespace gyrus
