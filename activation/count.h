// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/real_time.h"

namespace gyrus {

// Counts that outlast any device: 64 bits in two elements of a tensor of u32, the lower first, as
// tensors have no wider integer. Real-time safe.

inline uint64_t CountOf(const uint32_t* count) noexcept GYRUS_NONBLOCKING {
  return count[0] | uint64_t{count[1]} << 32;
}

inline void SetCount(uint32_t* count, uint64_t value) noexcept GYRUS_NONBLOCKING {
  count[0] = static_cast<uint32_t>(value);
  count[1] = static_cast<uint32_t>(value >> 32);
}

// Returns what it then is.
inline uint64_t CountUp(uint32_t* count) noexcept GYRUS_NONBLOCKING {
  if (++count[0] == 0) ++count[1];
  return CountOf(count);
}

}  // namespace gyrus
