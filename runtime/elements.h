// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "core/layout.h"

namespace gyrus {

// Arithmetic on tensors of any type, as blocks hold them. Shapes: all spans of equal length, a
// whole number of elements. Ordinary.

// The largest |a - b| of any element; differences that are not finite and ternary elements do not
// count.
double LargestDifference(ElementType type, std::span<const std::byte> a,
                         std::span<const std::byte> b);

// Takes the change from `before` to `after` out of what is now:
//
//   TakeOutOfSum   out = before + (now - after)
//   TakeOutOfMean  the same, but between before and now: what learned since may have mended what
//                  the change broke, and must not be mended twice
//
// In double precision, then rounded; integers stop at their type's ends. Where the result is not
// finite, and for ternary elements: out = before.
void TakeOutOfSum(ElementType type, std::span<const std::byte> before,
                  std::span<const std::byte> after, std::span<const std::byte> now,
                  std::span<std::byte> out);
void TakeOutOfMean(ElementType type, std::span<const std::byte> before,
                   std::span<const std::byte> after, std::span<const std::byte> now,
                   std::span<std::byte> out);

}  // namespace gyrus
