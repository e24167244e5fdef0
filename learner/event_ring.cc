// SPDX-License-Identifier: Apache-2.0
#include "learner/event_ring.h"

#include <algorithm>

#include "core/check.h"

namespace gyrus {

EventRing::EventRing(const BrainSpec& spec, std::size_t capacity, std::size_t state_bytes)
    : modalities_(spec.modalities), events_(capacity), memory_(capacity) {
  std::size_t reals = 0;
  std::size_t pixels = 0;
  for (const ModalitySpec& modality : modalities_) {
    if (modality.kind == ModalityKind::kReals) reals += modality.size;
    if (modality.kind == ModalityKind::kImage) {
      pixels += std::size_t{modality.rows} * modality.columns;
    }
  }
  std::size_t outputs = 0;
  for (const HeadSpec& head : spec.heads) outputs = std::max<std::size_t>(outputs, head.outputs);
  for (std::size_t e = 0; e < capacity; ++e) {
    Memory& memory = memory_[e];
    memory.values.resize(modalities_.size());
    memory.reals.resize(reals);
    memory.pixels.resize(pixels);
    memory.target.resize(outputs);
    memory.state.resize(state_bytes);
    events_[e].state = memory.state;
    order_.push_back(&events_[e]);
  }
}

Event* EventRing::Find(uint64_t id) {
  for (std::size_t i = 0; i < count_; ++i) {
    if (order_[i]->id == id) return order_[i];
  }
  return nullptr;
}

Event& EventRing::Push(uint64_t id, const Observation& observation) {
  GYRUS_CHECK(!full());
  Event& event = *order_[count_++];
  Memory& memory = memory_[&event - events_.data()];
  event.id = id;
  event.labelled = false;
  float* reals = memory.reals.data();
  uint8_t* pixels = memory.pixels.data();
  for (std::size_t m = 0; m < modalities_.size(); ++m) {
    const Value& from = observation.values[m];
    Value& to = memory.values[m];
    to = {.present = from.present, .symbol = from.symbol};
    if (!from.present) continue;
    if (modalities_[m].kind == ModalityKind::kReals) {
      to.reals = {reals, from.reals.size()};
      reals = std::copy(from.reals.begin(), from.reals.end(), reals);
    } else if (modalities_[m].kind == ModalityKind::kImage) {
      to.pixels = {pixels, from.pixels.size()};
      pixels = std::copy(from.pixels.begin(), from.pixels.end(), pixels);
    }
  }
  event.observation = {.time = observation.time, .values = memory.values};
  return event;
}

void EventRing::SetTarget(Event* event, const Target& target) {
  Memory& memory = memory_[event - events_.data()];
  std::copy(target.reals.begin(), target.reals.end(), memory.target.begin());
  event->target = {.symbol = target.symbol,
                   .reals = std::span(memory.target).first(target.reals.size())};
  event->labelled = true;
}

void EventRing::PopFront() { Erase(0); }

void EventRing::Erase(std::size_t i) {
  GYRUS_CHECK(i < count_);
  std::rotate(order_.begin() + i, order_.begin() + i + 1, order_.begin() + count_);
  --count_;
}

}  // namespace gyrus
