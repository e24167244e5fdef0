// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "activation/activity.h"
#include "activation/observation.h"
#include "activation/plan.h"
#include "core/bytes.h"
#include "core/clock.h"
#include "core/overlay.h"
#include "core/store.h"
#include "core/workspace.h"
#include "learner/credit.h"
#include "learner/drift_watch.h"
#include "learner/event_ring.h"
#include "learner/learning_meter.h"
#include "learner/plasticity.h"
#include "learner/replay.h"

namespace gyrus {

// The learner of one stream: a second reader of the same events, with a recurrent state of its
// own, which runs them in order, forward and backward, on the draft. Inference never carries what
// only learning needs.
//
// An event is ready once it has its label, or once `label_window` newer steps have come and it can
// get none any more; then only its input is learned from. Events run in the order of their steps,
// so one that still may get its label holds up those behind it.
//
// A step whose label comes before the next step need not run twice: RunAhead runs its forward pass
// when it comes, and learning goes on from there. No bit of any block depends on it.
//
// With replay, stored samples are learned in the commit of each live one, after it.
//
// Thread-compatible: the learner of the store.
class Learner {
 public:
  // What the learner did last.
  struct Outcome {
    uint64_t step = 0;  // The event's id; 0: none yet.
    double loss = 0;    // As Head::Learn of the first head returned it.
  };

  // What the learner did since it was last asked.
  struct Tally {
    uint64_t events = 0;
    uint64_t losses = 0;      // That were finite,
    double loss = 0;          // and their sum.
    uint64_t not_finite = 0;  // Losses.
    uint64_t first_step = 0;  // Of the events.
    uint64_t last_step = 0;
    uint64_t drifts = 0;  // As Counts.
  };

  struct Counts {
    uint64_t learned = 0;     // Events with a label.
    uint64_t unlabelled = 0;  // Events that got none in time.
    uint64_t stalled = 0;     // Times that spare blocks were missing.
    uint64_t woken = 0;       // Regions, over all areas and learned events.
    uint64_t refused = 0;     // Losses not finite; gradients neither that nor of any use.
    uint64_t drifts = 0;      // Times that the loss was found to have risen.
  };

  // `plan` and what `copy` is of must outlive the learner; the store is the plan's. Over a fork
  // areas learn only if they are personal, encoders and routers of sleeping areas not at all, and
  // nothing is replayed or renewed. Returns
  // InvalidArgument if an area's learning spec is out of range.
  static absl::StatusOr<std::unique_ptr<Learner>> Create(const Plan* plan, WorkingCopy copy);

  // What a learner of such a brain takes of memory, to within a few thousandths.
  static uint64_t BytesFor(const Plan& plan);

  // Counts into `meter` from here on.
  void Tell(std::shared_ptr<LearningMeter> meter) { meter_ = std::move(meter); }

  // Says that step `id` is about to come, so that the one that leaves the window gets no label any
  // more. Then run the learner, and Push has room.
  void Close(uint64_t id);

  // Steps up to this one get no label any more.
  uint64_t closed() const { return closed_; }

  // Takes in a step that has passed Plan::Check; the caller fills in the event's state. Ids rise.
  // Requires: Close(id), and nothing ready.
  Event& Push(uint64_t id, const Observation& observation);

  // Gives a step its target. Returns AlreadyExists if it waits with one, OutOfRange if it left the
  // window, InvalidArgument as Plan::Check does.
  absl::Status Label(uint64_t id, const Target& target);

  // Where the brain's target is the future of its own stream: gives the step that waited for this
  // observation, of the coming step `id`, its target. Nothing happens if there is none, if the
  // value has a gap, or if the step was taken back or has its label. Requires: Plan::Check.
  void LabelFromFuture(uint64_t id, const Observation& observation);

  // Takes back a step that has no label yet, as if it had never come. Returns NotFound if it is
  // not waiting, FailedPrecondition if it has its label.
  absl::Status Retract(uint64_t id);

