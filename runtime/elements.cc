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

template <typename T>
void TakeOutOf(std::span<const std::byte> before, std::span<const std::byte> after,
               std::span<const std::byte> now, std::span<std::byte> out) {
  for (std::size_t i = 0; i < before.size() / sizeof(T); ++i) {
    const T then = At<T>(before, i);
    const double sum = ToDouble(then) + (ToDouble(At<T>(now, i)) - ToDouble(At<T>(after, i)));
    T value = FromDouble<T>(std::isfinite(sum) ? sum : 0.0);
    if (!std::isfinite(sum) || !std::isfinite(ToDouble(value))) value = then;
    std::memcpy(out.data() + i * sizeof(T), &value, sizeof(T));
  }
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

}  // namespace

double LargestDifference(ElementType type, std::span<const std::byte> a,
                         std::span<const std::byte> b) {
  GYRUS_CHECK(a.size() == b.size());
  double largest = 0;
  Dispatch(type, [&](auto of_type) { largest = LargestOf<decltype(of_type)>(a, b); });
  return largest;
}

void TakeOut(ElementType type, std::span<const std::byte> before, std::span<const std::byte> after,
             std::span<const std::byte> now, std::span<std::byte> out) {
  GYRUS_CHECK(before.size() == after.size() && before.size() == now.size() &&
              before.size() == out.size());
  std::copy(before.begin(), before.end(), out.begin());
  Dispatch(type, [&](auto of_type) { TakeOutOf<decltype(of_type)>(before, after, now, out); });
}

}  // namespace gyrus
