// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>

#include "activation/heads/mixing.h"
#include "core/kernels/mixing.h"

// What the mixing head keeps of a step in its scratch; shared by how it is made and how it runs.
namespace gyrus {

inline constexpr uint32_t kMaxDepth = 8;
inline constexpr uint32_t kMaxMaps = 4;
inline constexpr uint32_t kMaxSignals = 32;
inline constexpr uint32_t kMapCells = 16;  // Over logits from -8 to 8: one cache line.
inline constexpr float kMapMiddle = static_cast<float>(kMapCells - 1) / 2.0F;
inline constexpr float kMapScale = static_cast<float>(kMapCells - 1) / 16.0F;

// What one decision was made of, kept until the step is learned.
struct MixingHead::Decision {
  alignas(64) float logits[kernels::kMaxSets];
  float probabilities[kernels::kMaxSets];
  uint32_t sets[kernels::kMaxSets];  // Blocks.
  uint32_t last;                     // Block.
  uint32_t maps[kMaxMaps];           // Blocks.
  uint32_t cell;                     // Of every map: the lower of the two at this logit.
  float fraction;                    // How far towards the upper.
  float mixed;                       // logistic(z).
  float probability;                 // Of bit 1, as served.
};

// What all decisions of a step share: each gate's Prefix. And the signals at each depth.
struct MixingHead::Step {
  alignas(64) uint64_t sets[kernels::kMaxSets];
  uint64_t maps[kMaxMaps];
  uint64_t last;
  uint32_t signals[kMaxDepth][kMaxSignals];
};

}  // namespace gyrus
