// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "activation/activity.h"
#include "core/real_time.h"

namespace gyrus {

// The few best of many: keeps the regions of the greatest scores, best first, in the caller's
// span, the score in `gate`. Of equal scores the one offered first is better.
//
// One owner. Real-time safe.
class BestRegions {
 public:
  explicit BestRegions(std::span<Woken> best) : best_(best) {}

  void Offer(uint32_t region, float score) noexcept GYRUS_NONBLOCKING {
    if (count_ == best_.size()) {
      if (count_ == 0 || !(score > best_[count_ - 1].gate)) return;
      --count_;
    }
    std::size_t i = count_++;
    for (; i > 0 && score > best_[i - 1].gate; --i) best_[i] = best_[i - 1];
    best_[i] = {region, score};
  }

  std::size_t count() const { return count_; }

 private:
  std::span<Woken> best_;
  std::size_t count_ = 0;
};

}  // namespace gyrus
