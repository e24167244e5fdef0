// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "activation/observation.h"

namespace gyrus {

// How a target is to be learned, for heads that learn by gradients.
struct Lesson {
  enum class Kind : uint8_t {
    kLive,         // The stream's own.
    kReplayed,     // A stored sample once more: nothing that is free of order may learn it twice.
    kSensitivity,  // No target at all: hands areas the gradient of the squared length of the
                   // answer's logits, and learns nothing.
  };
  Kind kind = Kind::kLive;
  Target target = {};

  // The classes that compete, (classes,), not 0: they do; the target does. Empty: all. (ER-ACE;
  // Caccia et al., "New insights on reducing abrupt representation change", 2022.)
  std::span<const uint8_t> rivals = {};

  // What the head answered when the sample was new, (classes,), and the weight of the mean squared
  // distance from it, beside the target. Empty: none. (DER++; Buzzega et al., "Dark experience for
  // general continual learning", 2020.)
  std::span<const float> logits_then = {};
  float dark = 0.0F;

  // Where the head's logits before it learns go, (classes,); empty: nobody asks.
  std::span<float> logits_now = {};
};

}  // namespace gyrus
