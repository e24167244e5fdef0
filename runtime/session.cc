// SPDX-License-Identifier: Apache-2.0
#include "runtime/session.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/status_macros.h"
#include "runtime/memory.h"
#include "runtime/session_group.h"

namespace gyrus {
namespace {

constexpr uint64_t kMostSteps = uint64_t{1} << 62;  // So that ids cannot wrap.
constexpr std::size_t kKept = 2;                    // Steps, for Explore.

// Whether a value is there to its last element.
bool IsWhole(const Value& value) {
  return value.present && std::none_of(value.reals.begin(), value.reals.end(),
                                       [](float x) { return std::isnan(x); });
}

}  // namespace

uint64_t Session::BytesFor(const Plan& plan, Mode mode) {
  const uint64_t serves = plan.state_bytes() + plan.activity_bytes(Plan::For::kInference) +
                          EventRing::BytesFor(plan.spec(), kKept, plan.state_bytes());
  return mode == Mode::kFrozen ? serves : serves + Learner::BytesFor(plan);
}

Session::Session(const Plan* plan, Store* store, SessionGroup* group, Options options)
    : plan_(plan),
      store_(store),
      group_(group),
      options_(std::move(options)),
      state_(plan->state_bytes()),
      memory_(plan->activity_bytes(Plan::For::kInference)),
      activity_(plan->MakeActivity(Plan::For::kInference, &memory_)),
      shown_(&activity_),
      last_(plan->spec(), kKept, plan->state_bytes()),
      values_(plan->spec().modalities.size()) {}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(const Plan* plan, Store* store,
                                                       SessionGroup* group,
                                                       const Options& options) {
  std::unique_ptr<Session> session;
  GYRUS_RETURN_IF_ERROR(WithinMemory([&] {
    session.reset(new Session(plan, store, group, options));
    return session->Start();
  }));
  return session;
}

Session::~Session() {
  if (learner_ != nullptr && group_ != nullptr) group_->Remove(this);
}

absl::Status Session::Start() {
  for (const ModalitySpec& modality : plan_->spec().modalities) {
    if (modality.name == plan_->spec().last_target_modality &&
        modality.kind == ModalityKind::kReals) {
      label_reals_.resize(modality.size);
    }
  }
  if (options_.mode == Mode::kFrozen) {
    GYRUS_ASSIGN_OR_RETURN(reader_, store_->OpenReader());
    return absl::OkStatus();
  }
  GYRUS_ASSIGN_OR_RETURN(learner_, Learner::Create(plan_, store_));
  if (group_ != nullptr) group_->Add(this);
  return absl::OkStatus();
}

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
    if (spec.modalities[m].name == spec.last_target_modality) {
      values_[m] = {.present = has_label_, .symbol = label_, .reals = label_reals_};
    }
  }
  const Observation complete{.time = observation.time, .values = values_};
  GYRUS_RETURN_IF_ERROR(plan_->Check(complete));
  return complete;
}

// Where the target of a step is this value `target_next` steps later, it is known now. A value with
// a gap is no target, and there is nothing to teach if the step was taken back or has its label.
absl::Status Session::LearnFromFuture(const Observation& observation) {
  const BrainSpec& spec = plan_->spec();
  if (spec.target_next == 0 || last_step_ < spec.target_next) return absl::OkStatus();
  const uint64_t step = last_step_ + 1 - spec.target_next;
  for (std::size_t m = 0; m < values_.size(); ++m) {
    const Value& value = observation.values[m];
    if (spec.modalities[m].name != spec.target_modality || !IsWhole(value)) continue;
    const Event* const event = learner_->events().Find(step);
    if (event == nullptr || event->labelled) continue;
    const absl::Status status =
        learner_->Label(step, {.symbol = value.symbol, .reals = value.reals});
    // The window may be shorter than the wait.
    if (!absl::IsOutOfRange(status)) GYRUS_RETURN_IF_ERROR(status);
  }
  return RunLearner();
}

absl::Status Session::LearnFrom(const Observation& given) {
  GYRUS_RETURN_IF_ERROR(CheckLearns());
  GYRUS_ASSIGN_OR_RETURN(const Observation observation, Complete(given));
  return LearnFromFuture(observation);
}

