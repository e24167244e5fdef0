// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "activation/brain_spec.h"
#include "activation/observation.h"

namespace gyrus {

// Room for one observation and one target of a brain, so that what is borrowed for a call can
// wait. All memory is taken at the start.
//
// Thread-compatible. Both Take are real-time safe. What they return lies here and holds until the
// next Take of its kind; moving an EventCopy does not move it.
class EventCopy {
 public:
  // `spec` must outlive it.
  explicit EventCopy(const BrainSpec& spec);

  // Requires: Plan::Check has passed.
  Observation Take(const Observation& observation) noexcept;
  Target Take(const Target& target) noexcept;

  // The longest real target that there is room for.
  std::size_t outputs() const { return target_.size(); }

  // What it holds beyond itself.
  std::size_t bytes() const {
    return values_.size() * sizeof(Value) + (reals_.size() + target_.size()) * sizeof(float) +
           pixels_.size();
  }

 private:
  const std::vector<ModalitySpec>* modalities_;
  std::vector<Value> values_;
  std::vector<float> reals_;
  std::vector<uint8_t> pixels_;
  std::vector<float> target_;
};

}  // namespace gyrus
