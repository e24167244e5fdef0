// SPDX-License-Identifier: Apache-2.0
#include "runtime/experience_ring.h"

#include "core/check.h"

namespace gyrus {

ExperienceRing::ExperienceRing(const BrainSpec& spec, std::size_t slots) {
  GYRUS_CHECK(slots > 0);
  slots_.reserve(slots);
  for (std::size_t i = 0; i < slots; ++i) slots_.push_back({EventCopy(spec), {}});
}

bool ExperienceRing::full() const noexcept {
  // acquire: what the consumer read of a slot is done before it is written again.
  return pushed_.load(std::memory_order_relaxed) - popped_.load(std::memory_order_acquire) ==
         slots_.size();
}

void ExperienceRing::Push(const Experience& experience) noexcept {
  GYRUS_DCHECK(!full());
  const uint64_t pushed = pushed_.load(std::memory_order_relaxed);
  Slot& slot = slots_[pushed % slots_.size()];
  slot.experience = experience;
  if (experience.kind == Experience::Kind::kStep) {
    slot.experience.observation = slot.copy.Take(experience.observation);
  } else if (experience.kind == Experience::Kind::kTarget) {
    slot.experience.target = slot.copy.Take(experience.target);
  }
  pushed_.store(pushed + 1, std::memory_order_release);  // Pairs with front.
}

const Experience* ExperienceRing::front() const noexcept {
  const uint64_t popped = popped_.load(std::memory_order_relaxed);
  if (pushed_.load(std::memory_order_acquire) == popped) return nullptr;
  return &slots_[popped % slots_.size()].experience;
}

void ExperienceRing::Pop() noexcept {
  GYRUS_DCHECK(front() != nullptr);
  popped_.store(popped_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
}

std::size_t ExperienceRing::size() const noexcept {
  // Popped first: it never passes what was pushed by then.
  const uint64_t popped = popped_.load(std::memory_order_acquire);
  return pushed_.load(std::memory_order_acquire) - popped;
}

}  // namespace gyrus
