// SPDX-License-Identifier: Apache-2.0
#include "runtime/elements.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/check.h"

namespace gyrus {
namespace {

// The upper half of a float.
struct Bf16 {
  uint16_t bits;
};

double ToDouble(Bf16 value) {
  return static_cast<double>(std::bit_cast<float>(uint32_t{value.bits} << 16));
}

template <typename T>
double ToDouble(T value) {
  return static_cast<double>(value);
}

template <typename T>
T FromDouble(double value) {
  if constexpr (std::is_same_v<T, Bf16>) {
    const auto bits = std::bit_cast<uint32_t>(static_cast<float>(value));
    return {static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)};  // To even.
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value);
  } else {
    return static_cast<T>(std::clamp(value, static_cast<double>(std::numeric_limits<T>::min()),
                                     static_cast<double>(std::numeric_limits<T>::max())));
  }
}

template <typename T>
T At(std::span<const std::byte> bytes, std::size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

template <typename T>
double LargestOf(std::span<const std::byte> a, std::span<const std::byte> b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size() / sizeof(T); ++i) {
    const double difference = std::fabs(ToDouble(At<T>(a, i)) - ToDouble(At<T>(b, i)));
    if (std::isfinite(difference)) largest = std::max(largest, difference);
  }
  return largest;
}

double WithoutChange(double before, double after, double now) { return before + (now - after); }

double WithoutChangeBetween(double before, double after, double now) {
  return std::clamp(WithoutChange(before, after, now), std::min(before, now),
                    std::max(before, now));
}

// Calls `visit` with a value of the type; not for ternary ones, which pack four to a byte.
template <typename Visit>
void Dispatch(ElementType type, const Visit& visit) {
  switch (type) {
    case ElementType::kF32:
      return visit(float{});
    case ElementType::kBf16:
      return visit(Bf16{});
    case ElementType::kI8:
      return visit(int8_t{});
    case ElementType::kU8:
      return visit(uint8_t{});
    case ElementType::kU16:
      return visit(uint16_t{});
    case ElementType::kU32:
      return visit(uint32_t{});
    case ElementType::kTernary:
      return;
  }
}

struct Three {
  std::span<const std::byte> before;
  std::span<const std::byte> after;
  std::span<const std::byte> now;
};

void TakeOut(ElementType type, const Three& bytes, double (*law)(double, double, double),
             std::span<std::byte> out) {
  GYRUS_CHECK(bytes.before.size() == bytes.after.size() &&
              bytes.before.size() == bytes.now.size() && bytes.before.size() == out.size());
  std::copy(bytes.before.begin(), bytes.before.end(), out.begin());
  Dispatch(type, [&](auto of_type) {
    using T = decltype(of_type);
    for (std::size_t i = 0; i < out.size() / sizeof(T); ++i) {
      const double result = law(ToDouble(At<T>(bytes.before, i)), ToDouble(At<T>(bytes.after, i)),
                                ToDouble(At<T>(bytes.now, i)));
      if (!std::isfinite(result)) continue;
      const T value = FromDouble<T>(result);
      if (std::isfinite(ToDouble(value))) {
        std::memcpy(out.data() + i * sizeof(T), &value, sizeof(T));
      }
    }
  });
}

}  // namespace

double LargestDifference(ElementType type, std::span<const std::byte> a,
                         std::span<const std::byte> b) {
  GYRUS_CHECK(a.size() == b.size());
  double largest = 0;
  Dispatch(type, [&](auto of_type) { largest = LargestOf<decltype(of_type)>(a, b); });
  return largest;
}

void TakeOutOfSum(ElementType type, std::span<const std::byte> before,
                  std::span<const std::byte> after, std::span<const std::byte> now,
                  std::span<std::byte> out) {
  TakeOut(type, {before, after, now}, WithoutChange, out);
}

void TakeOutOfMean(ElementType type, std::span<const std::byte> before,
                   std::span<const std::byte> after, std::span<const std::byte> now,
                   std::span<std::byte> out) {
  TakeOut(type, {before, after, now}, WithoutChangeBetween, out);
}

}  // namespace gyrus