absl::Status Session::RunLearner() {
  GYRUS_RETURN_IF_ERROR(learner_->RunFor(Nanos::max(), clock_).status());
  if (group_ != nullptr) group_->AfterCommit();
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> Session::Step(const Observation& given, const Want& want,
                                       Prediction* prediction) {
  GYRUS_RETURN_IF_ERROR(CheckWant(want, prediction));
  GYRUS_ASSIGN_OR_RETURN(const Observation observation, Complete(given));
  if (options_.mode == Mode::kFrozen) {
    if (last_.size() > 0) last_.PopFront();
    std::memcpy(last_.Push(last_step_ + 1, observation).state.data(), state_.data(), state_.size());
    const View view = reader_->Pin();
    last_snapshot_ = view.number();
    Serve(view, observation, want, prediction);
    reader_->Unpin();
    return ++last_step_;
  }
  GYRUS_RETURN_IF_ERROR(LearnFromFuture(observation));
  // Events that this step pushes out of the window are run before it comes.
  learner_->Close(last_step_ + 1);
  GYRUS_RETURN_IF_ERROR(RunLearner());
  if (in_step_ && learner_->events().size() > 0) {
    // A label is late: from here on the session serves from a state of its own.
    std::memcpy(state_.data(), learner_->state().data(), state_.size());
    in_step_ = false;
  }
  Event& event = learner_->Push(last_step_ + 1, observation);
  ++last_step_;
  if (in_step_) {
    std::memcpy(event.state.data(), learner_->state().data(), state_.size());
    const StepContext* const context = learner_->RunAhead();
    plan_->heads()[0]->Predict(*context, want, prediction);
    shown_ = context->activity;
    return last_step_;
  }
  std::memcpy(event.state.data(), state_.data(), state_.size());
  Serve(store_->Draft(), event.observation, want, prediction);
  return last_step_;
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
  const absl::Status status = learner_->Label(step, target);
  // After Unavailable the label is there already and waits to be learned.
  if (absl::IsAlreadyExists(status) && learner_->behind()) return RunLearner();
  GYRUS_RETURN_IF_ERROR(status);
  Remember(target);
  return RunLearner();
}

absl::Status Session::Know(const Target& target) {
  GYRUS_RETURN_IF_ERROR(plan_->Check(target));
  Remember(target);
  return absl::OkStatus();
}

void Session::Remember(const Target& target) {
  has_label_ = true;
  label_ = target.symbol;
  if (label_reals_.size() == target.reals.size()) {
    std::copy(target.reals.begin(), target.reals.end(), label_reals_.begin());
  }
}

absl::Status Session::Retract(uint64_t step) {
  if (options_.mode == Mode::kFrozen) {
    return absl::FailedPreconditionError(
        absl::StrCat("session \"", options_.name, "\" is frozen and keeps no steps"));
  }
  EventRing& events = learner_->events();
  Event* const event = events.Find(step);
  const bool rebuild = event != nullptr && !event->labelled && !in_step_;
  if (rebuild) std::memcpy(state_.data(), event->state.data(), state_.size());
  GYRUS_RETURN_IF_ERROR(learner_->Retract(step));
  if (!rebuild) return absl::OkStatus();
  for (std::size_t i = 0; i < events.size(); ++i) {
    Event& later = events.at(i);
    if (later.id < step) continue;
    std::memcpy(later.state.data(), state_.data(), state_.size());
    Serve(store_->Draft(), later.observation, {}, nullptr);
  }
  return absl::OkStatus();
}

absl::StatusOr<Exploration> Session::Explore() {
  if (last_step_ == 0) return absl::FailedPreconditionError("there is no step to explore yet");
  if (options_.mode == Mode::kInline) {
    EventRing& events = learner_->events();
    const bool waits = events.size() > 0 && events.at(events.size() - 1).id == last_step_;
    if (!waits) {
      return absl::FailedPreconditionError(absl::StrCat(
          "step ", last_step_, " has been learned or taken back; explore before that"));
    }
    if (in_step_) return Exploration(this, *learner_->RunAhead());
    return Exploration(this, Again(store_->Draft(), events.at(events.size() - 1)));
  }
  if (last_.size() == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "there is no step to explore yet since frozen session \"", options_.name, "\" was opened"));
  }
  const View view = reader_->Pin();
  if (view.number() != last_snapshot_) {
    last_snapshot_ = view.number();
    return Exploration(this, Again(view, last_.at(0)));
  }
  return Exploration(this, {.view = view, .activity = &activity_, .state = state_.data()});
}

