// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"

namespace gyrus {

// What keeps a brain that learns from harm: parts of BrainSpec and HeadSpec.

// Takes back what a brain has learned in a window of steps that made it bad: see runtime/guard.h.
struct GuardSpec {
  uint32_t window = 0;  // Learning steps, of all sessions, in [10, 1e6]; 0: no guard.
  float bound = 3.0F;   // Of a window's mean loss, in good windows' mean losses; > 1.
};

// Learns faster for a while where the loss of a stream has risen: see learner/drift_watch.h.
struct DriftSpec {
  float delta = 0.0F;    // Chance of a false alarm that is put up with, in (0, 1); 0: no watch.
  float raise = 3.0F;    // Factor, >= 1, of the learning rates of gradient-trained areas and
                         // softmax heads, and of Kalman heads' process noise,
  uint32_t steps = 200;  // for so many learned steps.
};

// What a head's real outputs are kept to as they are served, step by step; learning does not see
// it. Each list is empty (no limit), or has one value for all outputs or one for each.
struct OutputLimitsSpec {
  std::vector<float> minimum = {};
  std::vector<float> maximum = {};  // At least the minimum.
  std::vector<float> slew = {};     // The largest change from one step to the next, > 0.
};

// Return InvalidArgument, with the field and the limit, for what is out of range.
absl::Status CheckProtection(const GuardSpec& guard);
absl::Status CheckProtection(const DriftSpec& drift);

}  // namespace gyrus
