// SPDX-License-Identifier: Apache-2.0
#include "tools/teacher.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "core/status_macros.h"

namespace gyrus {
namespace {

// A class that was never seen can have no probability; its loss stays finite.
constexpr float kLeastProbability = 1e-6F;

double Nats(float probability) { return -std::log(std::max(probability, kLeastProbability)); }

}  // namespace

Teacher::Teacher(Session* session, Score* score, Account* account, const Options& options)
    : session_(session),
      score_(score),
      account_(account),
      options_(options),
      distribution_(options.classes) {}

absl::Status Teacher::Take(Feed* feed) {
  ++account_->examples;
  const Observation& observation = feed->observation();
  switch (score_->task()) {
    case Task::kNextSymbol:
      return TakeSymbol(feed->taught(), observation);
    case Task::kNextReals:
      return TakeReals(feed->taught(), observation);
    case Task::kClass:
      return TakeClass(*feed);
    case Task::kReal:
      break;
  }
  return TakeReal(*feed);
}

// A file loses nothing by waiting: what a learner in the background has no room for would be
// dropped.
void Teacher::AwaitRoom() const {
  const LearningStream* const stream = session_->stream();
  while (stream != nullptr && stream->full()) {
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
}

absl::Status Teacher::Step(const Observation& observation, const Want& want) {
  AwaitRoom();
  const bool timed = options_.metrics && account_->step.Due();
  if (timed) GYRUS_RETURN_IF_ERROR(LearnTimed(observation));
  const Nanos begin = timed ? clock_.Now() : Nanos(0);
  GYRUS_ASSIGN_OR_RETURN(step_, session_->Step(observation, want, &prediction_));
  if (timed) account_->step.Record(clock_.Now() - begin);
  if (options_.metrics) account_->loads.Count(session_->activity());
  stepped_ = true;
  return absl::OkStatus();
}

// Of a stream that is its own teacher a step learns first; apart from it the two can be timed.
absl::Status Teacher::LearnTimed(const Observation& observation) {
  const bool teaches_itself =
      score_->task() == Task::kNextSymbol || score_->task() == Task::kNextReals;
  if (!teaches_itself || !learns_at_once() || session_->learner()->events().size() == 0) {
    return absl::OkStatus();
  }
  const Nanos begin = clock_.Now();
  GYRUS_RETURN_IF_ERROR(session_->LearnFrom(observation));
  account_->learn.Record(clock_.Now() - begin);
  return absl::OkStatus();
}

// The learner's loss is that of the probability which was served before the symbol came. A session
// that serves snapshots is asked for it instead.
absl::Status Teacher::TakeSymbol(const Value& value, const Observation& observation) {
  if (!learns_at_once()) {
    if (stepped_) {
      GYRUS_ASSIGN_OR_RETURN(const Exploration last, session_->Explore());
      GYRUS_RETURN_IF_ERROR(
          last.Predict({.kind = Want::Kind::kSymbol, .symbol = value.symbol}, &prediction_));
      score_->Symbol(Nats(prediction_.best_probability), static_cast<uint8_t>(value.symbol));
    }
    return Step(observation, {});
  }
  const uint64_t learned = session_->learner()->last().step;
  GYRUS_RETURN_IF_ERROR(Step(observation, {}));
  const Learner::Outcome& last = session_->learner()->last();
  if (last.step != learned) score_->Symbol(last.loss, static_cast<uint8_t>(value.symbol));
  return absl::OkStatus();
}

absl::Status Teacher::TakeReals(const Value& value, const Observation& observation) {
  if (stepped_) score_->Reals(mean_, value.reals);
  score_->KnowReals(value.reals);
  mean_.resize(value.reals.size());
  variance_.resize(value.reals.size());
  prediction_ = {.mean = mean_, .variance = variance_};
  return Step(observation, {.kind = Want::Kind::kReals});
}

// A label that comes before the next step leaves its loss with the learner; else the whole
// distribution is asked for while it is served.
absl::Status Teacher::TakeClass(const Feed& feed) {
  const bool at_once = learns_at_once() && options_.delay == 0;
  if (at_once) {
    GYRUS_RETURN_IF_ERROR(Step(feed.observation(), {.kind = Want::Kind::kBest}));
  } else {
    prediction_.distribution = distribution_;
    GYRUS_RETURN_IF_ERROR(Step(feed.observation(), {.kind = Want::Kind::kDistribution}));
  }
  if (!feed.labelled()) return Deliver();
  const uint32_t label = feed.target().symbol;
  const uint32_t predicted = prediction_.best;
  if (at_once) {
    GYRUS_RETURN_IF_ERROR(Learn({.step = step_, .symbol = label}));
    score_->Class(predicted, label, session_->learner()->last().loss);
    score_->KnowClass(label);
    return absl::OkStatus();
  }
  const bool known = label < distribution_.size();
  score_->Class(predicted, label, Nats(known ? distribution_[label] : 0.0F));
  return Queue(feed.target());
}

absl::Status Teacher::TakeReal(const Feed& feed) {
  mean_.resize(1);
  variance_.resize(1);
  prediction_ = {.mean = mean_, .variance = variance_};
  GYRUS_RETURN_IF_ERROR(Step(feed.observation(), {.kind = Want::Kind::kReals}));
  if (!feed.labelled()) return Deliver();
  score_->Reals(mean_, feed.target().reals);
  return Queue(feed.target());
}

absl::Status Teacher::Queue(const Target& target) {
  waiting_.push_back({.step = step_,
                      .symbol = target.symbol,
                      .real = target.reals.empty() ? 0.0F : target.reals[0]});
  return Deliver();
}

absl::Status Teacher::Deliver() {
  while (!waiting_.empty() && waiting_.front().step + options_.delay <= step_) {
    GYRUS_RETURN_IF_ERROR(LearnFirst());
  }
  return absl::OkStatus();
}

absl::Status Teacher::Finish() {
  while (!waiting_.empty()) GYRUS_RETURN_IF_ERROR(LearnFirst());
  return absl::OkStatus();
}

absl::Status Teacher::LearnFirst() {
  const Label label = waiting_.front();
  waiting_.pop_front();
  if (score_->task() != Task::kReal && label.symbol == Feed::kUnknownClass) {
    return absl::OkStatus();
  }
  GYRUS_RETURN_IF_ERROR(learns() ? Learn(label) : session_->Know(TargetOf(label)));
  if (score_->task() == Task::kReal) {
    score_->KnowReals({&label.real, 1});
  } else {
    score_->KnowClass(label.symbol);
  }
  return absl::OkStatus();
}

Target Teacher::TargetOf(const Label& label) const {
  Target target = {.symbol = label.symbol};
  if (score_->task() == Task::kReal) target.reals = {&label.real, 1};
  return target;
}

absl::Status Teacher::Learn(const Label& label) {
  AwaitRoom();
  const bool timed = options_.metrics && account_->learn.Due();
  const Nanos begin = timed ? clock_.Now() : Nanos(0);
  GYRUS_RETURN_IF_ERROR(session_->Learn(label.step, TargetOf(label)));
  if (timed) account_->learn.Record(clock_.Now() - begin);
  return absl::OkStatus();
}

}  // namespace gyrus
