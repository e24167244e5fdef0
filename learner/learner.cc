// SPDX-License-Identifier: Apache-2.0
#include "learner/learner.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

// Events, one more than the window: before the step that closes the oldest, that one is still
// there.
std::size_t Capacity(const BrainSpec& spec) { return spec.label_window + std::size_t{1}; }

}  // namespace

absl::StatusOr<std::unique_ptr<Learner>> Learner::Create(const Plan* plan, WorkingCopy copy) {
  std::unique_ptr<Learner> learner(new Learner(plan, copy));
  for (uint32_t a = 0; a < plan->areas().size(); ++a) {
    if (copy.forked() && !plan->areas()[a].spec.learning.personal) {
      learner->credits_.emplace_back();
      continue;
    }
    auto credit = AreaCredit::Create(plan->areas(), a, learner->credits_,
                                     plan->areas()[a].accumulators_table);
    if (!credit.ok()) return credit.status();
    learner->taught_.push_back(credit->get());
    learner->credits_.push_back(*std::move(credit));
  }
  if (!copy.forked()) GYRUS_RETURN_IF_ERROR(learner->AddProtections());
  return learner;
}

absl::Status Learner::AddProtections() {
  if (plan_->replay().has_value()) replay_ = std::make_unique<Replay>(plan_, copy_.store());
  const AreaPlan* other = nullptr;  // A trained area that does not weigh sensitivity.
  for (uint32_t a = 0; a < plan_->areas().size(); ++a) {
    const AreaPlan& area = plan_->areas()[a];
    const bool learns = area.cell->shape().learns;
    const AreaLearningSpec& spec = area.spec.learning;
    const bool senses = learns && spec.importance.kind == ImportanceKind::kMas;
    senses_ = senses_ || senses;
    if (learns && !senses) other = &area;
    plasticities_.emplace_back();
    if (spec.plasticity.rho == 0.0F) continue;
    GYRUS_ASSIGN_OR_RETURN(plasticities_.back(), Plasticity::Create(plan_, a));
  }
  if (!senses_ || other == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("area \"", other->spec.name,
                   "\".learning.importance must be MAS as well: the answer's sensitivity comes "
                   "through every trained area or none"));
}

uint64_t Learner::BytesFor(const Plan& plan) {
  uint64_t bytes = EventRing::BytesFor(plan.spec(), Capacity(plan.spec()), plan.state_bytes()) +
                   plan.state_bytes() + plan.activity_bytes(Plan::For::kLearning);
  for (const AreaPlan& area : plan.areas()) {
    bytes += AreaCredit::BytesFor(area);
    if (area.spec.learning.plasticity.rho != 0.0F) bytes += Plasticity::BytesFor(area);
  }
  if (plan.replay().has_value()) bytes += Replay::BytesFor(plan);
  return bytes;
}

Learner::Learner(const Plan* plan, WorkingCopy copy)
    : plan_(plan),
      copy_(copy),
      events_(plan->spec(), Capacity(plan->spec()), plan->state_bytes()),
      state_(plan->state_bytes()),
      memory_(plan->activity_bytes(Plan::For::kLearning)),
      activity_(plan->MakeActivity(Plan::For::kLearning, &memory_)),
      context_{.view = copy.view(), .activity = &activity_, .state = state_.data()},
      drift_(plan->spec().drift) {}

void Learner::Close(uint64_t id) {
  const uint64_t window = plan_->spec().label_window;
  if (id > window) closed_ = std::max(closed_, id - window);
}

Event& Learner::Push(uint64_t id, const Observation& observation) {
  GYRUS_CHECK(!events_.full());
  return events_.Push(id, observation);
}

absl::Status Learner::Label(uint64_t id, const Target& target) {
  GYRUS_RETURN_IF_ERROR(plan_->Check(target));
  Event* const event = events_.Find(id);
  if (event != nullptr && event->labelled) return HasLabel(id);
  if (event == nullptr || id <= closed_) return NoLabelAnyMore(id, plan_->spec());
  events_.SetTarget(event, target);
  return absl::OkStatus();
}

void Learner::LabelFromFuture(uint64_t id, const Observation& observation) {
  const BrainSpec& spec = plan_->spec();
  if (spec.target_next == 0 || id <= spec.target_next) return;
  Event* const event = events_.Find(id - spec.target_next);
  // The window may be shorter than the wait.
  if (event == nullptr || event->labelled || event->id <= closed_) return;
  const Value* const value = TargetIn(observation, spec);
  if (value == nullptr) return;
  events_.SetTarget(event, {.symbol = value->symbol, .reals = value->reals});
}

const Value* Learner::TargetIn(const Observation& observation, const BrainSpec& spec) {
  for (std::size_t m = 0; m < spec.modalities.size(); ++m) {
    if (spec.modalities[m].name != spec.target_modality) continue;
    const Value& value = observation.values[m];
    const bool gap =
        std::any_of(value.reals.begin(), value.reals.end(), [](float x) { return std::isnan(x); });
    return value.present && !gap ? &value : nullptr;
  }
  return nullptr;
}

