// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

namespace gyrus::test {

// IDX files as bytes, whatever their headers say.
inline std::string IdxNumbers(std::initializer_list<uint32_t> numbers) {
  std::string bytes;
  for (const uint32_t number : numbers) {
    for (int shift = 24; shift >= 0; shift -= 8)
      bytes.push_back(static_cast<char>(number >> shift));
  }
  return bytes;
}

inline std::string IdxImages(uint32_t count, uint32_t height, uint32_t width,
                             const std::string& pixels) {
  return IdxNumbers({0x00000803, count, height, width}) + pixels;
}

inline std::string IdxLabels(uint32_t count, const std::string& labels) {
  return IdxNumbers({0x00000801, count}) + labels;
}

}  // namespace gyrus::test
