// SPDX-License-Identifier: Apache-2.0
#include "runtime/background_learner.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/status_macros.h"
#include "runtime/memory.h"
#include "runtime/position.h"

namespace gyrus {
namespace {

// How long the thread learns before it lets others have a word, and sleeps if nothing waits.
constexpr Nanos kSlice = std::chrono::milliseconds(1);
constexpr Nanos kNap = std::chrono::microseconds(200);
constexpr Nanos kLetPass = std::chrono::microseconds(20);

}  // namespace

// ---- The session's side.

LearningStream::LearningStream(std::string name, const Plan* plan, std::unique_ptr<Learner> learner,
                               uint64_t last_step, const LastTarget& known, std::size_t slots,
                               std::atomic<uint64_t>* tickets)
    : name_(std::move(name)),
      ring_(plan->spec(), slots),
      tickets_(tickets),
      learner_(std::move(learner)),
      before_(learner_->counts()),
      last_step_(last_step),
      known_(known) {}

bool LearningStream::TellStep(uint64_t step, const Observation& observation) noexcept {
  return Tell({.kind = Experience::Kind::kStep, .step = step, .observation = observation});
}

bool LearningStream::TellTarget(uint64_t step, const Target& target) noexcept {
  return Tell({.kind = Experience::Kind::kTarget, .step = step, .target = target});
}

bool LearningStream::TellRetract(uint64_t step) noexcept {
  if (ring_.full()) return false;  // It can be said again: nothing is lost.
  return Tell({.kind = Experience::Kind::kRetract, .step = step});
}

bool LearningStream::Tell(Experience experience) noexcept {
  if (ring_.full()) {
    // relaxed: a count.
    dropped_.fetch_add(1, std::memory_order_relaxed);
    gap_ = true;
    return false;
  }
  experience.after_gap = std::exchange(gap_, false);
  // Only with room at hand, so that no ticket is ever without its experience. relaxed: one
  // counter's order is the same for all; the ring hands the rest over.
  experience.ticket = tickets_->fetch_add(1, std::memory_order_relaxed);
  ring_.Push(experience);
  return true;
}

// ---- The learner's side.

// The calls that an inline session would make. If spares are missing it is called again with the
// same experience, and each part finds what it has done already.
absl::Status LearningStream::Learn(const Experience& experience, Guard* guard, const Clock& clock) {
  if (experience.after_gap) learner_->ForgetTraces();
  const auto run = [&] {
    return guard == nullptr ? learner_->RunFor(Nanos::max(), clock).status()
                            : guard->Run(name_, learner_.get(), clock);
  };
  switch (experience.kind) {
    case Experience::Kind::kStep: {
      learner_->LabelFromFuture(experience.step, experience.observation);
      GYRUS_RETURN_IF_ERROR(run());
      learner_->Close(experience.step);
      GYRUS_RETURN_IF_ERROR(run());
      Event& event = learner_->Push(experience.step, experience.observation);
      std::copy(learner_->state().begin(), learner_->state().end(), event.state.begin());
      last_step_ = experience.step;
      return absl::OkStatus();
    }
    case Experience::Kind::kTarget: {
      const absl::Status labelled = learner_->Label(experience.step, experience.target);
      if (labelled.ok()) {
        known_.Remember(experience.target);
      } else if (!learner_->behind()) {
        ++unlearned_;
      }
      return run();
    }
    case Experience::Kind::kRetract:
      break;
  }
  // Its step may have been dropped; then there is nothing to take back.
  learner_->Retract(experience.step).IgnoreError();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<BackgroundLearner>> BackgroundLearner::Create(const Plan* plan,
                                                                             Store* store,
                                                                             const Options& options,
                                                                             const Clock* clock) {
  if (!(options.duty > 0 && options.duty <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the learner's duty must be in (0, 1], got ", options.duty));
  }
  if (options.slots < 2 || options.slots > (uint32_t{1} << 20)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a session's experiences that may wait must be in [2, 2^20], got ", options.slots));
  }
  return std::unique_ptr<BackgroundLearner>(new BackgroundLearner(plan, store, options, clock));
}

BackgroundLearner::BackgroundLearner(const Plan* plan, Store* store, const Options& options,
                                     const Clock* clock)
    : plan_(plan),
      store_(store),
      options_(options),
      clock_(clock),
      began_(clock->Now()),
      published_at_(began_) {}

BackgroundLearner::~BackgroundLearner() {
  stop_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
  for (const auto& stream : streams_) GYRUS_CHECK(stream->closed_);
}

BackgroundLearner::Turn::Turn(const BackgroundLearner* learner) ABSL_NO_THREAD_SAFETY_ANALYSIS
    : learner_(learner) {
  // relaxed: a hint.
  learner_->waiting_.fetch_add(1, std::memory_order_relaxed);
  learner_->turn_.Lock();
  learner_->waiting_.fetch_sub(1, std::memory_order_relaxed);
}

BackgroundLearner::Turn::~Turn() ABSL_NO_THREAD_SAFETY_ANALYSIS { learner_->turn_.Unlock(); }

void BackgroundLearner::Write(Journal* journal, LastPositions* positions) {
  Turn turn(this);
  journal_ = journal;
  positions_ = positions;
}

absl::StatusOr<LearningStream*> BackgroundLearner::Open(const std::string& name,
                                                        std::unique_ptr<Learner> learner,
                                                        uint64_t last_step,
                                                        const LastTarget& known) {
  std::unique_ptr<LearningStream> stream(new LearningStream(
      name, plan_, std::move(learner), last_step, known, options_.slots, &tickets_));
  Turn turn(this);
  if (inline_sessions_ > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("session \"", name, "\" cannot learn in the background while ",
                     inline_sessions_, " learn inline: bring them all into one mode"));
  }
  streams_.reserve(streams_.size() + 1);  // So that nothing fails once the guard knows of it.
  if (options_.guard != nullptr) options_.guard->Add(stream->learner_.get());
  streams_.push_back(std::move(stream));
  ReserveLocked();
  return streams_.back().get();
}

void BackgroundLearner::Close(LearningStream* stream) {
  Turn turn(this);
  stream->closed_ = true;
  DropClosed();
}

absl::Status BackgroundLearner::Finish(absl::string_view name) {
  Turn turn(this);
  const bool ends = std::any_of(streams_.begin(), streams_.end(), [&](const auto& stream) {
    return stream->closed_ && stream->name_ == name;
  });
  return ends ? DrainLocked() : absl::OkStatus();
}

absl::Status BackgroundLearner::CheckNoStream(const LearningStream* but) const {
  for (const auto& stream : streams_) {
    if (stream->closed_ || stream.get() == but) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("no session can learn inline while session \"", stream->name_,
                     "\" learns in the background: bring them all into one mode"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Learner>> BackgroundLearner::TurnInline(LearningStream* stream) {
  Turn turn(this);
  GYRUS_RETURN_IF_ERROR(CheckNoStream(stream));
  GYRUS_RETURN_IF_ERROR(DrainLocked());
  Add(*stream, &ended_);
  std::unique_ptr<Learner> learner = std::move(stream->learner_);
  if (options_.guard != nullptr) options_.guard->Remove(learner.get());
  std::erase_if(streams_, [&](const auto& s) { return s.get() == stream; });
  ++inline_sessions_;
  return learner;
}

absl::Status BackgroundLearner::AdmitInline() {
  Turn turn(this);
  GYRUS_RETURN_IF_ERROR(CheckNoStream(nullptr));
  GYRUS_RETURN_IF_ERROR(DrainLocked());
  ++inline_sessions_;
  return absl::OkStatus();
}

absl::Status BackgroundLearner::CheckAlone(const std::string& name) const {
  Turn turn(this);
  if (inline_sessions_ <= 1) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("session \"", name, "\" cannot learn in the background while ",
                   inline_sessions_ - 1, " others learn inline: bring them all into one mode"));
}

absl::Status BackgroundLearner::Settle(LearningStream* stream) {
  Turn turn(this);
  GYRUS_RETURN_IF_ERROR(DrainLocked());
  return stream->learner_->FinishChunks();
}

void BackgroundLearner::ReleaseInline() {
  Turn turn(this);
  GYRUS_CHECK(inline_sessions_ > 0);
  --inline_sessions_;
}

// The stream whose turn it is; null if that experience has not arrived.
LearningStream* BackgroundLearner::Next() const {
  for (const auto& stream : streams_) {
    const Experience* const front = stream->ring_.front();
    if (front != nullptr && front->ticket == next_ticket_) return stream.get();
  }
  return nullptr;
}

// Since `*now`, which it moves on.
absl::StatusOr<bool> BackgroundLearner::LearnOne(Nanos* now) {
  LearningStream* const stream = Next();
  if (stream == nullptr) return false;
  GYRUS_RETURN_IF_ERROR(stream->Learn(*stream->ring_.front(), options_.guard, *clock_));
  stream->ring_.Pop();
  ++next_ticket_;
  // Before the next stream of that name learns, so that a cut knows which of them stands where.
  if (stream->closed_) DropClosed();
  TellJournal();
  const Nanos before = std::exchange(*now, clock_->Now());
  latency_.Record(*now - before);
  ended_.busy += *now - before;
  if (unpublished_since_ == Nanos(0)) unpublished_since_ = *now;
  return true;
}

absl::StatusOr<int> BackgroundLearner::RunFor(Nanos budget) {
  MutexLock lock(&turn_);
  const Nanos begin = clock_->Now();
  const Nanos end = budget == Nanos::max() ? budget : begin + budget;
  Nanos now = begin;
  int ran = 0;
  absl::Status status;
  while (ran == 0 || now < end) {
    const absl::StatusOr<bool> learned = LearnOne(&now);
    if (!learned.ok()) status = learned.status();
    if (!learned.ok() || !*learned) break;
    ++ran;
    PublishIfDue(now);
  }
  if (ran == 0 && inline_sessions_ == 0) {
    // The draft is nobody else's.
    if (options_.guard != nullptr) status.Update(options_.guard->Finish());
    PublishIfDue(now);
    TellJournal();
  }
  DropClosed();
  if (!status.ok()) return status;
  return ran;
}

absl::Status BackgroundLearner::Drain() {
  Turn turn(this);
  return DrainLocked();
}

absl::Status BackgroundLearner::DrainLocked() {
  // acquire is not needed: whoever must be heard has told before this call.
  const uint64_t told = tickets_.load(std::memory_order_relaxed);
  Nanos now = clock_->Now();
  while (next_ticket_ < told) {
    GYRUS_ASSIGN_OR_RETURN(const bool learned, LearnOne(&now));
    // Another session has drawn its ticket and is about to hand over what it is for.
    if (!learned) std::this_thread::sleep_for(kLetPass);
  }
  if (options_.guard != nullptr) GYRUS_RETURN_IF_ERROR(options_.guard->Finish());
  PublishLocked(now);
  DropClosed();
  return absl::OkStatus();
}

void BackgroundLearner::PublishIfDue(Nanos now) {
  if (now - published_at_ >= options_.publish_every) PublishLocked(now);
}

void BackgroundLearner::PublishLocked(Nanos now) {
  published_at_ = now;
  unpublished_since_ = Nanos(0);
  if (store_->commits() == published_commits_) return;
  published_commits_ = store_->commits();
  store_->Publish();
  ++ended_.publishes;
}

void BackgroundLearner::DropClosed() {
  bool ended = false;
  std::erase_if(streams_, [&](const auto& stream) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (!stream->closed_ || stream->waiting() > 0) return false;
    Add(*stream, &ended_);
    if (options_.guard != nullptr) options_.guard->Remove(stream->learner_.get());
    if (positions_ != nullptr) {
      ByteWriter position;
      SavePosition(*stream, &position);
      positions_->Part(stream->name_, position.bytes());
    }
    ended = true;
    return true;
  });
  if (ended) ReserveLocked();
}

void BackgroundLearner::Add(const LearningStream& stream, Status* status) {
  const Learner::Counts counts = stream.learner_->counts();
  const Learner::Counts& before = stream.before_;
  status->counts.learned += counts.learned - before.learned;
  status->counts.unlabelled += counts.unlabelled - before.unlabelled;
  status->counts.stalled += counts.stalled - before.stalled;
  status->counts.woken += counts.woken - before.woken;
  status->counts.refused += counts.refused - before.refused;
  status->counts.drifts += counts.drifts - before.drifts;
  status->unlearned += stream.unlearned_;
  status->dropped += stream.dropped();
}

BackgroundLearner::Status BackgroundLearner::status() const {
  Turn turn(this);
  Status status = ended_;
  for (const auto& stream : streams_) {
    Add(*stream, &status);
    status.waiting += stream->waiting();
  }
  status.streams = streams_.size();
  const Nanos now = clock_->Now();
  status.elapsed = now - began_;
  if (unpublished_since_ != Nanos(0)) status.unpublished = now - unpublished_since_;
  return status;
}

void BackgroundLearner::SavePosition(const LearningStream& stream, ByteWriter* writer) {
  Position::Save(stream.last_step_, Position::Serves::kFromReplay, stream.known_, {},
                 stream.learner_.get(), writer);
}

void BackgroundLearner::SavePositions(Journal::Moment* moment) const
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  for (const auto& stream : streams_) {
    // Of two of one name the first is closed, and the other has not learned anything yet.
    if (!moment->Has(stream->name_)) SavePosition(*stream, moment->Add(stream->name_));
  }
  if (positions_ != nullptr) positions_->AddParted(moment);
}

// So that a cut finds room for all positions.
void BackgroundLearner::ReserveLocked() {
  if (journal_ == nullptr) return;
  LastPositions::Room room = positions_->parted();
  for (const auto& stream : streams_) {
    ++room.sessions;
    room.bytes +=
        stream->name_.size() + Position::MaxBytes(stream->known_, 0, stream->learner_.get());
  }
  journal_->Reserve(room.sessions, room.bytes);
}

void BackgroundLearner::TellJournal() {
  if (journal_ == nullptr) return;
  if (options_.guard != nullptr && options_.guard->pending()) return;
  journal_->AfterCommit([this](Journal::Moment* moment) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    const bool rest = std::all_of(streams_.begin(), streams_.end(),
                                  [](const auto& stream) { return stream->learner_->settled(); });
    if (!rest && moment->patient()) return false;
    SavePositions(moment);
    return true;
  });
}

void BackgroundLearner::Start() {
  Turn turn(this);
  if (!thread_.joinable()) thread_ = std::thread([this] { Poll(); });
}

void BackgroundLearner::Poll() {
  while (!stop_.load(std::memory_order_relaxed)) {
    const Nanos begin = clock_->Now();
    int ran = 0;
    const absl::Status status = WithinMemory([&] {
      const absl::StatusOr<int> learned = RunFor(kSlice);
      if (learned.ok()) ran = *learned;
      return learned.status();
    });
    const auto used = static_cast<double>((clock_->Now() - begin).count());
    Nanos nap(static_cast<int64_t>(used * (1 - options_.duty) / options_.duty));
    // Spares come back when a reader moves on: another try is all there is to do.
    if (!status.ok() || ran == 0) nap = std::max(nap, kNap);
    if (waiting_.load(std::memory_order_relaxed) > 0) nap = std::max(nap, kLetPass);
    if (nap > Nanos(0)) std::this_thread::sleep_for(nap);
  }
}

}  // namespace gyrus