absl::Status Learner::Retract(uint64_t id) {
  const Event* const event = events_.Find(id);
  if (event == nullptr) return NotWaiting(id);
  if (event->labelled) return NotToBeTakenBack(id);
  if (ahead_ == id) StepBack();
  events_.EraseStep(id);
  return absl::OkStatus();
}

absl::Status Learner::HasLabel(uint64_t id) {
  return absl::AlreadyExistsError(absl::StrCat("step ", id, " already has its label"));
}

absl::Status Learner::NoLabelAnyMore(uint64_t id, const BrainSpec& spec) {
  return absl::OutOfRangeError(absl::StrCat(
      "step ", id, " gets no label any more: label_window is ", spec.label_window, " steps"));
}

absl::Status Learner::NotWaiting(uint64_t id) {
  return absl::NotFoundError(absl::StrCat("step ", id, " is not waiting to be learned"));
}

absl::Status Learner::NotToBeTakenBack(uint64_t id) {
  return absl::FailedPreconditionError(
      absl::StrCat("step ", id, " has its label and cannot be taken back"));
}

void Learner::StepBack() {
  if (ahead_ == 0) return;
  // What ran ahead is the only event that waits.
  std::copy(events_.at(0).state.begin(), events_.at(0).state.end(), state_.begin());
  ahead_ = 0;
}

bool Learner::Ready(const Event& event) const { return event.labelled || event.id <= closed_; }

const StepContext* Learner::RunAhead() {
  if (events_.size() != 1) return nullptr;
  ForwardAhead(events_.at(0));
  return &context_;
}

void Learner::ForwardAhead(const Event& event) {
  if (ahead_ == event.id) {
    if (ahead_commits_ == copy_.commits()) return;
    // Somebody else has changed the draft since; what was run ahead no longer holds.
    std::copy(event.state.begin(), event.state.end(), state_.begin());
  }
  plan_->Forward(context_, event.observation);
  ahead_ = event.id;
  ahead_commits_ = copy_.commits();
}

absl::StatusOr<int> Learner::RunFor(Nanos budget, const Clock& clock) {
  // Without a limit there is no need for the time.
  const bool limited = budget != Nanos::max();
  const Nanos end = limited ? clock.Now() + budget : Nanos::max();
  int ran = 0;
  while (events_.size() > 0 && Ready(events_.at(0))) {
    GYRUS_RETURN_IF_ERROR(Run(&events_.at(0)));
    events_.PopFront();
    ++ran;
    if (limited && clock.Now() >= end) break;
  }
  return ran;
}

absl::Status Learner::OutOfSpares() {
  ++counts_.stalled;
  return absl::UnavailableError(
      "learning waits for spare blocks that an open reader or a hold still needs");
}

absl::Status Learner::Run(Event* event) {
  const bool ahead = ahead_ == event->id;
  if (ahead) ForwardAhead(*event);
  std::optional<Commit> commit = copy_.TryBegin(plan_->writes_per_step());
  if (!commit.has_value()) return OutOfSpares();
  // Only now, so that a step that must wait for spares leaves the state as it was.
  if (!ahead) {
    // What a sample is kept with: the state that this very step began from.
    if (replay_ != nullptr) std::copy(state_.begin(), state_.end(), event->state.begin());
    plan_->Forward(context_, event->observation);
  }
  if (event->labelled) {
    LearnLabelled(*event, &*commit);
    last_.step = event->id;
    ++counts_.learned;
    meter_->Learned(last_.loss);
    if (std::isfinite(last_.loss)) {
      ++tally_.losses;
      tally_.loss += last_.loss;
      if (drift_.on()) WatchDrift();
    } else {
      ++tally_.not_finite;
    }
  } else {
    ++counts_.unlabelled;
    LearningMeter::Add(&meter_->unlabelled, uint64_t{1});
  }
  if (!copy_.forked()) plan_->LearnInputs(context_, event->observation, &*commit);
  if (tally_.events++ == 0) tally_.first_step = event->id;
  tally_.last_step = event->id;
  ahead_ = 0;
  return absl::OkStatus();
}

void Learner::WatchDrift() {
  if (drift_.Add(last_.loss)) {
    ++counts_.drifts;
    ++tally_.drifts;
    LearningMeter::Add(&meter_->drifts, uint64_t{1});
  }
  SetRates();
}

void Learner::SetRates() {
  context_.rate_factor = drift_.rate_factor();
  if (replay_ != nullptr) replay_->set_rate_factor(context_.rate_factor);
  for (AreaCredit* const credit : taught_) credit->set_rate_factor(context_.rate_factor);
}

