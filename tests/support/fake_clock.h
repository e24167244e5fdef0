// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>

#include "core/clock.h"

namespace gyrus::test {

// A clock that moves only when told to. Thread-safe.
class FakeClock final : public Clock {
 public:
  Nanos Now() const noexcept override { return Nanos(now_ns_.load()); }

  // Requires: step >= 0.
  void Advance(Nanos step) { now_ns_ += step.count(); }

 private:
  std::atomic<int64_t> now_ns_{0};
};

}  // namespace gyrus::test
