// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "core/real_time.h"

namespace gyrus {

// Mixes 64 bits so that near inputs give unrelated outputs (the finaliser of SplitMix64; Steele,
// Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
constexpr uint64_t Mix64(uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

// A counter-based random stream: the n-th number depends on (seed, stream, n) alone, so that
// constants drawn from it are recomputed instead of stored, with the same bits on every device.
//
// Thread-compatible. Real-time safe.
class Rng {
 public:
  explicit Rng(uint64_t seed, uint64_t stream = 0) noexcept
      : key_(Mix64(seed + 0x9E3779B97F4A7C15U * (stream + 1))) {}

  // Uniform over all 64-bit values.
  uint64_t Bits() noexcept GYRUS_NONBLOCKING {
    return Mix64(key_ + 0x9E3779B97F4A7C15U * ++counter_);
  }

  // Uniform in [0, 1), 24 bits.
  float Uniform() noexcept GYRUS_NONBLOCKING {
    return static_cast<float>(Bits() >> 40) * 0x1.0p-24F;
  }

  // Uniform in [0, bound); bound >= 1. Bias below 2^-32 for bounds below 2^32.
  uint64_t Below(uint64_t bound) noexcept GYRUS_NONBLOCKING {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(Bits()) * bound) >> 64);
  }

  // Mean 0, variance 1: the sum of twelve uniforms less six, which needs no libm and so gives
  // the same bits everywhere. Its tails end at 6.
  float Normal() noexcept GYRUS_NONBLOCKING;

 private:
  uint64_t key_;
  uint64_t counter_ = 0;
};

}  // namespace gyrus