void Learner::LearnLabelled(const Event& event, Commit* commit) {
  for (const AreaActivity& area : activity_.areas) {
    if (area.awake) counts_.woken += area.woken.size();
  }
  if (senses_) LearnLesson(context_, {.kind = Lesson::Kind::kSensitivity}, commit);
  Lesson lesson = {.target = event.target};
  if (replay_ != nullptr) replay_->Prepare(&lesson);
  last_.loss = LearnLesson(context_, lesson, commit);
  for (std::size_t a = 0; a < plasticities_.size(); ++a) {
    if (plasticities_[a] == nullptr || !credits_[a]->empty()) continue;
    const uint64_t renewed = plasticities_[a]->Keep(activity_.areas[a], commit);
    if (renewed > 0) LearningMeter::Add(&meter_->renewed, renewed);
  }
  if (replay_ == nullptr) return;
  Rehearse(&lesson, commit);
  replay_->Keep(event, commit);
}

void Learner::Rehearse(Lesson* lesson, Commit* commit) {
  const bool tells = std::holds_alternative<SoftmaxHeadSpec>(plan_->spec().heads[0].kind);
  for (uint32_t i = 0; i < replay_->per_step(); ++i) {
    if (!replay_->Recall(i, lesson)) continue;
    const double loss = LearnLesson(replay_->context(), *lesson, commit);
    if (tells) meter_->Replayed(loss);
  }
}

// Heads first, then areas from the last to the first, so that each has the error of those above
// before it learns. Returns the first head's loss.
double Learner::LearnLesson(const StepContext& context, const Lesson& lesson, Commit* commit) {
  std::vector<AreaActivity>& areas = context.activity->areas;
  for (AreaActivity& area : areas) {
    std::fill(area.gradient.begin(), area.gradient.end(), 0.0F);
    std::fill(area.gradients.begin(), area.gradients.end(), 0.0F);
  }
  double first = 0.0;
  Lesson of_head = lesson;
  for (std::size_t h = 0; h < plan_->heads().size(); ++h) {
    const double loss = plan_->heads()[h]->LearnLesson(context, of_head, commit);
    if (h == 0) first = loss;
    if (!std::isfinite(loss)) ++counts_.refused;
    // Stored logits are those of the first head that has any.
    if (!std::holds_alternative<SoftmaxHeadSpec>(plan_->spec().heads[h].kind)) continue;
    of_head.logits_now = {};
    of_head.logits_then = {};
  }
  counts_.refused += std::exchange(context.activity->refused, 0);
  for (std::size_t a = 0; a < credits_.size(); ++a) {
    if (credits_[a] != nullptr) credits_[a]->Record(areas[a]);
  }
  for (std::size_t a = credits_.size(); a-- > 0;) {
    if (credits_[a] != nullptr && credits_[a]->full()) credits_[a]->Backward(commit, lesson.kind);
  }
  return first;
}

absl::Status Learner::FinishChunks() {
  if (taught_.empty()) return absl::OkStatus();
  std::optional<Commit> commit = copy_.TryBegin(plan_->writes_per_step());
  if (!commit.has_value()) return OutOfSpares();
  for (auto credit = taught_.rbegin(); credit != taught_.rend(); ++credit) {
    (*credit)->Backward(&*commit);
  }
  return absl::OkStatus();
}

bool Learner::settled() const {
  return std::none_of(taught_.begin(), taught_.end(),
                      [](const AreaCredit* credit) { return credit->begun(); });
}

std::size_t Learner::max_saved_bytes() const {
  std::size_t bytes =
      2 * sizeof(uint64_t) + state_.size() + events_.max_saved_bytes() + drift_.saved_bytes();
  for (AreaCredit* const credit : taught_) {
    bytes += sizeof(uint64_t) + credit->traces().size_bytes();
  }
  return bytes;
}

void Learner::ForgetTraces() {
  for (AreaCredit* const credit : taught_) credit->Forget();
}

void Learner::ForgetDrift() {
  drift_ = DriftWatch(plan_->spec().drift);
  SetRates();
}

Learner::Counts Learner::counts() const {
  Counts counts = counts_;
  for (AreaCredit* const credit : taught_)
    counts.refused += static_cast<uint64_t>(credit->refused());
  return counts;
}

void Learner::Save(ByteWriter* writer) const {
  // A forward pass that ran ahead is not kept: it runs again, from the state before it.
  const bool ahead = ahead_ != 0 && events_.size() > 0;
  writer->PutSpan<std::byte>(ahead ? std::span<const std::byte>(events_.at(0).state)
                                   : std::span<const std::byte>(state_));
  writer->Put(closed_);
  for (AreaCredit* const credit : taught_) writer->PutSpan<float>(credit->traces());
  drift_.Save(writer);
  events_.Save(writer);
}

void Learner::Restore(ByteReader* reader) {
  reader->GetSpan<std::byte>(state_);
  closed_ = reader->Get<uint64_t>();
  for (AreaCredit* const credit : taught_) reader->GetSpan<float>(credit->traces());
  drift_.Restore(reader);
  SetRates();
  events_.Restore(*plan_, reader);
  ahead_ = 0;
}

}  // namespace gyrus
