// SPDX-License-Identifier: Apache-2.0
#include "runtime/elements.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace gyrus {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

template <typename T>
std::span<const std::byte> BytesOf(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

template <typename T>
struct Case {
  std::vector<T> before;
  std::vector<T> after;
  std::vector<T> now;
};

template <typename T>
std::vector<T> OfSum(ElementType type, const Case<T>& c) {
  std::vector<T> out(c.now.size());
  TakeOutOfSum(type, BytesOf(c.before), BytesOf(c.after), BytesOf(c.now),
               std::as_writable_bytes(std::span(out)));
  return out;
}

template <typename T>
std::vector<T> OfMean(ElementType type, const Case<T>& c) {
  std::vector<T> out(c.now.size());
  TakeOutOfMean(type, BytesOf(c.before), BytesOf(c.after), BytesOf(c.now),
                std::as_writable_bytes(std::span(out)));
  return out;
}

//                          untouched  further  mended  beyond  not finite
const Case<float> kFloats = {{1, 1, 1, 1, 1}, {3, 3, 3, 3, kInfinity}, {3, 4, 1.5F, 0, 3}};

TEST(Elements, OfASumTheChangeIsTakenOutWhole) {
  EXPECT_EQ(OfSum(ElementType::kF32, kFloats), (std::vector<float>{1, 2, -0.5F, -2, 1}));
}

TEST(Elements, AMeanStaysBetweenBeforeAndNow) {
  EXPECT_EQ(OfMean(ElementType::kF32, kFloats), (std::vector<float>{1, 2, 1, 0, 1}));
}

TEST(Elements, IntegersStopAtTheirEnds) {
  const Case<uint8_t> bytes = {{0, 250, 10}, {200, 0, 12}, {10, 100, 15}};
  EXPECT_EQ(OfSum(ElementType::kU8, bytes), (std::vector<uint8_t>{0, 255, 13}));
  const Case<int8_t> small = {{-100}, {100}, {0}};
  EXPECT_EQ(OfSum(ElementType::kI8, small), (std::vector<int8_t>{-128}));
  const Case<uint32_t> words = {{4'000'000'000U, 7}, {5, 7}, {400'000'000U, 9}};
  EXPECT_EQ(OfSum(ElementType::kU32, words),
            (std::vector<uint32_t>{std::numeric_limits<uint32_t>::max(), 9}));
}

TEST(Elements, HalvesAreRoundedToTheNearest) {
  const Case<uint16_t> halves = {{0x3F80}, {0x4000}, {0x4040}};  // 1, 2, 3.
  EXPECT_EQ(OfSum(ElementType::kBf16, halves), (std::vector<uint16_t>{0x4000}));
  const Case<uint16_t> fine = {{0x3F80}, {0x3B80}, {0x0000}};  // 1 + (0 - 2^-8): between two.
  EXPECT_EQ(OfSum(ElementType::kBf16, fine), (std::vector<uint16_t>{0x3F7F}));
}

TEST(Elements, TernaryGoesBack) {
  const Case<uint8_t> packed = {{0x1B}, {0x2C}, {0x3D}};
  EXPECT_EQ(OfMean(ElementType::kTernary, packed), (std::vector<uint8_t>{0x1B}));
}

TEST(Elements, TheLargestDifferenceLeavesOutWhatIsNotFinite) {
  EXPECT_EQ(LargestDifference(ElementType::kF32, BytesOf(kFloats.after), BytesOf(kFloats.now)), 3);
  const std::vector<int8_t> a = {-128, 3};
  const std::vector<int8_t> b = {127, 3};
  EXPECT_EQ(LargestDifference(ElementType::kI8, BytesOf(a), BytesOf(b)), 255);
}

}  // namespace
}  // namespace gyrus
