// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

namespace gyrus::bench {

// Sums all of x, 4, 8 or 16 vectors at a time: nothing but reading, the most that one core takes
// from memory in one stream. x.size() is a multiple of 1024.
float SumBy4(std::span<const float> x);
float SumBy8(std::span<const float> x);
float SumBy16(std::span<const float> x);

}  // namespace gyrus::bench
