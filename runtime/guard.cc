// SPDX-License-Identifier: Apache-2.0
// Why a rollback copies what it brings back before it lets go of the hold: the versions that the
// hold keeps are the very spares that the commit needs.
#include "runtime/guard.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr double kReferenceRate = 0.1;  // Of the slow mean, per good window.

}  // namespace

uint64_t Guard::BytesFor(const Plan& plan) {
  uint64_t bytes = 0;
  for (const PlanBuilder::Table& table : plan.tables()) {
    // Beside what learning itself needs, the spares are for what a window may write.
    bytes += (plan.Spares(table, 1) - table.Spares(1)) * table.spec.layout.block_bytes();
  }
  return bytes;
}

Guard::Guard(const Plan& plan, Store* store, Tell tell)
    : spec_(plan.spec().guard), store_(store), tell_(std::move(tell)), needs_(store->num_tables()) {
  bytes_.reserve(BytesFor(plan));
}

void Guard::Add(Learner* learner) { learners_.push_back(learner); }

void Guard::Remove(const Learner* learner) {
  learners_.erase(std::remove(learners_.begin(), learners_.end(), learner), learners_.end());
}

absl::Status Guard::Run(absl::string_view session, Learner* learner, const Clock& clock) {
  while (learner->behind()) {
    GYRUS_RETURN_IF_ERROR(Finish());
    if (judges() && !hold_.has_value()) BeginWindow();
    // One event at a time, so that a window ends at the same one whoever learns.
    GYRUS_RETURN_IF_ERROR(learner->RunFor(Nanos(0), clock).status());
    Note(session, learner->TakeTally());
    if (judges() && window_.events >= spec_.window) EndWindow();
  }
  return absl::OkStatus();
}

void Guard::Note(absl::string_view session, const Learner::Tally& tally) {
  if (tally.drifts > 0) {
    tell_(absl::StrCat(R"({"kind":"drift","step":)", tally.last_step, "}"));
  }
  if (!judges()) return;
  window_.events += tally.events;
  window_.losses += tally.losses;
  window_.loss += tally.loss;
  window_.not_finite += tally.not_finite;
  const auto end = steps_.begin() + static_cast<std::ptrdiff_t>(sessions_);
  const auto found = std::find_if(
      steps_.begin(), end, [&](const Quarantine& steps) { return steps.session == session; });
  if (found != end) {
    found->last_step = tally.last_step;
    return;
  }
  // Entries are used again, so that a window allocates none for sessions that the last one had.
  if (sessions_ == steps_.size()) steps_.emplace_back();
  Quarantine& steps = steps_[sessions_++];
  steps.session.assign(session.data(), session.size());
  steps.first_step = tally.first_step;
  steps.last_step = tally.last_step;
}

bool Guard::Beyond(double mean) const {
  return reference_ > 0 && mean > static_cast<double>(spec_.bound) * reference_;
}

void Guard::EndWindow() {
  const double mean = window_.mean();
  const bool beyond = Beyond(mean);
  if (window_.not_finite > 0 || (beyond && !probing_)) return TakeBack();
  if (beyond) {
    Accept();
  } else {
    probing_ = false;
    if (window_.losses > 0) {
      reference_ = reference_ > 0 ? reference_ + kReferenceRate * (mean - reference_) : mean;
    }
    MutexLock lock(&mutex_);
    ++status_.good;
    status_.loss = mean;
    status_.reference = reference_;
  }
  BeginWindow();
}

void Guard::BeginWindow() {
  hold_.reset();
  hold_ = store_->TakeHold();
  window_ = {};
  sessions_ = 0;
}

void Guard::Accept() {
  const double mean = window_.mean();
  tell_(absl::StrCat(R"({"kind":"guard","event":"accepted","loss":)", mean, R"(,"reference":)",
                     reference_, "}"));
  reference_ = mean;
  probing_ = false;
  MutexLock lock(&mutex_);
  ++status_.accepted;
  status_.loss = mean;
  status_.reference = reference_;
}

// Begins a rollback, and ends it if spares allow.
void Guard::TakeBack() {
  {
    const Hold now = store_->TakeHold();
    back_ = store_->Changed(&*hold_, now);
  }
  bytes_.clear();
  std::fill(needs_.begin(), needs_.end(), 0);
  for (const BlockId& id : back_) {
    const std::byte* const block = hold_->Read(id);
    bytes_.insert(bytes_.end(), block, block + store_->spec(id.table).layout.block_bytes());
    ++needs_[id.table];
  }
  hold_.reset();
  pending_ = true;
  // Should spares be missing, whoever calls next tries again before anything else.
  Finish().IgnoreError();
}

absl::Status Guard::Finish() {
  if (!pending_) return absl::OkStatus();
  {
    std::optional<Commit> commit = Commit::TryBegin(store_, needs_);
    if (!commit.has_value()) {
      return absl::UnavailableError(
          "a rollback waits for spare blocks that an open reader or a hold still needs");
    }
    const std::byte* from = bytes_.data();
    for (const BlockId& id : back_) {
      const std::size_t size = store_->spec(id.table).layout.block_bytes();
      std::memcpy(commit->Write(id), from, size);
      from += size;
    }
  }
  for (Learner* const learner : learners_) {
    learner->ForgetTraces();
    learner->ForgetDrift();
  }
  pending_ = false;
  // With the commit done, so that no durable line tells of what did not happen.
  CountRollback();
  back_.clear();
  bytes_.clear();
  probing_ = true;
  BeginWindow();
  return absl::OkStatus();
}

void Guard::CountRollback() {
  std::string steps;
  for (std::size_t s = 0; s < sessions_; ++s) {
    absl::StrAppend(&steps, s == 0 ? "" : ",", R"({"first_step":)", steps_[s].first_step,
                    R"(,"last_step":)", steps_[s].last_step, "}");
  }
  tell_(absl::StrCat(R"({"kind":"guard","event":"rollback","loss":)", window_.mean(),
                     R"(,"not_finite":)", window_.not_finite, R"(,"reference":)", reference_,
                     R"(,"blocks":)", back_.size(), R"(,"quarantine":[)", steps, "]}"));
  MutexLock lock(&mutex_);
  ++status_.rollbacks;
  status_.quarantined += window_.events;
  status_.restored += back_.size();
  status_.loss = window_.mean();
  for (std::size_t s = 0; s < sessions_; ++s) {
    if (status_.quarantines.size() == kQuarantines) {
      status_.quarantines.erase(status_.quarantines.begin());
    }
    status_.quarantines.push_back(steps_[s]);
  }
}

Guard::Status Guard::status() const {
  MutexLock lock(&mutex_);
  return status_;
}

}  // namespace gyrus
