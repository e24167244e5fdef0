// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "activation/brain_spec.h"

namespace gyrus {

// Keeps a session's real outputs within bounds, and each from moving further in a step than it
// may, whatever was published or rolled back in between.
//
// Thread-compatible: its session's. Apply is real-time safe.
class OutputLimits {
 public:
  // Of a head that has passed Plan::Create.
  explicit OutputLimits(const HeadSpec& head);

  // Limits what is about to be served, (outputs,). Does nothing without limits.
  void Apply(std::span<float> outputs) noexcept;

 private:
  std::vector<float> minimum_;  // (outputs,), or empty: no limits at all.
  std::vector<float> maximum_;
  std::vector<float> slew_;
  std::vector<float> served_;  // Last.
  bool served_any_ = false;
};

}  // namespace gyrus
