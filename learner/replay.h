// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "activation/activity.h"
#include "activation/lesson.h"
#include "activation/plan.h"
#include "core/rng.h"
#include "core/store.h"
#include "core/workspace.h"
#include "learner/event_ring.h"
#include "learner/sample_codec.h"

namespace gyrus {

// A small memory of samples, of every class alike, that are learned again beside live ones:
//
//   replay.Prepare(&lesson);                        // Of the live sample.
//   ... learn it ...
//   for (uint32_t i = 0; i < replay.per_step(); ++i) {
//     if (replay.Recall(i, &lesson)) ... learn replay.context() by the lesson ...
//   }
//   replay.Keep(event, &commit);
//
// Which samples it keeps: class-balanced reservoir sampling (Chrysakis and Moens, "Online continual
// learning from imbalanced data", 2020). While there is room, each; then one of a class that has
// never been the largest takes the place of one of the largest, and one of the others, the n-th of
// its class, that of one of the m of its class with the chance m / n. So each class holds as many
// as there is room for, and each sample of a class has had the same chance.
//
// Reals are kept in one byte each (SampleCodec) at the scale of the first kSettle samples offered,
// which are not kept themselves.
//
// All it knows is blocks, every choice is drawn from the brain's seed and their counts: what it
// does depends on the blocks and the order of events alone.
//
// Thread-compatible: the learner's. Real-time safe but its creation.
class Replay {
 public:
  static constexpr uint32_t kSettle = 100;

  // Requires: plan->replay(). `plan` and `store` must outlive it.
  Replay(const Plan* plan, Store* store);

  // What one takes of memory, to within a few thousandths.
  static uint64_t BytesFor(const Plan& plan);

  // Stored samples to be learned beside a live one; 0 if nothing of the brain learns from them.
  uint32_t per_step() const { return per_step_; }

  // Adds to the lesson of a live sample what replay asks of it.
  void Prepare(Lesson* lesson) noexcept;

  // Draws a stored sample, the `draw`-th of this step, runs it forward, and writes its lesson.
  // Returns false if none is there yet. The lesson holds until the next call.
  bool Recall(uint32_t draw, Lesson* lesson) noexcept;
  const StepContext& context() const { return context_; }

  // As StepContext::rate_factor, of context(); 1 at first.
  void set_rate_factor(float factor) { context_.rate_factor = factor; }

  // Takes a live sample in, or not. Requires: its lesson was prepared and learned.
  void Keep(const Event& event, Commit* commit) noexcept;

 private:
  // Where the index keeps what; see ReplayTables.
  struct Index {
    uint32_t* counts;
    uint32_t* held;
    uint8_t* full;
    uint8_t* classes;

    uint32_t* offered() const { return counts; }
    uint32_t* items() const { return counts + 2; }
    uint32_t* offered(uint32_t label) const { return counts + 4 + 4 * label; }
    uint32_t* last(uint32_t label) const { return counts + 6 + 4 * label; }
  };

  Index IndexOf(std::byte* block) const noexcept;
  Index ReadIndex() const noexcept;  // Not to be written through.
  const BlockLayout& layout(uint32_t table) const { return plan_->tables()[table].spec.layout; }
  SampleScales Scales() const noexcept;
  bool Settle(const Observation& observation, Commit* commit) const noexcept;
  uint32_t PlaceFor(uint32_t label, Rng* rng, const Index& index) const noexcept;
  uint32_t AnyOf(uint32_t label, Rng* rng, const Index& index) const noexcept;
  void Write(const Event& event, uint32_t item, Commit* commit) noexcept;

  const Plan* plan_;
  Store* store_;
  const ReplaySpec& spec_;
  const ReplayTables& tables_;
  uint32_t classes_;
  uint32_t per_step_;
  SampleCodec codec_;
  std::vector<uint8_t> rivals_;    // (classes,) or empty.
  std::vector<float> logits_now_;  // (classes,) or empty.
  std::vector<std::byte> state_;   // (state_bytes,)
  Workspace memory_;
  Activity activity_;
  StepContext context_;
};

}  // namespace gyrus
