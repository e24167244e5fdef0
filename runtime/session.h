// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "activation/observation.h"
#include "activation/plan.h"
#include "core/clock.h"
#include "core/store.h"
#include "core/workspace.h"
#include "learner/learner.h"

namespace gyrus {

class Exploration;
class SessionGroup;

// Who learns, and when.
enum class Mode : uint8_t {
  kFrozen,  // Nobody: outputs depend on the snapshot and this session's state alone.
  kInline,  // This session, within Learn; deterministic in the order of calls.
};

// One stream of experience with its recurrent state: a conversation, a flight, a user.
//
//   GYRUS_ASSIGN_OR_RETURN(auto session, runtime->OpenSession({.name = "main"}));
//   GYRUS_ASSIGN_OR_RETURN(uint64_t step, session->Step(observation, want, &prediction));
//   GYRUS_RETURN_IF_ERROR(session->Learn(step, {.symbol = label}));
//
// One thread at a time; inline sessions of one runtime share one thread, frozen ones do not. After
// the first step, Step and Learn allocate nothing unless they fail.
class Session {
 public:
  struct Options {
    std::string name = "main";  // Under which its position is saved. Not empty.
    Mode mode = Mode::kInline;
  };

  // What a session takes of memory, to within a few thousandths.
  static uint64_t BytesFor(const Plan& plan, Mode mode);

  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // One input in, one prediction out; returns the step's id, which rises by 1. Where the brain's
  // target is the future of its own stream, first teaches the step that waited for this value.
  // The modality that carries the last known label is the session's to fill in.
  //
  // Returns InvalidArgument for a value that does not fit, and for a wish that the first head
  // cannot answer or spans of a wrong size; then nothing has happened. Unavailable if learning
  // waits for spare blocks that another reader holds; then the step has not come, but its value
  // has been taken as a target and the oldest step of a full window gets no label any more: call
  // again with the same observation.
  absl::StatusOr<uint64_t> Step(const Observation& observation, const Want& want = {},
                                Prediction* prediction = nullptr);

  // Gives a step its target. Returns as Learner::Label does; FailedPrecondition if frozen. A label
  // behind another that is still awaited is kept and learned in its turn. Unavailable as Step;
  // then the label is kept and waits to be learned: by the same call again, or by any later one.
  absl::Status Learn(uint64_t step, const Target& target);

  // Where the brain's target is the future of its own stream, teaches the step that waited for this
  // value, unless it holds a gap; Step does so by itself first, so call it only to see the two
  // apart. Returns as Step does; FailedPrecondition if frozen.
  absl::Status LearnFrom(const Observation& observation);

  // Takes note of a target without learning it: from here on it is the last known one, as after
  // Learn. What a frozen session does with a target. Returns InvalidArgument as Plan::Check does.
  absl::Status Know(const Target& target);

  // Takes back a step that has no label yet, and with it its mark on the session's state; later
  // steps stay. Returns as Learner::Retract does.
  absl::Status Retract(uint64_t step);

  // Looks at the last step as long as it lives, to sample and search; it pins a snapshot, so keep
  // it short. Returns FailedPrecondition before the first step, if frozen the first since it was
  // opened. The session's other methods must not be called meanwhile.
  absl::StatusOr<Exploration> Explore();

  // A session of another name that goes on from here: the same state, no waiting steps.
  absl::StatusOr<std::unique_ptr<Session>> Clone(absl::string_view name);

  const std::string& name() const { return options_.name; }
  Mode mode() const { return options_.mode; }
  uint64_t steps() const { return last_step_; }

  // What the last step woke: valid until the next call.
  const Activity& activity() const { return *shown_; }

  // The learner's account; null if frozen.
  const Learner* learner() const { return learner_.get(); }

  // Ends chunks of learning steps early, so that the blocks hold all that was learned.
  absl::Status Settle();

  // Whether they hold all of it already.
  bool settled() const { return learner_ == nullptr || learner_->settled(); }

  // Where the stream stands, for saving, in max_position_bytes() at most; and back, in a new
  // session. Restore returns DataLoss for bytes that Save of the same brain did not write; then
  // the session is of no use.
  void Save(ByteWriter* writer) const;
  std::string Save() const;
  std::size_t max_position_bytes() const;
  absl::Status Restore(absl::string_view position);

 private:
  friend class Exploration;
  friend class Runtime;

  // `group`: null without a journal.
  Session(const Plan* plan, Store* store, SessionGroup* group, Options options);

  // Returns ResourceExhausted if its memory is not to be had, and as Learner::Create does.
  static absl::StatusOr<std::unique_ptr<Session>> Open(const Plan* plan, Store* store,
                                                       SessionGroup* group, const Options& options);
  absl::Status Start();
  absl::Status CheckLearns() const;
  absl::Status CheckWant(const Want& want, const Prediction* prediction) const;
  absl::StatusOr<Observation> Complete(const Observation& observation);
  absl::Status LearnFromFuture(const Observation& observation);
  bool KnowsAFitLabel();
  bool LearnerFits();
  void Remember(const Target& target);
  absl::Status RunLearner();
  StepContext Again(const View& view, const Event& event);
  void Serve(const View& view, const Observation& observation, const Want& want,
             Prediction* prediction);

  const Plan* plan_;
  Store* store_;
  SessionGroup* group_;
  Options options_;
  SystemClock clock_;
  std::optional<Reader> reader_;      // Frozen.
  std::unique_ptr<Learner> learner_;  // Inline.
  std::vector<std::byte> state_;      // Of this session as it serves.
  // While every label came before the next step, the learner's state is the session's, and its
  // forward pass serves: nothing runs twice.
  bool in_step_ = true;
  Workspace memory_;
  Activity activity_;
  const Activity* shown_;
  uint64_t last_step_ = 0;
  // For Explore: the last step once more.
  EventRing last_;
  SnapshotNumber last_snapshot_ = 0;
  // The label that was known last, for last_target_modality.
  bool has_label_ = false;
  uint32_t label_ = 0;
  std::vector<float> label_reals_;  // Empty unless that modality is one of reals.
  std::vector<Value> values_;
};

// The last step of a session, held still: ask as often as you like. Movable.
//
// The session's thread.
class Exploration {
 public:
  Exploration(Exploration&& other) noexcept;
  ~Exploration();

  // As Session::Step answers.
  absl::Status Predict(const Want& want, Prediction* prediction) const;

 private:
  friend class Session;
  Exploration(Session* session, const StepContext& context)
      : session_(session), context_(context) {}

  Session* session_;
  StepContext context_;
};

}  // namespace gyrus
