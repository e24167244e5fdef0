// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace gyrus {

// logit(p) = ln(p / (1 - p)) by table, for probabilities in 1/4096 steps: the cell's middle, so
// that 0 and 1 stay finite (+-9.01).
//
// Thread-safe: immutable.
class StretchTable {
 public:
  StretchTable() {
    for (std::size_t i = 0; i < kCells; ++i) {
      const double p = (static_cast<double>(i) + 0.5) / kCells;
      logits_[i] = static_cast<float>(std::log(p / (1 - p)));
    }
  }

  // p: 16-bit fixed point.
  float Of16Bits(uint32_t p) const noexcept { return logits_[p >> 4]; }

  // Requires: p in [0, 1].
  float Of(float p) const noexcept {
    return logits_[static_cast<std::size_t>(p * (static_cast<float>(kCells) - 0.01F))];
  }

 private:
  static constexpr std::size_t kCells = 4096;
  std::array<float, kCells> logits_;
};

}  // namespace gyrus
