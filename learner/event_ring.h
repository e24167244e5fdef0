// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "activation/brain_spec.h"
#include "activation/observation.h"
#include "core/bytes.h"
#include "learner/event_copy.h"

namespace gyrus {

class Plan;

// One step of a stream as its learner will see it: the observation, copied; the target, once it
// is known; and the session's state from before the step, so that the step can be taken back.
struct Event {
  uint64_t id = 0;
  Observation observation;  // Its spans point into this event's own memory.
  bool labelled = false;
  Target target;               // Likewise.
  std::span<std::byte> state;  // (state_bytes,)
};

// The steps that wait for their label or for the learner, oldest first. All memory is taken at
// the start.
//
// Thread-compatible. Push, PopFront and EraseStep are real-time safe.
class EventRing {
 public:
  // What a ring takes of memory.
  static uint64_t BytesFor(const BrainSpec& spec, std::size_t capacity, std::size_t state_bytes);

  // Room for `capacity` events of a brain, each with `state_bytes` of state. `spec` must outlive
  // the ring.
  EventRing(const BrainSpec& spec, std::size_t capacity, std::size_t state_bytes);

  std::size_t size() const { return count_; }
  bool full() const { return count_ == events_.size(); }
  Event& at(std::size_t i) { return *order_[i]; }  // 0: the oldest.
  const Event& at(std::size_t i) const { return *order_[i]; }

  // The event with this id, or null.
  Event* Find(uint64_t id);

  // Copies an observation in as the newest event. Requires: not full; the observation has passed
  // Plan::Check.
  Event& Push(uint64_t id, const Observation& observation);

  // Copies a target into an event.
  void SetTarget(Event* event, const Target& target);

  void PopFront();

  // Forgets all that waits.
  void Clear() { count_ = 0; }

  // Removes the event with this id, if it is there, keeping the order of the others.
  void EraseStep(uint64_t id);

  // All that waits, as bytes. Restore takes in only what Plan::Check lets pass, in the order of its
  // steps, and else leaves the reader not ok().
  void Save(ByteWriter* writer) const;
  void Restore(const Plan& plan, ByteReader* reader);

  // The most that Save writes.
  std::size_t max_saved_bytes() const;

 private:
  void Erase(std::size_t i);

  struct Memory {
    EventCopy copy;
    std::vector<std::byte> state;
  };

  const std::vector<ModalitySpec>* modalities_;
  std::vector<Event> events_;
  std::vector<Memory> memory_;  // By place in events_.
  std::vector<Event*> order_;   // The first count_ wait, oldest first; the others are free.
  std::size_t count_ = 0;
};

}  // namespace gyrus
