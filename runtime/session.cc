// SPDX-License-Identifier: Apache-2.0
// How a session steps and learns; how it begins, is saved and changes its mode: session_mode.cc.
#include "runtime/session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/status_macros.h"
#include "runtime/session_group.h"

namespace gyrus {

absl::Status Session::CheckLearns() const {
  if (options_.mode != Mode::kFrozen) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("session \"", options_.name, "\" is frozen and does not learn"));
}

absl::Status Session::CheckWant(const Want& want, const Prediction* prediction) const {
  const HeadSpec& head = plan_->spec().heads[0];
  if (want.kind == Want::Kind::kNothing) return absl::OkStatus();
  if (prediction == nullptr) {
    return absl::InvalidArgumentError("a wish needs a prediction to be answered in");
  }
  if ((want.kind == Want::Kind::kReals) != (head.classes == 0)) {
    return absl::InvalidArgumentError(absl::StrCat("head \"", head.name, "\" predicts ",
                                                   head.classes == 0 ? "reals" : "symbols",
                                                   ", which was not asked for"));
  }
  if (want.kind == Want::Kind::kSymbol && want.symbol >= head.classes) {
    return absl::InvalidArgumentError(absl::StrCat("head \"", head.name, "\" has ", head.classes,
                                                   " classes, got class ", want.symbol));
  }
  if (want.kind == Want::Kind::kDistribution && prediction->distribution.size() != head.classes) {
    return absl::InvalidArgumentError(absl::StrCat("a distribution of ", head.classes,
                                                   " classes is asked for in room for ",
                                                   prediction->distribution.size()));
  }
  if (want.kind == Want::Kind::kReals &&
      (prediction->mean.size() != head.outputs || prediction->variance.size() != head.outputs)) {
    return absl::InvalidArgumentError(
        absl::StrCat("mean and variance of ", head.outputs, " outputs are asked for in room for ",
                     prediction->mean.size(), " and ", prediction->variance.size()));
  }
  return absl::OkStatus();
}

// The observation with the last known label in its place.
absl::StatusOr<Observation> Session::Complete(const Observation& observation) {
  const BrainSpec& spec = plan_->spec();
  if (observation.values.size() != values_.size()) {
    return plan_->Check(observation);
  }
  std::copy(observation.values.begin(), observation.values.end(), values_.begin());
  for (std::size_t m = 0; m < values_.size(); ++m) {
    if (spec.modalities[m].name == spec.last_target_modality) values_[m] = known_.value();
  }
  const Observation complete{.time = observation.time, .values = values_};
  GYRUS_RETURN_IF_ERROR(plan_->Check(complete));
  return complete;
}

absl::Status Session::RunLearner() {
  GYRUS_RETURN_IF_ERROR(ground_.guard == nullptr
                            ? learner_->RunFor(Nanos::max(), clock_).status()
                            : ground_.guard->Run(options_.name, learner_.get(), clock_));
  const bool whole = ground_.guard == nullptr || !ground_.guard->pending();
  if (ground_.group != nullptr && whole) ground_.group->AfterCommit();
  return absl::OkStatus();
}

