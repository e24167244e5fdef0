// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "core/rng.h"

namespace gyrus {

// The standard deviation that keeps the variance of a sum of `count` terms: 1 / sqrt(count).
inline float InverseRoot(uint32_t count) { return 1.0F / std::sqrt(static_cast<float>(count)); }

// Fills `w` from a normal distribution of mean 0.
inline void FillNormal(float deviation, std::span<float> w, Rng* rng) {
  for (float& value : w) value = deviation * rng->Normal();
}

}  // namespace gyrus
