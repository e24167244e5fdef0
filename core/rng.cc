// SPDX-License-Identifier: Apache-2.0
#include "core/rng.h"

namespace gyrus {

float Rng::Normal() noexcept {
  // Each word holds three 21-bit uniforms; integer sums are exact.
  uint64_t sum = 0;
  for (int word = 0; word < 4; ++word) {
    const uint64_t bits = Bits();
    sum += (bits & 0x1FFFFFU) + ((bits >> 21) & 0x1FFFFFU) + ((bits >> 42) & 0x1FFFFFU);
  }
  return static_cast<float>(static_cast<double>(sum) * 0x1.0p-21 - 6.0);
}

}  // namespace gyrus