absl::Status Session::LearnFrom(const Observation& given) {
  GYRUS_RETURN_IF_ERROR(CheckLearns());
  GYRUS_ASSIGN_OR_RETURN(const Observation observation, Complete(given));
  if (options_.mode == Mode::kBackground) return absl::OkStatus();
  learner_->LabelFromFuture(last_step_ + 1, observation);
  const Nanos begin = clock_.Now();
  GYRUS_RETURN_IF_ERROR(RunLearner());
  meter_->learn.Record(clock_.Now() - begin);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Session::Step(const Observation& given, const Want& want,
                                       Prediction* prediction) {
  const bool sampled = meter_->step.Due();
  const bool timed = sampled || want.within > Nanos(0);
  const Nanos begin = timed ? clock_.Now() : Nanos(0);
  GYRUS_RETURN_IF_ERROR(CheckWant(want, prediction));
  GYRUS_ASSIGN_OR_RETURN(const Observation observation, Complete(given));
  GYRUS_RETURN_IF_ERROR(options_.mode == Mode::kInline
                            ? StepInline(observation, want, prediction)
                            : StepOnSnapshot(observation, want, prediction));
  if (want.kind == Want::Kind::kReals) limits_.Apply(prediction->mean);
  // relaxed: counts that others look at.
  meter_->steps.store(last_step_, std::memory_order_relaxed);
  meter_->Count(*shown_);
  if (!timed) return last_step_;
  const Nanos took = clock_.Now() - begin;
  if (sampled) meter_->step.Record(took);
  const bool late = want.within > Nanos(0) && took > want.within;
  if (late) meter_->deadlines_missed.fetch_add(1, std::memory_order_relaxed);
  if (prediction != nullptr) prediction->late = late;
  return last_step_;
}

absl::Status Session::StepOnSnapshot(const Observation& observation, const Want& want,
                                     Prediction* prediction) {
  const uint64_t step = last_step_ + 1;
  if (recent_->full()) recent_->PopFront();
  std::copy(state_.begin(), state_.end(), recent_->Push(step, observation).state.begin());
  const View view = PinOrDraft();
  last_snapshot_ = view.number();
  Serve(view, observation, want, prediction);
  Unpin();
  meter_->served.store(last_snapshot_, std::memory_order_relaxed);
  last_step_ = step;
  if (stream_ == nullptr) return absl::OkStatus();
  const bool told = stream_->TellStep(step, observation);
  // From here on the learner gives that step its target by itself, if there is one.
  const uint64_t next = plan_->spec().target_next;
  if (!told || next == 0 || step <= next) return absl::OkStatus();
  if (Learner::TargetIn(observation, plan_->spec()) == nullptr) return absl::OkStatus();
  if (Event* const taught = recent_->Find(step - next); taught != nullptr) taught->labelled = true;
  return absl::OkStatus();
}

absl::Status Session::StepInline(const Observation& observation, const Want& want,
                                 Prediction* prediction) {
  learner_->LabelFromFuture(last_step_ + 1, observation);
  GYRUS_RETURN_IF_ERROR(RunLearner());
  // Events that this step pushes out of the window are run before it comes.
  learner_->Close(last_step_ + 1);
  GYRUS_RETURN_IF_ERROR(RunLearner());
  if (in_step_ && learner_->events().size() > 0) {
    // A label is late: from here on the session serves from a state of its own.
    std::copy(learner_->state().begin(), learner_->state().end(), state_.begin());
    in_step_ = false;
  }
  Event& event = learner_->Push(last_step_ + 1, observation);
  ++last_step_;
  if (in_step_) {
    std::copy(learner_->state().begin(), learner_->state().end(), event.state.begin());
    const StepContext* const context = learner_->RunAhead();
    plan_->heads()[0]->Predict(*context, want, prediction);
    shown_ = context->activity;
    return absl::OkStatus();
  }
  std::copy(state_.begin(), state_.end(), event.state.begin());
  Serve(copy_.view(), event.observation, want, prediction);
  return absl::OkStatus();
}

void Session::Serve(const View& view, const Observation& observation, const Want& want,
                    Prediction* prediction) {
  const StepContext context{.view = view, .activity = &activity_, .state = state_.data()};
  plan_->Forward(context, observation);
  if (prediction != nullptr) plan_->heads()[0]->Predict(context, want, prediction);
  shown_ = &activity_;
}

absl::Status Session::Learn(uint64_t step, const Target& target) {
  GYRUS_RETURN_IF_ERROR(CheckLearns());
  const bool timed = meter_->learn.Due();
  const Nanos begin = timed ? clock_.Now() : Nanos(0);
  GYRUS_RETURN_IF_ERROR(options_.mode == Mode::kInline ? LearnNow(step, target)
                                                       : TellTarget(step, target));
  if (timed) meter_->learn.Record(clock_.Now() - begin);
  return absl::OkStatus();
}

absl::Status Session::LearnNow(uint64_t step, const Target& target) {
  const absl::Status status = learner_->Label(step, target);
  // After Unavailable the label is there already and waits to be learned.
  if (absl::IsAlreadyExists(status) && learner_->behind()) return RunLearner();
  GYRUS_RETURN_IF_ERROR(status);
  known_.Remember(target);
  return RunLearner();
}

// The step within the label window, or null: the learner closes steps by their ids, while the ring
// keeps so many of them, whatever was taken back between.
Event* Session::Waiting(uint64_t step) {
  return step + plan_->spec().label_window <= last_step_ ? nullptr : recent_->Find(step);
}

// Refuses what the learner would refuse, so that the caller hears of it.
absl::Status Session::TellTarget(uint64_t step, const Target& target) {
  GYRUS_RETURN_IF_ERROR(plan_->Check(target));
  Event* const event = Waiting(step);
  if (event == nullptr) return Learner::NoLabelAnyMore(step, plan_->spec());
  if (event->labelled) return Learner::HasLabel(step);
  event->labelled = true;
  known_.Remember(target);
  stream_->TellTarget(step, target);
  return absl::OkStatus();
}

absl::Status Session::Know(const Target& target) {
  GYRUS_RETURN_IF_ERROR(plan_->Check(target));
  known_.Remember(target);
  return absl::OkStatus();
}

absl::Status Session::Retract(uint64_t step) {
  if (options_.mode == Mode::kFrozen) {
    return absl::FailedPreconditionError(
        absl::StrCat("session \"", options_.name, "\" is frozen and keeps no steps"));
  }
  EventRing& events = options_.mode == Mode::kInline ? learner_->events() : *recent_;
  Event* const event = events.Find(step);
  const bool waits = event != nullptr && !event->labelled;
  const bool rebuild = waits && !(options_.mode == Mode::kInline && in_step_);
  if (options_.mode == Mode::kBackground) GYRUS_RETURN_IF_ERROR(RetractTold(step));
  if (rebuild) std::copy(event->state.begin(), event->state.end(), state_.begin());
  if (options_.mode == Mode::kInline) {
    GYRUS_RETURN_IF_ERROR(learner_->Retract(step));
  } else {
    events.EraseStep(step);
  }
  if (!rebuild) return absl::OkStatus();
  const View view = PinOrDraft();
  for (std::size_t i = 0; i < events.size(); ++i) {
    Event& later = events.at(i);
    if (later.id < step) continue;
    std::copy(state_.begin(), state_.end(), later.state.begin());
    Serve(view, later.observation, {}, nullptr);
  }
  Unpin();
  return absl::OkStatus();
}

absl::Status Session::RetractTold(uint64_t step) {
  const Event* const event = Waiting(step);
  if (event == nullptr) return Learner::NotWaiting(step);
  if (event->labelled) return Learner::NotToBeTakenBack(step);
  if (stream_->TellRetract(step)) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("step ", step, " cannot be taken back now: ", stream_->waiting(),
                   " experiences wait for the learner, and there is no room for more"));
}

