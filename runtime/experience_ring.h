// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "activation/brain_spec.h"
#include "activation/observation.h"
#include "learner/event_copy.h"

namespace gyrus {

// One thing that a session tells its learner.
struct Experience {
  enum class Kind : uint8_t {
    kStep,     // A step has come.
    kTarget,   // A step has its target.
    kRetract,  // A step is taken back.
  };
  Kind kind = Kind::kStep;
  bool after_gap = false;        // Something before it found no room.
  uint64_t ticket = 0;           // Its place among the experiences of all sessions.
  uint64_t step = 0;             // Id.
  Observation observation = {};  // kStep.
  Target target = {};            // kTarget.
};

// From a session's thread to the learner's: a queue of fixed slots that neither side ever waits
// for. All memory is taken by the constructor.
//
// One producer (full, Push), one consumer (front, Pop); size from any thread. Real-time safe.
class ExperienceRing {
 public:
  // Room for `slots`, at least 1. `spec` must outlive the ring.
  ExperienceRing(const BrainSpec& spec, std::size_t slots);
  ExperienceRing(const ExperienceRing&) = delete;
  ExperienceRing& operator=(const ExperienceRing&) = delete;

  bool full() const noexcept;

  // Copies an experience in. Requires: !full(); Plan::Check has passed.
  void Push(const Experience& experience) noexcept;

  // The oldest, until Pop; null if there is none.
  const Experience* front() const noexcept;

  // Requires: front() != nullptr.
  void Pop() noexcept;

  std::size_t size() const noexcept;

 private:
  struct Slot {
    EventCopy copy;
    Experience experience;
  };

  std::vector<Slot> slots_;
  // Counts of what was ever pushed and popped, each on the cache line of who writes it.
  alignas(64) std::atomic<uint64_t> pushed_{0};
  alignas(64) std::atomic<uint64_t> popped_{0};
};

}  // namespace gyrus
