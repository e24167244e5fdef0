// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/activity.h"
#include "activation/lesson.h"
#include "activation/plan.h"
#include "core/store.h"
#include "core/workspace.h"
#include "learner/region_updates.h"

namespace gyrus {

// Walks one area backwards over a chunk of steps and learns. A learner owns one per area:
//
//   // Each learning step: forward on the draft, every gradient zeroed, heads have learnt.
//   for (std::size_t a = 0; a < areas; ++a) credits[a]->Record(activity.areas[a]);
//   for (std::size_t a = areas; a-- > 0;) {
//     if (credits[a]->full()) credits[a]->Backward(&commit);
//   }
//
// For an area with gates g_k, regions' outputs y_k and L the loss of the chunk, a woken region gets
// dL/dy_k = g_k gradient + gradients_k, and its router dL/dg_k = gradient . y_k. What reaches the
// area's input is added to the gradients of the areas that it reads, and dropped at encoders. A
// region's error is carried back over the steps at which it slept, as its state was, and ends
// at the chunk's beginning, where its trace, if any, takes it further.
//
// A frozen area learns only routes; past it goes only the residual's gradient.
//
// With chunks of one step nothing is copied: Record keeps the activity's spans, and Backward must
// come before the next forward step. Memory is taken by Create: per step of a longer chunk an
// AreaActivity, and per region its trace. Blocks are written only where an error arrives.
//
// One thread, the learner's. Record and Backward are real-time safe. Not movable.
class AreaCredit {
 public:
  // `areas` are the plan's and `earlier` the credits of those before `index`, null for areas that
  // do not learn here; both must outlive it. accumulators: the table of AccumulatorLayout of the
  // area's weights; not read for SGD. Returns InvalidArgument for a learning spec out of range, or
  // if a chunk differs from that of an area that it must hand gradients to.
  static absl::StatusOr<std::unique_ptr<AreaCredit>> Create(
      std::span<const AreaPlan> areas, uint32_t index,
      std::span<const std::unique_ptr<AreaCredit>> earlier, uint32_t accumulators);

  // What one takes of memory, but for what its optimiser collects.
  static uint64_t BytesFor(const AreaPlan& plan);

  AreaCredit(const AreaCredit&) = delete;
  AreaCredit& operator=(const AreaCredit&) = delete;

  // Notes one step, asleep or not. Requires: !full().
  void Record(const AreaActivity& activity) noexcept;

  // Whether the chunk is complete.
  bool full() const { return steps_ == chunk_; }

  // Whether a chunk has begun: what its steps taught is in no block yet.
  bool begun() const { return steps_ > 0; }

  // Walks back over what is recorded (at the end of a stream, less than a chunk), updates the
  // woken regions' blocks and the router's, advances traces, and begins a new chunk.
  // Requires: the areas that read this one have gone before. What was replayed teaches weights, and
  // routers their scores, but founds nothing; of the answer's sensitivity only importance takes
  // note.
  void Backward(Commit* commit, Lesson::Kind kind = Lesson::Kind::kLive) noexcept;

  // A factor of the regions' learning rate from the next walk on; 1 at first.
  void set_rate_factor(float factor) {
    if (updates_ != nullptr) updates_->set_rate_factor(factor);
  }

  // Begins a new chunk without what is recorded, and zeroes the traces: steps have gone missing.
  void Forget() noexcept;

  // Whether nothing is recorded: the last chunk has been learned.
  bool empty() const { return steps_ == 0; }

  // Whether gradients that reach this area's output are of use.
  bool takes_gradient() const { return takes_gradient_; }

  // dL/d output of recorded step `step`, to be added to; (outputs,).
  std::span<float> gradient(std::size_t step) { return records_[step].gradient; }

  // (regions, trace_floats): the session's, to be saved with it; empty without a trace.
  std::span<float> traces() { return traces_; }

  // The most steps that a walk goes over, and so the factor of what one commit may write.
  uint32_t chunk() const { return chunk_; }

  // Gradients refused since creation because they were not finite.
  int64_t refused() const { return updates_ == nullptr ? 0 : updates_->refused(); }

 private:
  // Woken regions of a chunk are numbered step * woken + k.
  static constexpr uint32_t kNone = ~uint32_t{0};

  AreaCredit(const AreaPlan* plan, uint32_t accumulators);

  absl::Status Connect(std::span<const AreaPlan> areas,
                       std::span<const std::unique_ptr<AreaCredit>> earlier);
  static std::size_t RecordBytes(const AreaPlan& plan);
  void TakeMemory();
  void Copy(const AreaActivity& from, AreaActivity* to) const noexcept;
  void WalkRegions(Commit* commit, Lesson::Kind kind) noexcept;
  void WalkRegion(uint32_t last, Commit* commit, Lesson::Kind kind) noexcept;
  RegionBlocks Blocks(uint32_t region, std::byte* weights, Commit* commit) const noexcept;
  void StepBack(uint32_t entry, const std::byte* weights, const float* traces) noexcept;
  void AdvanceTraces(std::size_t count, const std::byte* weights, uint32_t region) noexcept;
  void CarryOverSleep(uint32_t entry, std::span<float> rows) const noexcept;
  void PassOn() noexcept;
  void LearnRoutes(Commit* commit) noexcept;

  bool ErrorReaches(std::size_t count) const noexcept;
  std::span<float> GradientOfOutput(uint32_t entry) const noexcept;  // gradients_k of an entry.
  const float* TapeOf(uint32_t entry) const noexcept;
  std::span<float> TracesOf(uint32_t region) noexcept;  // Empty without.
  const Woken& WokenAt(uint32_t entry) const noexcept {
    return records_[entry / width_].woken[entry % width_];
  }

  const AreaPlan& plan_;
  const uint32_t accumulators_;
  const uint32_t width_;  // Most regions woken at a step.
  uint32_t chunk_ = 1;
  bool takes_gradient_ = false;
  bool learns_routes_ = false;  // From gradients of gates.
  bool traces_errors_ = false;

  std::vector<AreaCredit*> sources_;  // By source of the plan; null: gradients are dropped.
  bool passes_on_ = false;            // Any of sources_ is not null.
  std::unique_ptr<RegionUpdates> updates_;

  std::unique_ptr<Workspace> memory_;  // Of records_, for chunks of more than one step.
  std::vector<AreaActivity> records_;  // (chunk,)
  uint32_t steps_ = 0;                 // How many are recorded.
  std::vector<uint32_t> newest_;       // (regions,) the region's last entry in the chunk.
  std::vector<uint32_t> previous_;     // (chunk * woken,) its entry before, by entry.
  std::vector<uint32_t> chain_;        // (chunk,) the entries of one region, newest first.
  std::vector<float> traces_;          // (regions, trace_floats)
  std::vector<float> dstate_;          // (state_floats,)
  std::vector<float> dy_;              // (outputs,)
  std::vector<float> dx_;              // (chunk, inputs)
  std::vector<float> dgates_;          // (woken,)
};

}  // namespace gyrus
