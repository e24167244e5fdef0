// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "activation/plan.h"
#include "core/check.h"
#include "core/status_macros.h"
#include "core/store.h"
#include "core/workspace.h"

namespace gyrus::test {

// A brain with its store and one session's state, learning in line, with nothing between a
// component and who looks at it: for tests of components and benchmarks of what they reach.
//
// One thread. Step and Learn allocate nothing.
class PlanRun {
 public:
  static absl::StatusOr<std::unique_ptr<PlanRun>> Create(const BrainSpec& spec) {
    std::unique_ptr<PlanRun> run(new PlanRun);
    GYRUS_ASSIGN_OR_RETURN(run->plan_, Plan::Create(spec));
    GYRUS_ASSIGN_OR_RETURN(run->store_, run->plan_->MakeStore({.max_readers = 1}, 1));
    run->memory_ =
        std::make_unique<Workspace>(run->plan_->activity_bytes(Plan::For::kLearning) +
                                    Workspace::BytesFor<std::byte>(run->plan_->state_bytes()));
    run->activity_ = run->plan_->MakeActivity(Plan::For::kLearning, run->memory_.get());
    run->state_ = run->memory_->Take<std::byte>(run->plan_->state_bytes());
    std::fill(run->state_.begin(), run->state_.end(), std::byte{0});
    return run;
  }

  const Plan& plan() const { return *plan_; }
  Store& store() { return *store_; }
  Activity& activity() { return activity_; }
  StepContext context() { return {store_->Draft(), &activity_, state_.data()}; }

  // One step forward.
  void Forward(std::span<const Value> values) {
    for (AreaActivity& area : activity_.areas) {
      std::fill(area.gradient.begin(), area.gradient.end(), 0.0F);
      std::fill(area.gradients.begin(), area.gradients.end(), 0.0F);
    }
    plan_->Forward(context(), {.values = values});
  }

  // The first head's answer to the step.
  void Predict(Want::Kind kind, Prediction* prediction) {
    plan_->heads()[0]->Predict(context(), {kind}, prediction);
  }

  // Learns the step: the first head, the routers, the encoders. Returns the head's loss.
  double Learn(std::span<const Value> values, const Target& target) {
    std::optional<Commit> commit = Begin();
    const double loss = plan_->heads()[0]->Learn(context(), target, &*commit);
    for (std::size_t a = 0; a < activity_.areas.size(); ++a) {
      const AreaActivity& area = activity_.areas[a];
      if (area.awake) plan_->areas()[a].router->Learn(area.routing, area.woken, {}, &*commit);
    }
    plan_->LearnInputs(context(), {.values = values}, &*commit);
    return loss;
  }

  std::optional<Commit> Begin() {
    std::optional<Commit> commit = Commit::TryBegin(store_.get(), plan_->writes_per_step());
    GYRUS_CHECK(commit.has_value());
    return commit;
  }

 private:
  PlanRun() = default;

  std::unique_ptr<const Plan> plan_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Workspace> memory_;
  Activity activity_;
  std::span<std::byte> state_;
};

}  // namespace gyrus::test
