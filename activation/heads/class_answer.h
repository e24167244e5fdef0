// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "activation/observation.h"
#include "core/real_time.h"

namespace gyrus {

// Answers what is wanted from the probabilities of all classes, which sum to 1.
inline void AnswerClasses(std::span<const float> p, const Want& want,
                          Prediction* prediction) noexcept GYRUS_NONBLOCKING {
  if (want.kind == Want::Kind::kSymbol) {
    prediction->best = want.symbol;
    prediction->best_probability = p[want.symbol];
    return;
  }
  const auto best = std::max_element(p.begin(), p.end());
  prediction->best = static_cast<uint32_t>(best - p.begin());
  prediction->best_probability = *best;
  if (want.kind != Want::Kind::kDistribution) return;
  std::copy(p.begin(), p.end(), prediction->distribution.begin());
}

}  // namespace gyrus
