// SPDX-License-Identifier: Apache-2.0
// How a session begins, is saved, and changes who learns.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/status_macros.h"
#include "runtime/memory.h"
#include "runtime/position.h"
#include "runtime/session.h"
#include "runtime/session_group.h"

namespace gyrus {
namespace {

constexpr uint64_t kMostSteps = uint64_t{1} << 62;  // So that ids cannot wrap.

// Steps kept by a session that is not inline.
std::size_t Kept(const BrainSpec& spec, Mode mode) {
  return mode == Mode::kFrozen ? 1 : spec.label_window;
}

}  // namespace

uint64_t Session::BytesFor(const Plan& plan, Mode mode) {
  uint64_t bytes = plan.state_bytes() + plan.activity_bytes(Plan::For::kInference);
  if (mode != Mode::kFrozen) bytes += Learner::BytesFor(plan);
  if (mode != Mode::kInline) {
    bytes += EventRing::BytesFor(plan.spec(), Kept(plan.spec(), mode), plan.state_bytes());
  }
  return bytes;
}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(const Ground& ground, const Options& options,
                                                       absl::string_view position) {
  std::unique_ptr<Session> session;
  GYRUS_RETURN_IF_ERROR(WithinMemory([&] {
    session.reset(new Session(ground, options));
    return session->Start(position);
  }));
  return session;
}

Session::Session(const Ground& ground, Options options)
    : ground_(ground),
      plan_(ground.plan),
      copy_(ground.store, ground.overlay),
      options_(std::move(options)),
      meter_(new SessionMeter{.name = options_.name,
                              .woken = std::vector<std::atomic<uint64_t>>(plan_->areas().size())}),
      state_(plan_->state_bytes()),
      memory_(plan_->activity_bytes(Plan::For::kInference)),
      activity_(plan_->MakeActivity(Plan::For::kInference, &memory_)),
      shown_(&activity_),
      known_(plan_->spec()),
      limits_(plan_->spec().heads[0]),
      values_(plan_->spec().modalities.size()) {}

Session::~Session() {
  if (stream_ != nullptr) ground_.background->Close(stream_);
  if (learner_ != nullptr && ground_.group != nullptr) ground_.group->Remove(this);
  if (learner_ != nullptr && ground_.guard != nullptr) ground_.guard->Remove(learner_.get());
  if (inline_) ground_.background->ReleaseInline();
}

absl::StatusOr<std::unique_ptr<Learner>> Session::MakeLearner() const {
  GYRUS_ASSIGN_OR_RETURN(std::unique_ptr<Learner> learner, Learner::Create(plan_, copy_));
  learner->Tell(std::shared_ptr<LearningMeter>(meter_, &meter_->learning));
  std::copy(state_.begin(), state_.end(), learner->state().begin());
  return learner;
}

absl::Status Session::Start(absl::string_view position) {
  GYRUS_RETURN_IF_ERROR(Prepare(options_.mode));
  std::unique_ptr<Learner> learner;
  if (!position.empty()) GYRUS_RETURN_IF_ERROR(Restore(position, &learner));
  if (learner == nullptr && options_.mode != Mode::kFrozen) {
    GYRUS_ASSIGN_OR_RETURN(learner, MakeLearner());
  }
  return Enter(options_.mode, std::move(learner));
}

// Goes on where another stream stood when it was saved, in the same mode. A frozen session makes a
// learner to read what one has saved, and drops it.
// After an error the session stands nowhere: move it again before any step.
absl::Status Session::MoveTo(absl::string_view position) {
  std::unique_ptr<Learner> learner = std::move(learner_);
  const absl::Status status = Restore(position, &learner);
  if (options_.mode == Mode::kInline) learner_ = std::move(learner);
  GYRUS_RETURN_IF_ERROR(status);
  limits_ = OutputLimits(plan_->spec().heads[0]);
  if (recent_ != nullptr) recent_->Clear();
  for (AreaActivity& area : activity_.areas) area.awake = area.routed = false;
  shown_ = &activity_;
  if (learner_ != nullptr && in_step_) learner_->RunAhead();
  return absl::OkStatus();
}

// What a mode needs before its session may look at the blocks.
absl::Status Session::Prepare(Mode mode) {
  if (mode != Mode::kFrozen && ground_.read_only) {
    return absl::FailedPreconditionError(absl::StrCat("the brain is open read-only: session \"",
                                                      options_.name, "\" must be frozen"));
  }
  if (copy_.forked() && mode == Mode::kBackground) {
    return absl::FailedPreconditionError("a user's fork learns inline, or not at all");
  }
  // Over a fork even a frozen one looks at the newest blocks, and not at a snapshot.
  if (mode == Mode::kInline || copy_.forked()) {
    GYRUS_RETURN_IF_ERROR(ground_.background->AdmitInline());
    inline_ = true;
  } else {
    GYRUS_ASSIGN_OR_RETURN(reader_, ground_.store->OpenReader());
  }
  return absl::OkStatus();
}

// Requires: Prepare(mode). `learner` stands where the session does; null if frozen.
absl::Status Session::Enter(Mode mode, std::unique_ptr<Learner> learner) {
  if (mode == Mode::kInline) {
    learner_ = std::move(learner);
    recent_.reset();
    if (in_step_) learner_->RunAhead();
    if (ground_.group != nullptr) ground_.group->Add(this);
    if (ground_.guard != nullptr) ground_.guard->Add(learner_.get());
  } else {
    recent_ =
        std::make_unique<EventRing>(plan_->spec(), Kept(plan_->spec(), mode), plan_->state_bytes());
  }
  if (mode == Mode::kBackground) {
    learner->StepBack();
    EventRing& waiting = learner->events();
    for (std::size_t i = 0; i < waiting.size(); ++i) {
      if (recent_->full()) recent_->PopFront();
      Event& event = recent_->Push(waiting.at(i).id, waiting.at(i).observation);
      event.labelled = waiting.at(i).labelled;
      std::copy(waiting.at(i).state.begin(), waiting.at(i).state.end(), event.state.begin());
    }
    GYRUS_ASSIGN_OR_RETURN(
        stream_, ground_.background->Open(options_.name, std::move(learner), last_step_, known_));
    if (ground_.thread) ground_.background->Start();
  }
  options_.mode = mode;
  meter_->mode.store(mode, std::memory_order_relaxed);
  if (mode == Mode::kInline) meter_->served.store(0, std::memory_order_relaxed);
  return absl::OkStatus();
}

// Serves from the learner's state after the steps that still wait for their label.
void Session::ReplayWaiting(Learner* learner) {
  EventRing& events = learner->events();
  std::copy(learner->state().begin(), learner->state().end(), state_.begin());
  in_step_ = events.size() <= 1;
  const View view = PinOrDraft();
  for (std::size_t i = 0; i < events.size(); ++i) {
    std::copy(state_.begin(), state_.end(), events.at(i).state.begin());
    Serve(view, events.at(i).observation, {}, nullptr);
  }
  Unpin();
}

absl::Status Session::SetMode(Mode mode) {
  if (mode == options_.mode) return absl::OkStatus();
  if (copy_.forked()) {
    return absl::FailedPreconditionError("a user's seat keeps its mode: open another one");
  }
  return WithinMemory([&] { return ChangeMode(mode); });
}

absl::Status Session::ChangeMode(Mode mode) {
  if (options_.mode == Mode::kInline) return LeaveInline(mode);
  if (mode == Mode::kInline) return TurnInline();
  if (mode == Mode::kFrozen) {
    ground_.background->Close(std::exchange(stream_, nullptr));
    return Enter(mode, nullptr);
  }
  if (ground_.read_only) return Prepare(mode);
  GYRUS_ASSIGN_OR_RETURN(std::unique_ptr<Learner> learner, MakeLearner());
  return Enter(mode, std::move(learner));
}

absl::Status Session::LeaveInline(Mode mode) {
  GYRUS_RETURN_IF_ERROR(Settle());
  // Both before anything changes: a reader for the new mode, and whether others learn inline too.
  GYRUS_ASSIGN_OR_RETURN(Reader reader, ground_.store->OpenReader());
  if (mode == Mode::kBackground) {
    GYRUS_RETURN_IF_ERROR(ground_.background->CheckAlone(options_.name));
  }
  if (in_step_) std::copy(learner_->state().begin(), learner_->state().end(), state_.begin());
  if (ground_.group != nullptr) ground_.group->Remove(this);
  if (ground_.guard != nullptr) ground_.guard->Remove(learner_.get());
  ground_.background->ReleaseInline();
  inline_ = false;
  reader_ = std::move(reader);
  return Enter(mode, mode == Mode::kFrozen ? nullptr : std::move(learner_));
}

absl::Status Session::TurnInline() {
  if (options_.mode == Mode::kFrozen) {
    GYRUS_ASSIGN_OR_RETURN(std::unique_ptr<Learner> learner, MakeLearner());
    GYRUS_RETURN_IF_ERROR(Prepare(Mode::kInline));
    reader_.reset();
    in_step_ = true;
    return Enter(Mode::kInline, std::move(learner));
  }
  GYRUS_ASSIGN_OR_RETURN(std::unique_ptr<Learner> learner, ground_.background->TurnInline(stream_));
  stream_ = nullptr;
  inline_ = true;
  reader_.reset();
  ReplayWaiting(learner.get());
  return Enter(Mode::kInline, std::move(learner));
}

absl::StatusOr<std::unique_ptr<Session>> Session::Clone(absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("a session needs a name");
  std::unique_ptr<Session> clone;
  GYRUS_RETURN_IF_ERROR(WithinMemory([&] {
    clone.reset(new Session(ground_, {.name = std::string(name), .mode = options_.mode}));
    return clone->StartFrom(*this);
  }));
  return clone;
}

absl::Status Session::StartFrom(const Session& other) {
  GYRUS_RETURN_IF_ERROR(Prepare(options_.mode));
  const std::span<const std::byte> state = other.learner_ != nullptr && other.in_step_
                                               ? other.learner_->state()
                                               : std::span<const std::byte>(other.state_);
  std::copy(state.begin(), state.end(), state_.begin());
  known_ = other.known_;
  std::unique_ptr<Learner> learner;
  if (options_.mode != Mode::kFrozen) {
    GYRUS_ASSIGN_OR_RETURN(learner, MakeLearner());
  }
  return Enter(options_.mode, std::move(learner));
}

absl::Status Session::Settle() {
  // What it told before it was frozen may still wait.
  if (options_.mode == Mode::kFrozen) return ground_.background->Finish(options_.name);
  if (options_.mode == Mode::kInline) {
    // First, for what a chunk holds may be of the window that is taken back.
    if (ground_.guard != nullptr) GYRUS_RETURN_IF_ERROR(ground_.guard->Finish());
    return learner_->FinishChunks();
  }
  return ground_.background->Settle(stream_);
}

std::string Session::Save() const {
  ByteWriter writer;
  Save(&writer);
  return writer.bytes();
}

void Session::Save(ByteWriter* writer) const {
  if (stream_ != nullptr) return BackgroundLearner::SavePosition(*stream_, writer);
  const bool own = learner_ != nullptr && !in_step_;
  const std::span<const std::byte> state =
      learner_ != nullptr && in_step_ ? learner_->state() : std::span<const std::byte>(state_);
  Position::Save(last_step_, own ? Position::Serves::kFromOwn : Position::Serves::kFromLearners,
                 known_, state, learner_.get(), writer);
}

std::size_t Session::max_position_bytes() const {
  return Position::MaxBytes(known_, state_.size(), learner_.get());
}

// Whether what a learner restored can be of this session: nothing is of a step to come, and in step
// at most one event waits, with the learner just before it.
bool Session::Fits(Learner* learner) {
  EventRing& events = learner->events();
  if (learner->closed() > last_step_) return false;
  if (events.size() == 0) return true;
  if (events.at(events.size() - 1).id > last_step_) return false;
  if (!in_step_) return true;
  const std::span<const std::byte> before = events.at(0).state;
  return events.size() == 1 && std::equal(before.begin(), before.end(), learner->state().begin());
}

// Whether the last known target is one that a step may carry.
bool Session::KnowsAFitTarget() {
  const std::vector<Value> nothing_else(values_.size());
  return Complete({.values = nothing_else}).ok();
}

absl::Status Session::Restore(absl::string_view position, std::unique_ptr<Learner>* learner) {
  ByteReader reader(position);
  last_step_ = reader.Get<uint64_t>();
  const auto serves = static_cast<Position::Serves>(reader.Get<uint8_t>());
  known_.Restore(&reader);
  const bool replays = serves == Position::Serves::kFromReplay;
  reader.GetSpan<std::byte>(replays ? std::span<std::byte>() : std::span<std::byte>(state_));
  in_step_ = serves == Position::Serves::kFromLearners;
  if (last_step_ > kMostSteps || !KnowsAFitTarget()) reader.Fail();
  if (reader.Get<uint8_t>() != 0) {
    if (*learner == nullptr) {
      GYRUS_ASSIGN_OR_RETURN(*learner, MakeLearner());
    }
    (*learner)->Restore(&reader);
    if (!reader.done() || !Fits(learner->get())) reader.Fail();
    if (reader.ok() && replays) ReplayWaiting(learner->get());
  } else if (!in_step_) {
    reader.Fail();
  }
  if (serves > Position::Serves::kFromReplay) reader.Fail();
  if (reader.done()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the saved position of session \"", options_.name,
                                          "\" does not fit this brain"));
}

}  // namespace gyrus
