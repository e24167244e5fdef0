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
#include "core/overlay.h"
#include "core/store.h"
#include "core/workspace.h"
#include "learner/learner.h"
#include "runtime/background_learner.h"
#include "runtime/last_target.h"
#include "runtime/output_limits.h"
#include "runtime/session_meter.h"

namespace gyrus {

class Exploration;
class SessionGroup;

// One stream of experience with its recurrent state: a conversation, a flight, a user.
//
//   GYRUS_ASSIGN_OR_RETURN(auto session, runtime->OpenSession({.name = "main"}));
//   GYRUS_ASSIGN_OR_RETURN(uint64_t step, session->Step(observation, want, &prediction));
//   GYRUS_RETURN_IF_ERROR(session->Learn(step, {.symbol = label}));
//
// One thread at a time; inline sessions of one runtime share one thread, others need not. After
// the first step, Step and Learn allocate nothing unless they fail. A step of a session that is
// not inline takes no lock and waits for nobody; nor does its Learn.
class Session {
 public:
  struct Options {
    std::string name = "main";  // Under which its position is saved. Not empty.
    Mode mode = Mode::kInline;
    // Where it begins, as Save gave it; empty: where it was saved under its name, or afresh.
    std::string position = {};
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
  // cannot answer or spans of a wrong size; then nothing has happened. Inline, Unavailable if
  // learning waits for spare blocks that another reader holds; then the step has not come, but its
  // value has been taken as a target and the oldest step of a full window gets no label any more:
  // call again with the same observation.
  absl::StatusOr<uint64_t> Step(const Observation& observation, const Want& want = {},
                                Prediction* prediction = nullptr);

  // Gives a step its target. Returns as Learner::Label does; FailedPrecondition if frozen.
  //
  // Inline, it is learned when this returns; a label behind another that is still awaited is kept
  // and learned in its turn. Unavailable as Step; then the label is kept and waits to be learned:
  // by the same call again, or by any later one. In the background it is told and learned later;
  // what finds no room is dropped and counted, see BackgroundLearner.
  absl::Status Learn(uint64_t step, const Target& target);

  // Where the brain's target is the future of its own stream, teaches the step that waited for this
  // value, unless it holds a gap; Step does so by itself first, so call it only to see the two
  // apart. In the background there is nothing to see apart, and it does nothing. Returns as Step
  // does; FailedPrecondition if frozen.
  absl::Status LearnFrom(const Observation& observation);

  // Takes note of a target without learning it: from here on it is the last known one, as after
  // Learn. What a frozen session does with a target. Returns InvalidArgument as Plan::Check does.
  absl::Status Know(const Target& target);

  // Takes back a step that has no label yet, and with it its mark on the session's state; later
  // steps stay. Returns as Learner::Retract does; in the background Unavailable if it could not be
  // told, and then nothing has happened.
  absl::Status Retract(uint64_t step);

  // Looks at the last step as long as it lives, to sample and search; it pins a snapshot, so keep
  // it short. Returns FailedPrecondition before the first step, unless inline the first since it
  // was opened or changed its mode. The session's other methods must not be called meanwhile.
  absl::StatusOr<Exploration> Explore();

  // A session of another name, not empty, that goes on from here: the same state, no waiting steps.
  absl::StatusOr<std::unique_ptr<Session>> Clone(absl::string_view name);

  // Changes who learns from here on. To inline waits until what was told has been learned; the
  // others wait for nothing: from the background, what was told will still be learned, and a label
  // that is still to come is lost. Ordinary; not real-time safe.
  //
  // Returns FailedPrecondition if other sessions stand in the way (see BackgroundLearner) or the
  // brain is read-only, ResourceExhausted if no reader is free, Unavailable as Learner::RunFor;
  // then the mode is as before. ResourceExhausted, too, if the system has no memory left; then
  // close the session.
  absl::Status SetMode(Mode mode);

  const std::string& name() const { return options_.name; }
  Mode mode() const { return options_.mode; }
  uint64_t steps() const { return last_step_; }

  // What the last step woke: valid until the next call.
  const Activity& activity() const { return *shown_; }

  // The inline learner's account; null in other modes.
  const Learner* learner() const { return learner_.get(); }

  // The background learner's ear; null in other modes.
  const LearningStream* stream() const { return stream_; }

  const SessionMeter& meter() const { return *meter_; }

  // Ends chunks of learning steps early, so that the blocks hold all that was learned; in the
  // background, first waits until everything told is learned.
  absl::Status Settle();

