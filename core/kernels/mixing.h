// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace gyrus::kernels {

// The arithmetic of gated linear mixing, one call for all decisions on the path to a symbol. At
// each decision a handful of weight vectors, which contexts have picked, weigh the same inputs; a
// last vector weighs their results. Everything is in the logit domain, clamped to +-kMaxLogit.

inline constexpr float kMaxLogit = 11.0F;

// Lengths of inputs and weight vectors are multiples of this, so that every instruction set runs
// whole vectors; what is not used is zero.
inline constexpr std::size_t kMixingLanes = 16;

// At most this many weight vectors per decision.
inline constexpr std::size_t kMaxSets = 16;

// At most this many decisions in one call; results are kept decision by decision in lanes.
inline constexpr std::size_t kMaxDecisions = 8;

// 1 / (1 + exp(-x)) for |x| <= kMaxLogit, by the same polynomial as the kernels below.
// Error: relative 1e-6.
float Logistic(float x) noexcept;

// What is mixed. Vectors are (width,), aligned to 64; the last input of each x is zero, since that
// place of a weight vector holds its visits.
struct MixInputs {
  std::size_t decisions = 0;  // In [1, kMaxDecisions].
  std::size_t sets = 0;       // In [1, kMaxSets].
  std::size_t width = 0;      // A multiple of kMixingLanes.
  const float* x[kMaxDecisions];
  const float* weights[kMaxSets][kMaxDecisions];
  const float* last[kMaxDecisions];  // (sets,) each.
};

// The outcome of decision n in lane n. Lanes beyond the decisions hold nothing of use.
struct Mixture {
  alignas(64) float logits[kMaxSets][kMaxDecisions];         // clamp(weights . x)
  alignas(64) float probabilities[kMaxSets][kMaxDecisions];  // logistic(logits)
  alignas(64) float mixed[kMaxDecisions];                    // clamp(last . logits)
  alignas(64) float probability[kMaxDecisions];              // logistic(mixed)
};
void Mix(const MixInputs& in, Mixture* out) noexcept;

// What a mixture learns from: what came, and the vectors to change, which may be those read, and
// may be the same for several decisions.
struct MixLesson {
  alignas(64) float bits[kMaxDecisions];  // 0 or 1.
  float* weights[kMaxSets][kMaxDecisions];
  float* last[kMaxDecisions];
};

// rate(visits) = last + (first - last) / (1 + visits / fade); final is that of the last vectors.
struct MixRates {
  float first = 0.0F;
  float last = 0.0F;
  float fade = 1.0F;
  float final = 0.0F;
};

// weights += rate(visits) (bit - probabilities) x and ++visits, which weights[width - 1] holds;
// last += final (bit - probability) logits. Decisions that share a vector learn at one rate, that
// of the visits before them all. Requires: `mixture` is what Mix made of `in`.
void MixLearn(const MixInputs& in, const Mixture& mixture, const MixLesson& lesson,
              const MixRates& rates) noexcept;

}  // namespace gyrus::kernels