View Session::PinOrDraft() { return reader_.has_value() ? reader_->Pin() : copy_.view(); }

void Session::Unpin() {
  if (reader_.has_value()) reader_->Unpin();
}

absl::StatusOr<Exploration> Session::Explore() {
  if (last_step_ == 0) return absl::FailedPreconditionError("there is no step to explore yet");
  EventRing& events = options_.mode == Mode::kInline ? learner_->events() : *recent_;
  const bool there = events.size() > 0 && events.at(events.size() - 1).id == last_step_;
  if (!there && options_.mode == Mode::kInline) {
    return absl::FailedPreconditionError(
        absl::StrCat("step ", last_step_, " has been learned or taken back; explore before that"));
  }
  if (!there) {
    return absl::FailedPreconditionError(absl::StrCat("there is no step to explore since ",
                                                      SessionMeter::Name(options_.mode),
                                                      " session \"", options_.name, "\" began"));
  }
  Event& last = events.at(events.size() - 1);
  if (options_.mode == Mode::kInline) {
    if (in_step_) return Exploration(this, *learner_->RunAhead());
    return Exploration(this, Again(copy_.view(), last));
  }
  const View view = PinOrDraft();
  if (view.number() != last_snapshot_) {
    last_snapshot_ = view.number();
    return Exploration(this, Again(view, last));
  }
  return Exploration(this, {.view = view, .activity = &activity_, .state = state_.data()});
}

// Runs a step's forward pass once more, on what the brain knows now.
StepContext Session::Again(const View& view, const Event& event) {
  std::copy(event.state.begin(), event.state.end(), state_.begin());
  const StepContext context{.view = view, .activity = &activity_, .state = state_.data()};
  plan_->Forward(context, event.observation);
  return context;
}

Exploration::Exploration(Exploration&& other) noexcept
    : session_(std::exchange(other.session_, nullptr)), context_(other.context_) {}

Exploration::~Exploration() {
  if (session_ != nullptr) session_->Unpin();
}

absl::Status Exploration::Predict(const Want& want, Prediction* prediction) const {
  GYRUS_RETURN_IF_ERROR(session_->CheckWant(want, prediction));
  session_->plan_->heads()[0]->Predict(context_, want, prediction);
  return absl::OkStatus();
}

}  // namespace gyrus
