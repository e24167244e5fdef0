// SPDX-License-Identifier: Apache-2.0
#include "core/crc32c.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/rng.h"

namespace gyrus {
namespace {

// A bit at a time, as the polynomial is defined.
uint32_t Reference(std::span<const std::byte> bytes) {
  uint32_t crc = 0xFFFFFFFFU;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0U);
  }
  return crc ^ 0xFFFFFFFFU;
}

TEST(Crc32cTest, AgreesWithPublishedValues) {
  const std::string digits = "123456789";
  const std::vector<std::byte> zeros(32);  // RFC 3720, appendix B.4.
  const std::vector<std::byte> ones(32, std::byte{0xFF});

  EXPECT_EQ(Crc32c(std::as_bytes(std::span(digits))), 0xE3069283U);
  EXPECT_EQ(Crc32c(zeros), 0x8A9136AAU);
  EXPECT_EQ(Crc32c(ones), 0x62A8AB43U);
  EXPECT_EQ(Crc32c({}), 0U);
}

TEST(Crc32cTest, AgreesWithTheDefinitionAtEveryLengthAndSplit) {
  Rng rng(2);
  std::vector<std::byte> bytes(70);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(rng.Bits());

  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    const std::span<const std::byte> whole(bytes.data(), n);
    const std::size_t split = rng.Below(n + 1);

    EXPECT_EQ(Crc32c(whole), Reference(whole)) << n;
    EXPECT_EQ(Crc32c(whole.subspan(split), Crc32c(whole.first(split))), Reference(whole)) << n;
  }
}

}  // namespace
}  // namespace gyrus
