// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "core/rng.h"
#include "hwy/highway.h"

namespace gyrus::test {

// One rounding of float32, relative.
inline constexpr double kEps = 0x1.0p-24;

// A case per instruction set that the build contains and this processor runs, and per size.
class EveryIsaTest : public testing::TestWithParam<std::tuple<int64_t, std::size_t>> {
 protected:
  void SetUp() override { hwy::SetSupportedTargetsForTest(std::get<0>(GetParam())); }
  void TearDown() override { hwy::SetSupportedTargetsForTest(0); }

  static std::size_t size() { return std::get<1>(GetParam()); }
};

inline std::string NameOfCase(
    const testing::TestParamInfo<std::tuple<int64_t, std::size_t>>& info) {
  return std::string(hwy::TargetName(std::get<0>(info.param))) + "_n" +
         std::to_string(std::get<1>(info.param));
}

// Sizes around every vector length, for each instruction set.
#define GYRUS_INSTANTIATE_EVERY_ISA(suite)                                                    \
  INSTANTIATE_TEST_SUITE_P(                                                                   \
      AllIsas, suite,                                                                         \
      testing::Combine(                                                                       \
          testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),                             \
          testing::Values<std::size_t>(0, 1, 3, 7, 8, 15, 16, 17, 31, 33, 63, 64, 65, 1000)), \
      test::NameOfCase)

// Floats between two guards of NaN, one float off alignment: a kernel that reads past either end
// gives NaN, one that writes there is found by guards_intact().
class Guarded {
 public:
  explicit Guarded(std::span<const float> values) : count_(values.size()) {
    floats_.assign(kGuard, std::numeric_limits<float>::quiet_NaN());
    floats_.insert(floats_.end(), values.begin(), values.end());
    floats_.insert(floats_.end(), kGuard, std::numeric_limits<float>::quiet_NaN());
  }

  std::span<float> span() { return std::span(floats_).subspan(kGuard, count_); }

  bool guards_intact() const {
    for (std::size_t i = 0; i < kGuard; ++i) {
      if (floats_[i] == floats_[i] || floats_[kGuard + count_ + i] == floats_[kGuard + count_ + i])
        return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kGuard = 33;
  std::size_t count_;
  std::vector<float> floats_;
};

// `count` normal floats.
inline std::vector<float> Normals(std::size_t count, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(count);
  for (float& value : values) value = rng.Normal();
  return values;
}

// The elements' magnitudes, for sums in error bounds.
inline std::vector<float> Magnitudes(std::span<const float> values) {
  std::vector<float> result;
  for (const float value : values) result.push_back(value < 0.0F ? -value : value);
  return result;
}

}  // namespace gyrus::test
