// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "activation/plan_builder.h"
#include "core/layout.h"
#include "core/real_time.h"

namespace gyrus {

// An adaptive map from a logit z to a probability: what really followed when an expert said z.
// 25 knots, half a unit apart, interpolated:
//
//   q = clip(2 z + 12, 0, 23.999);  i = floor q, f = q - i
//   refined = logit(clip((1 - f) m_i + f m_{i+1}, 0.001, 0.999))
//   learned: m_i += r_i (1 - f) (bit - m_i),  m_{i+1} += r_{i+1} f (bit - m_{i+1}),
//            r = max(0.01, 1 / (visits + 10))
//
// It starts as the identity. A value in a block: see MakeLayout.
struct Calibration {
  static constexpr std::size_t kKnots = 25;

  float m[kKnots];
  float visits[kKnots];

  static absl::StatusOr<BlockLayout> MakeLayout() {
    return BlockLayout::Create({{.name = "m", .columns = kKnots},
                                {.name = "visits", .columns = kKnots, .merge = Merge::kNever}});
  }

  // A PlanBuilder::Fill.
  static void Fill(uint32_t, std::span<std::byte> block) {
    float* const m = reinterpret_cast<float*>(block.data());
    for (std::size_t i = 0; i < kKnots; ++i) {
      m[i] = 1.0F / (1.0F + std::exp(6.0F - 0.5F * static_cast<float>(i)));
    }
  }

  float Refine(float z) const noexcept GYRUS_NONBLOCKING {
    const Place at(z);
    const float p = m[at.knot] + at.fraction * (m[at.knot + 1] - m[at.knot]);
    const float clipped = std::clamp(p, 0.001F, 0.999F);
    return std::log(clipped / (1.0F - clipped));
  }

  void Learn(float z, float bit) noexcept GYRUS_NONBLOCKING {
    const Place at(z);
    Move(at.knot, 1.0F - at.fraction, bit);
    Move(at.knot + 1, at.fraction, bit);
  }

 private:
  struct Place {
    explicit Place(float z) {
      const float q = std::clamp(2.0F * z + 12.0F, 0.0F, 23.999F);
      knot = static_cast<std::size_t>(q);
      fraction = q - static_cast<float>(knot);
    }
    std::size_t knot;
    float fraction;
  };

  void Move(std::size_t knot, float share, float bit) noexcept {
    const float rate = std::max(0.01F, 1.0F / (visits[knot] + 10.0F));
    visits[knot] += 1.0F;
    m[knot] += rate * share * (bit - m[knot]);
  }
};

}  // namespace gyrus