// Runs a step's forward pass once more, on what the brain knows now.
StepContext Session::Again(const View& view, const Event& event) {
  std::memcpy(state_.data(), event.state.data(), state_.size());
  const StepContext context{.view = view, .activity = &activity_, .state = state_.data()};
  plan_->Forward(context, event.observation);
  return context;
}

absl::StatusOr<std::unique_ptr<Session>> Session::Clone(absl::string_view name) {
  GYRUS_ASSIGN_OR_RETURN(
      std::unique_ptr<Session> clone,
      Open(plan_, store_, group_, {.name = std::string(name), .mode = options_.mode}));
  const std::byte* const state =
      learner_ != nullptr && in_step_ ? learner_->state().data() : state_.data();
  std::memcpy(clone->state_.data(), state, state_.size());
  if (clone->learner_ != nullptr) {
    std::memcpy(clone->learner_->state().data(), state, state_.size());
  }
  clone->has_label_ = has_label_;
  clone->label_ = label_;
  clone->label_reals_ = label_reals_;
  return clone;
}

absl::Status Session::Settle() {
  return learner_ == nullptr ? absl::OkStatus() : learner_->FinishChunks();
}

std::string Session::Save() const {
  ByteWriter writer;
  Save(&writer);
  return writer.bytes();
}

std::size_t Session::max_position_bytes() const {
  constexpr std::size_t kFixed = 64;  // Numbers and lengths.
  return kFixed + label_reals_.size() * sizeof(float) + state_.size() +
         (learner_ == nullptr ? 0 : learner_->max_saved_bytes());
}

void Session::Save(ByteWriter* writer) const {
  writer->Put(last_step_);
  writer->Put<uint8_t>(in_step_ ? 1 : 0);
  writer->Put<uint8_t>(has_label_ ? 1 : 0);
  writer->Put(label_);
  writer->PutSpan<float>(label_reals_);
  const bool serves = learner_ == nullptr || !in_step_;
  writer->PutSpan<std::byte>(serves ? std::span<const std::byte>(state_)
                                    : std::span<const std::byte>(learner_->state()));
  writer->Put<uint8_t>(learner_ != nullptr ? 1 : 0);
  if (learner_ != nullptr) learner_->Save(writer);
}

// Whether the last known label is one that a step may carry.
bool Session::KnowsAFitLabel() {
  const std::vector<Value> nothing_else(values_.size());
  return Complete({.values = nothing_else}).ok();
}

// Whether what a learner restored can be of this session: nothing is of a step to come, and in step
// at most one event waits, with the learner just before it.
bool Session::LearnerFits() {
  const EventRing& events = learner_->events();
  if (learner_->closed() > last_step_) return false;
  if (events.size() == 0) return true;
  if (events.at(events.size() - 1).id > last_step_) return false;
  if (!in_step_) return true;
  const std::span<const std::byte> before = events.at(0).state;
  return events.size() == 1 && std::equal(before.begin(), before.end(), learner_->state().begin());
}

absl::Status Session::Restore(absl::string_view position) {
  ByteReader reader(position);
  last_step_ = reader.Get<uint64_t>();
  in_step_ = reader.Get<uint8_t>() != 0;
  has_label_ = reader.Get<uint8_t>() != 0;
  label_ = reader.Get<uint32_t>();
  reader.GetSpan<float>(label_reals_);
  reader.GetSpan<std::byte>(state_);
  if (last_step_ > kMostSteps || !KnowsAFitLabel()) reader.Fail();
  const bool has_learner = reader.Get<uint8_t>() != 0;
  if (learner_ != nullptr && has_learner) {
    learner_->Restore(&reader);
    if (!reader.done() || !LearnerFits()) reader.Fail();
    if (reader.ok() && in_step_) learner_->RunAhead();
  } else if (learner_ != nullptr) {
    std::memcpy(learner_->state().data(), state_.data(), state_.size());
  }
  if (reader.ok()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the saved position of session \"", options_.name,
                                          "\" does not fit this brain"));
}

Exploration::Exploration(Exploration&& other) noexcept
    : session_(std::exchange(other.session_, nullptr)), context_(other.context_) {}

Exploration::~Exploration() {
  if (session_ != nullptr && session_->reader_.has_value()) session_->reader_->Unpin();
}

absl::Status Exploration::Predict(const Want& want, Prediction* prediction) const {
  GYRUS_RETURN_IF_ERROR(session_->CheckWant(want, prediction));
  session_->plan_->heads()[0]->Predict(context_, want, prediction);
  return absl::OkStatus();
}

}  // namespace gyrus
