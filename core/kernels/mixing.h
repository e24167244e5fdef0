// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace gyrus::kernels {

// The arithmetic of gated linear mixing, one call per decision: a handful of weight vectors, which
// contexts have picked, weigh the same inputs; a last vector weighs their results. Everything is
// in the logit domain, clamped to +-kMaxLogit.

inline constexpr float kMaxLogit = 11.0F;

// Lengths of inputs and weight vectors are multiples of this, so that every instruction set runs
// whole vectors; what is not used is zero.
inline constexpr std::size_t kMixingLanes = 16;

// At most this many weight vectors.
inline constexpr std::size_t kMaxSets = 16;

// 1 / (1 + exp(-x)) for |x| <= kMaxLogit, by the same polynomial as the kernels below.
// Error: relative 1e-6.
float Logistic(float x) noexcept;

// logits[s] = clamp(sets[s] . x), probabilities[s] = logistic(logits[s]); entries from
// sets.size() up to kMaxSets are zero and one half. Returns z = clamp(last . logits) and
// logistic(z).
// Shapes: x and each sets[s] (width,), a multiple of kMixingLanes; last (kMaxSets,), zero beyond
// the sets; logits, probabilities (kMaxSets,). No aliasing.
struct Mixed {
  float logit;
  float probability;
};
Mixed Mix(std::span<const float> x, std::span<const float* const> sets, const float* last,
          float* logits, float* probabilities) noexcept;

// sets[s] += steps[s] * x. Shapes as above.
void MixUpdate(std::span<const float> x, std::span<float* const> sets, const float* steps) noexcept;

}  // namespace gyrus::kernels
