// SPDX-License-Identifier: Apache-2.0
#include "learner/learner.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"

namespace gyrus {

absl::StatusOr<std::unique_ptr<Learner>> Learner::Create(const Plan* plan, Store* store) {
  return std::unique_ptr<Learner>(new Learner(plan, store));
}

Learner::Learner(const Plan* plan, Store* store)
    : plan_(plan),
      store_(store),
      // One more than the window: the event that leaves it may still wait to be run.
      events_(plan->spec(), plan->spec().label_window + 1, plan->state_bytes()),
      state_(plan->state_bytes()),
      memory_(plan->activity_bytes(Plan::For::kLearning)),
      activity_(plan->MakeActivity(Plan::For::kLearning, &memory_)),
      context_{.view = store->Draft(), .activity = &activity_, .state = state_.data()} {
  std::size_t woken = 0;
  for (const AreaPlan& area : plan->areas()) woken = std::max<std::size_t>(woken, area.spec.woken);
  gate_gradients_.resize(woken);
}

absl::Status Learner::Push(uint64_t id, const Observation& observation) {
  if (events_.full()) {
    return absl::UnavailableError(
        absl::StrCat("the learner is behind: ", events_.size(), " steps wait; run it first"));
  }
  Event& event = events_.Push(id, observation);
  std::memcpy(event.state.data(), state_.data(), state_.size());
  const std::size_t window = plan_->spec().label_window;
  if (events_.size() > window) closed_ = events_.at(events_.size() - 1 - window).id;
  return absl::OkStatus();
}

absl::Status Learner::Label(uint64_t id, const Target& target) {
  const HeadSpec& head = plan_->spec().heads[0];
  if (head.classes > 0 && target.symbol >= head.classes) {
    return absl::InvalidArgumentError(absl::StrCat("head \"", head.name, "\" has ", head.classes,
                                                   " classes, got class ", target.symbol));
  }
  if (target.reals.size() != head.outputs) {
    return absl::InvalidArgumentError(absl::StrCat("head \"", head.name, "\" has ", head.outputs,
                                                   " outputs, got ", target.reals.size()));
  }
  if (!kernels::AllFinite(target.reals)) {
    return absl::InvalidArgumentError("a target must be finite, got a NaN or an infinite value");
  }
  Event* const event = events_.Find(id);
  if (event == nullptr || id <= closed_) {
    return absl::OutOfRangeError(absl::StrCat("the label of step ", id,
                                              " comes too late: label_window is ",
                                              plan_->spec().label_window, " steps"));
  }
  if (event->labelled) {
    return absl::AlreadyExistsError(absl::StrCat("step ", id, " already has its label"));
  }
  events_.SetTarget(event, target);
  return absl::OkStatus();
}

absl::Status Learner::Retract(uint64_t id) {
  for (std::size_t i = 0; i < events_.size(); ++i) {
    Event& event = events_.at(i);
    if (event.id != id) continue;
    if (event.labelled) {
      return absl::FailedPreconditionError(
          absl::StrCat("step ", id, " has its label and cannot be taken back"));
    }
    if (ahead_ == id) {
      std::memcpy(state_.data(), event.state.data(), state_.size());
      ahead_ = 0;
    }
    events_.Erase(i);
    return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat("step ", id, " is not waiting to be learned"));
}

bool Learner::Ready(const Event& event) const { return event.labelled || event.id <= closed_; }

const StepContext* Learner::RunAhead() {
  if (events_.size() != 1) return nullptr;
  Event& event = events_.at(0);
  if (ahead_ != event.id) Forward(&event);
  return &context_;
}

void Learner::Forward(Event* event) {
  plan_->Forward(context_, event->observation);
  ahead_ = event->id;
  ahead_commits_ = store_->commits();
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

absl::Status Learner::Run(Event* event) {
  if (ahead_ == event->id && ahead_commits_ != store_->commits()) {
    // Somebody else has changed the draft since; what was run ahead no longer holds.
    std::memcpy(state_.data(), event->state.data(), state_.size());
    ahead_ = 0;
  }
  if (ahead_ != event->id) Forward(event);
  std::optional<Commit> commit = Commit::TryBegin(store_, plan_->writes_per_step());
  if (!commit.has_value()) {
    ++counts_.stalled;
    return absl::UnavailableError(
        "learning waits for spare blocks that an open reader or a hold still needs");
  }
  if (event->labelled) {
    for (AreaActivity& area : activity_.areas) {
      std::fill(area.gradient.begin(), area.gradient.end(), 0.0F);
      std::fill(area.gradients.begin(), area.gradients.end(), 0.0F);
    }
    for (std::size_t h = 0; h < plan_->heads().size(); ++h) {
      const double loss = plan_->heads()[h]->Learn(context_, event->target, &*commit);
      if (h == 0) last_ = {.step = event->id, .loss = loss};
    }
    LearnAreas(&*commit);
    ++counts_.learned;
  } else {
    ++counts_.unlabelled;
  }
  plan_->LearnInputs(context_, event->observation, &*commit);
  ahead_ = 0;
  return absl::OkStatus();
}

// Areas from the last to the first, so that each has the error of those above before it learns.
void Learner::LearnAreas(Commit* commit) {
  for (std::size_t a = plan_->areas().size(); a-- > 0;) {
    AreaActivity& area = activity_.areas[a];
    if (!area.awake) continue;
    counts_.woken += area.woken.size();
    const std::size_t outputs = area.output.size();
    const std::span<float> dgates(gate_gradients_.data(), area.woken.size());
    for (std::size_t k = 0; k < area.woken.size(); ++k) {
      dgates[k] = kernels::Dot(area.gradient, area.outputs.subspan(k * outputs, outputs));
    }
    plan_->areas()[a].router->Learn(area.input, area.woken, dgates, commit);
  }
}

}  // namespace gyrus
