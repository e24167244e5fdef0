// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "activation/heads/mixing.h"
#include "core/kernels/mixing.h"

// What the mixing head keeps of a step in its scratch; shared by how it is made and how it runs.
namespace gyrus {

inline constexpr uint32_t kMaxDepth = kernels::kMaxDecisions;
inline constexpr uint32_t kMaxMaps = 4;
inline constexpr uint32_t kMaxSignals = 32;
inline constexpr uint32_t kMapCells = 16;  // Over logits from -8 to 8: one cache line.
inline constexpr float kMapMiddle = static_cast<float>(kMapCells - 1) / 2.0F;
inline constexpr float kMapScale = static_cast<float>(kMapCells - 1) / 16.0F;

// The decisions made together, one per lane, and what they were made of, kept until the step is
// learned.
struct MixingHead::Step {
  template <typename T>
  using PerDecision = T[kMaxDepth];

  kernels::MixInputs inputs;
  kernels::Mixture mixture;
  // Which block of its table each gate picks; where it lies is in `inputs` and map_blocks.
  PerDecision<uint32_t> sets[kernels::kMaxSets];
  PerDecision<uint32_t> maps[kMaxMaps];
  PerDecision<uint32_t> last;
  PerDecision<const float*> map_blocks[kMaxMaps];
  PerDecision<uint32_t> nodes;
  PerDecision<uint32_t> depths;
  PerDecision<const uint32_t*> signals;  // Each in `evidence`, like inputs.x.
  PerDecision<uint32_t> cells;           // Of every map: the lower of the two at this logit.
  PerDecision<float> fractions;          // How far towards the upper.
  PerDecision<float> served;             // The probability of bit 1.

  // What all decisions of a step share: each gate's Prefix.
  uint64_t set_prefixes[kernels::kMaxSets];
  uint64_t map_prefixes[kMaxMaps];
  uint64_t last_prefix;

  uint32_t evidence[kMaxDepth][kMaxSignals];  // The experts' signals, by depth; inputs follow.
};

}  // namespace gyrus