  // Whether they hold all of it already. Inline.
  bool settled() const { return learner_ == nullptr || learner_->settled(); }

  // Zeroes the learner's traces: credit reaches back no further than this. Inline.
  void ForgetTraces() { learner_->ForgetTraces(); }

  // Where the stream stands, for Options::position, in max_position_bytes() at most. In the
  // background: where its learner stands, and nothing must learn meanwhile
  // (BackgroundLearner::Pause).
  void Save(ByteWriter* writer) const;
  std::string Save() const;
  std::size_t max_position_bytes() const;

 private:
  friend class Exploration;
  friend class Runtime;
  friend class Users;
  friend class UserSeat;

  // What a session works on; outlives it.
  struct Ground {
    const Plan* plan;
    Store* store;
    Overlay* overlay;  // Where users' forks are shown; null: the common brain.
    BackgroundLearner* background;
    SessionGroup* group;  // Null without a journal.
    Guard* guard;         // Null unless the brain has one.
    bool read_only;
    bool thread;  // Whether one is to learn in the background.
  };

  Session(const Ground& ground, Options options);

  // Begins, where the stream stood ("": at its beginning). Returns DataLoss for a position that is
  // not this brain's; ResourceExhausted also if its memory is not to be had; as SetMode otherwise.
  static absl::StatusOr<std::unique_ptr<Session>> Open(const Ground& ground, const Options& options,
                                                       absl::string_view position);
  absl::Status Start(absl::string_view position);
  absl::Status MoveTo(absl::string_view position);
  absl::Status StartFrom(const Session& other);
  absl::Status Restore(absl::string_view position, std::unique_ptr<Learner>* learner);
  bool KnowsAFitTarget();
  bool Fits(Learner* learner);
  void ReplayWaiting(Learner* learner);
  absl::Status Prepare(Mode mode);
  absl::Status Enter(Mode mode, std::unique_ptr<Learner> learner);
  absl::Status ChangeMode(Mode mode);
  absl::Status LeaveInline(Mode mode);
  absl::Status TurnInline();
  absl::StatusOr<std::unique_ptr<Learner>> MakeLearner() const;

  absl::Status CheckLearns() const;
  absl::Status CheckWant(const Want& want, const Prediction* prediction) const;
  absl::StatusOr<Observation> Complete(const Observation& observation);
  absl::Status StepOnSnapshot(const Observation& observation, const Want& want,
                              Prediction* prediction);
  absl::Status StepInline(const Observation& observation, const Want& want, Prediction* prediction);
  absl::Status LearnNow(uint64_t step, const Target& target);
  absl::Status TellTarget(uint64_t step, const Target& target);
  absl::Status RetractTold(uint64_t step);
  Event* Waiting(uint64_t step);
  absl::Status RunLearner();
  StepContext Again(const View& view, const Event& event);
  void Serve(const View& view, const Observation& observation, const Want& want,
             Prediction* prediction);
  View PinOrDraft();
  void Unpin();

  const Ground ground_;
  const Plan* const plan_;
  const WorkingCopy copy_;
  Options options_;
  SystemClock clock_;
  std::shared_ptr<SessionMeter> meter_;
  bool inline_ = false;               // Counted among the background learner's inline sessions.
  std::optional<Reader> reader_;      // Unless inline.
  std::unique_ptr<Learner> learner_;  // Inline.
  LearningStream* stream_ = nullptr;  // Background.
  std::vector<std::byte> state_;      // Of this session as it serves.
  // Inline, while every label came before the next step: the learner's state is the session's, and
  // its forward pass serves, so that nothing runs twice.
  bool in_step_ = true;
  Workspace memory_;
  Activity activity_;
  const Activity* shown_;
  uint64_t last_step_ = 0;
  // Unless inline: the steps that may be asked about once more, with the states before them. Frozen
  // the last one, in the background those of the label window.
  std::unique_ptr<EventRing> recent_;
  SnapshotNumber last_snapshot_ = 0;
  LastTarget known_;
  OutputLimits limits_;
  std::vector<Value> values_;
};

// The last step of a session, held still: ask as often as you like. Movable.
//
// The session's thread.
class Exploration {
 public:
  Exploration(Exploration&& other) noexcept;
  ~Exploration();

  // As Session::Step answers, but for output limits: what is explored is not served.
  absl::Status Predict(const Want& want, Prediction* prediction) const;

 private:
  friend class Session;
  Exploration(Session* session, const StepContext& context)
      : session_(session), context_(context) {}

  Session* session_;
  StepContext context_;
};

}  // namespace gyrus