  // Runs ready events until none is left or `budget` is spent (at least one event; Nanos::max():
  // no limit). Returns how many ran. Returns Unavailable if a reader or hold keeps the spare
  // blocks that learning needs; nothing is lost, call again.
  absl::StatusOr<int> RunFor(Nanos budget, const Clock& clock);

  // Whether a ready event waits still, for want of spare blocks or of time.
  bool behind() const { return events_.size() > 0 && Ready(events_.at(0)); }

  // Runs the forward pass of the newest event now, if it is the only one that waits, and returns
  // its context to predict from, or null; runs it again if anybody has written since. Valid until
  // the next call of any other method, or commit. Requires: the event's state is the learner's own
  // from before the step.
  const StepContext* RunAhead();

  // The value that would be that target; null if it is not there to its last element.
  static const Value* TargetIn(const Observation& observation, const BrainSpec& spec);

  // Takes RunAhead back: the state is as before that step.
  void StepBack();

  // How Label and Retract refuse; for whoever must say so in the learner's place.
  static absl::Status NoLabelAnyMore(uint64_t id, const BrainSpec& spec);
  static absl::Status HasLabel(uint64_t id);
  static absl::Status NotWaiting(uint64_t id);
  static absl::Status NotToBeTakenBack(uint64_t id);

  // Forgets where credit could reach back to, because steps have gone missing: traces are zero
  // from here on, and chunks begin anew without what they held.
  void ForgetTraces();

  // Begins the watch of drift anew, at the common rates: what it has seen was not the world.
  void ForgetDrift();

  // Ends every area's chunk of steps early, so that the blocks hold all that was learned. Returns
  // as RunFor does.
  absl::Status FinishChunks();

  // Whether the blocks hold all that was learned: no chunk has begun.
  bool settled() const;

  // Events that wait.
  EventRing& events() { return events_; }
  const EventRing& events() const { return events_; }

  // The learner's recurrent state, (state_bytes,): after the last event that ran, RunAhead
  // included.
  std::span<std::byte> state() { return state_; }

  // All that is not blocks: state, traces, waiting events. Restore leaves the reader not ok() if
  // the bytes are of another brain.
  void Save(ByteWriter* writer) const;
  void Restore(ByteReader* reader);

  // The most that Save writes.
  std::size_t max_saved_bytes() const;

  const Outcome& last() const { return last_; }
  Tally TakeTally() { return std::exchange(tally_, {}); }
  Counts counts() const;
  const Activity& activity() const { return activity_; }

 private:
  Learner(const Plan* plan, WorkingCopy copy);

  bool Ready(const Event& event) const;
  void ForwardAhead(const Event& event);
  absl::Status Run(Event* event);
  absl::Status AddProtections();
  void LearnLabelled(const Event& event, Commit* commit);
  double LearnLesson(const StepContext& context, const Lesson& lesson, Commit* commit);
  void Rehearse(Lesson* lesson, Commit* commit);
  void WatchDrift();
  void SetRates();
  absl::Status OutOfSpares();

  const Plan* plan_;
  WorkingCopy copy_;
  EventRing events_;
  std::vector<std::byte> state_;
  Workspace memory_;
  Activity activity_;
  StepContext context_;
  std::vector<std::unique_ptr<AreaCredit>> credits_;       // By area; null where it learns nothing.
  std::vector<AreaCredit*> taught_;                        // Those that are not null.
  std::unique_ptr<Replay> replay_;                         // Null without.
  std::vector<std::unique_ptr<Plasticity>> plasticities_;  // By area; null without.
  bool senses_ = false;                                    // Any area weighs sensitivity.
  uint64_t closed_ = 0;                                    // Ids up to here get no label any more.
  uint64_t ahead_ = 0;  // The event whose forward pass activity_ holds; 0: none.
  uint64_t ahead_commits_ = 0;
  Outcome last_;
  Tally tally_;
  DriftWatch drift_;
  Counts counts_;
  std::shared_ptr<LearningMeter> meter_ = std::make_shared<LearningMeter>();
};

}  // namespace gyrus
