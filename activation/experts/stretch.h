// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace gyrus {

// logit(p) = ln(p / (1 - p)) by table, of the nearest multiple of 1/4096; half a step from 0 and 1,
// so that they stay finite (+-9.01). Odd: the logit of 1/2 is 0.
//
// Thread-safe: immutable.
class StretchTable {
 public:
  StretchTable() {
    for (std::size_t i = 0; i <= kCells / 2; ++i) {
      const double p = std::max(static_cast<double>(i), 0.5) / kCells;
      logits_[i] = static_cast<float>(std::log(p / (1 - p)));
      logits_[kCells - i] = -logits_[i];
    }
  }

  // p: 16-bit fixed point.
  float Of16Bits(uint32_t p) const noexcept { return logits_[(p + 8) >> 4]; }

  // Requires: p in [0, 1].
  float Of(float p) const noexcept {
    return logits_[static_cast<int64_t>(p * static_cast<float>(kCells) + 0.5F)];
  }

 private:
  static constexpr std::size_t kCells = 4096;
  std::array<float, kCells + 1> logits_;
};

}  // namespace gyrus
