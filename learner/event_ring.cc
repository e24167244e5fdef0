// SPDX-License-Identifier: Apache-2.0
#include "learner/event_ring.h"

#include <algorithm>
#include <span>

#include "activation/plan.h"
#include "core/check.h"

namespace gyrus {

uint64_t EventRing::BytesFor(const BrainSpec& spec, std::size_t capacity, std::size_t state_bytes) {
  return capacity * (sizeof(Event) + sizeof(Memory) + EventCopy(spec).bytes() + state_bytes);
}

EventRing::EventRing(const BrainSpec& spec, std::size_t capacity, std::size_t state_bytes)
    : modalities_(&spec.modalities), events_(capacity) {
  memory_.reserve(capacity);
  for (Event& event : events_) {
    memory_.push_back({EventCopy(spec), std::vector<std::byte>(state_bytes)});
    event.state = memory_.back().state;
    order_.push_back(&event);
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
  event.id = id;
  event.labelled = false;
  event.target = {};  // It is saved, and what the place held before is nobody's business.
  event.observation = memory_[&event - events_.data()].copy.Take(observation);
  return event;
}

void EventRing::SetTarget(Event* event, const Target& target) {
  event->target = memory_[event - events_.data()].copy.Take(target);
  event->labelled = true;
}

void EventRing::PopFront() { Erase(0); }

void EventRing::EraseStep(uint64_t id) {
  for (std::size_t i = 0; i < count_; ++i) {
    if (order_[i]->id == id) return Erase(i);
  }
}

void EventRing::Erase(std::size_t i) {
  GYRUS_CHECK(i < count_);
  std::rotate(order_.begin() + i, order_.begin() + i + 1, order_.begin() + count_);
  --count_;
}

void EventRing::Save(ByteWriter* writer) const {
  writer->Put<uint64_t>(count_);
  for (std::size_t i = 0; i < count_; ++i) {
    const Event& event = *order_[i];
    writer->Put(event.id);
    writer->Put<int64_t>(event.observation.time.count());
    for (const Value& value : event.observation.values) {
      writer->Put<uint8_t>(value.present ? 1 : 0);
      writer->Put(value.symbol);
      writer->PutSpan(value.reals);
      writer->PutSpan(value.pixels);
    }
    writer->Put<uint8_t>(event.labelled ? 1 : 0);
    writer->Put(event.target.symbol);
    writer->PutSpan(event.labelled ? event.target.reals : std::span<const float>());
    writer->PutSpan<std::byte>(event.state);
  }
}

std::size_t EventRing::max_saved_bytes() const {
  const Memory& memory = memory_[0];
  const std::size_t value = 1 + sizeof(uint32_t) + 2 * sizeof(uint64_t);
  const std::size_t event = 2 * sizeof(uint64_t) + modalities_->size() * value +
                            memory.copy.bytes() + 1 + sizeof(uint32_t) + 2 * sizeof(uint64_t) +
                            memory.state.size();
  return sizeof(uint64_t) + events_.size() * event;
}

void EventRing::Restore(const Plan& plan, ByteReader* reader) {
  count_ = 0;
  const uint64_t count = reader->Get<uint64_t>();
  if (count > events_.size()) return reader->Fail();
  std::vector<std::vector<float>> reals(modalities_->size());
  std::vector<std::vector<uint8_t>> pixels(modalities_->size());
  std::vector<Value> values(modalities_->size());
  uint64_t newest = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t id = reader->Get<uint64_t>();
    const std::chrono::nanoseconds time(reader->Get<int64_t>());
    for (std::size_t m = 0; m < modalities_->size(); ++m) {
      values[m].present = reader->Get<uint8_t>() != 0;
      values[m].symbol = reader->Get<uint32_t>();
      values[m].reals = reader->GetVector(&reals[m], (*modalities_)[m].size);
      values[m].pixels = reader->GetVector(
          &pixels[m], std::size_t{(*modalities_)[m].rows} * (*modalities_)[m].columns);
    }
    const Observation observation{.time = time, .values = values};
    if (!reader->ok() || id <= newest || !plan.Check(observation).ok()) return reader->Fail();
    newest = id;
    Event& event = Push(id, observation);
    const bool labelled = reader->Get<uint8_t>() != 0;
    Target target{.symbol = reader->Get<uint32_t>()};
    std::vector<float> outputs;
    target.reals = reader->GetVector(&outputs, memory_[0].copy.outputs());
    if (labelled && !plan.Check(target).ok()) return reader->Fail();
    if (labelled) SetTarget(&event, target);
    reader->GetSpan(event.state);
  }
}

}  // namespace gyrus
