// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "activation/plan.h"
#include "core/bytes.h"
#include "core/clock.h"
#include "core/latency_histogram.h"
#include "core/mutex.h"
#include "core/store.h"
#include "learner/learner.h"
#include "runtime/experience_ring.h"
#include "runtime/guard.h"
#include "runtime/journal.h"
#include "runtime/last_positions.h"
#include "runtime/last_target.h"

namespace gyrus {

class BackgroundLearner;

// One session's way to its learner. What it tells is learned later, in the order of all sessions'
// tickets; what finds no room is dropped and counted, and then that session's traces begin anew.
//
// The session's thread tells, and asks full(); waiting() and dropped() from any thread.
class LearningStream {
 public:
  // Say whether there was room; TellRetract drops nothing, it can be called again. Require:
  // Plan::Check has passed. Real-time safe.
  bool TellStep(uint64_t step, const Observation& observation) noexcept;
  bool TellTarget(uint64_t step, const Target& target) noexcept;
  bool TellRetract(uint64_t step) noexcept;

  // Whether the next thing told would be dropped.
  bool full() const noexcept { return ring_.full(); }

  // Experiences that wait to be learned, and that found no room.
  std::size_t waiting() const noexcept { return ring_.size(); }
  uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  friend class BackgroundLearner;

  LearningStream(std::string name, const Plan* plan, std::unique_ptr<Learner> learner,
                 uint64_t last_step, const LastTarget& known, std::size_t slots,
                 std::atomic<uint64_t>* tickets);

  bool Tell(Experience experience) noexcept;
  absl::Status Learn(const Experience& experience, Guard* guard, const Clock& clock);
  const std::string name_;
  // The teller's.
  ExperienceRing ring_;
  std::atomic<uint64_t>* const tickets_;
  std::atomic<uint64_t> dropped_{0};
  bool gap_ = false;
  // The learner's.
  std::unique_ptr<Learner> learner_;
  const Learner::Counts before_;  // What it did before, inline.
  uint64_t last_step_;
  LastTarget known_;
  uint64_t unlearned_ = 0;  // Targets that came for no step that still waited.
  bool closed_ = false;     // No more will be told.
};

// Learns what sessions on other threads experience, beside their inference: each session puts its
// experiences into a ring of its own, and the learner takes them in the order of their tickets,
// which all sessions draw from one counter. So, drained and without drops, the blocks end the same,
// bit for bit, as if every session had learned inline in that order.
//
// Learns on the draft and publishes it every `publish_every`. Nobody is notified: a thread polls,
// and naps when there is nothing to do. Without a thread, RunFor from any one does the work: on a
// device with one core, in its idle loop.
//
// Ordinary threads but for what LearningStream says; Close every stream before its end.
class BackgroundLearner {
 public:
  struct Options {
    Nanos publish_every = std::chrono::milliseconds(10);
    double duty = 1.0;       // Share of its time that the thread may learn, in (0, 1].
    uint32_t slots = 1024;   // Experiences of a session that may wait, in [2, 2^20].
    Guard* guard = nullptr;  // Judges what is learned; must outlive this.
  };

  // What it did since it was made.
  struct Status {
    Learner::Counts counts;        // Of all streams.
    uint64_t unlearned = 0;        // Targets that came too late or for a step that was dropped.
    uint64_t dropped = 0;          // Experiences that found no room.
    uint64_t waiting = 0;          // Experiences that wait now.
    uint64_t streams = 0;          // Open, or closed with something left to learn.
    uint64_t publishes = 0;        // That showed something new.
    Nanos busy = Nanos(0);         // Time spent learning,
    Nanos elapsed = Nanos(0);      // of so much.
    Nanos unpublished = Nanos(0);  // Age of the oldest commit that no reader can see yet.
  };

  // What is given must outlive it. Returns InvalidArgument for an option out of range.
  static absl::StatusOr<std::unique_ptr<BackgroundLearner>> Create(const Plan* plan, Store* store,
                                                                   const Options& options,
                                                                   const Clock* clock);
  ~BackgroundLearner();
  BackgroundLearner(const BackgroundLearner&) = delete;
  BackgroundLearner& operator=(const BackgroundLearner&) = delete;

  // From here on what is learned is written to `journal`, and where a stream ends told to
  // `positions`; both must outlive this. Before the first stream.
  void Write(Journal* journal, LastPositions* positions) ABSL_LOCKS_EXCLUDED(turn_);

  // Begins a session's stream, whose learner has seen steps up to `last_step`. Returns
  // FailedPrecondition while a session learns inline: it would write beside this.
  absl::StatusOr<LearningStream*> Open(const std::string& name, std::unique_ptr<Learner> learner,
                                       uint64_t last_step, const LastTarget& known)
      ABSL_LOCKS_EXCLUDED(turn_);

  // Ends a stream; what it has told will still be learned, unless this ends before: Drain first.
  void Close(LearningStream* stream) ABSL_LOCKS_EXCLUDED(turn_);

  // Drains if a closed stream of this name has something left to learn, so that its end is known.
  // Returns as Drain does.
  absl::Status Finish(absl::string_view name) ABSL_LOCKS_EXCLUDED(turn_);

  // One session more, or less, that learns inline: in the way of streams, and they in its. Returns
  // FailedPrecondition while a stream is open; drains those that are closed first.
  absl::Status AdmitInline() ABSL_LOCKS_EXCLUDED(turn_);
  void ReleaseInline() ABSL_LOCKS_EXCLUDED(turn_);

  // Whether Open would succeed once the session `name` does not learn inline any more.
  absl::Status CheckAlone(const std::string& name) const ABSL_LOCKS_EXCLUDED(turn_);

  // Drains, ends a stream, hands its learner back, and counts its session as one that learns
  // inline. Returns as AdmitInline and Drain do; then the stream is still open.
  absl::StatusOr<std::unique_ptr<Learner>> TurnInline(LearningStream* stream)
      ABSL_LOCKS_EXCLUDED(turn_);

  // Drains, and ends the stream's chunks of learning steps early. Returns as Drain does.
  absl::Status Settle(LearningStream* stream) ABSL_LOCKS_EXCLUDED(turn_);

  // Learns until nothing waits or `budget` is spent (at least one experience). Returns how many it
  // took. Publishes if it is time. Returns as Learner::RunFor does.
  absl::StatusOr<int> RunFor(Nanos budget) ABSL_LOCKS_EXCLUDED(turn_);

  // Learns everything that was told before the call, ends a rollback that waits, and publishes.
  // Returns as Guard::Run does.
  absl::Status Drain() ABSL_LOCKS_EXCLUDED(turn_);

  // Runs `work` between two commits: nothing learns meanwhile.
  template <typename Work>
  void Pause(Work work) ABSL_LOCKS_EXCLUDED(turn_) {
    Turn turn(this);
    work();
  }

  // Where a stream's learner stands, as Session::Restore takes it: with everything learned up to
  // there, and what waits in the ring not yet heard of. Requires: within Pause, or on the thread
  // that learns.
  static void SavePosition(const LearningStream& stream, ByteWriter* writer);

  // The positions of all streams, and of those that have ended. As SavePosition.
  void SavePositions(Journal::Moment* moment) const;

  // Begins to learn on a thread of its own. Does nothing if it does already. Throws what
  // std::thread does: within WithinMemory.
  void Start() ABSL_LOCKS_EXCLUDED(turn_);

  Status status() const ABSL_LOCKS_EXCLUDED(turn_);

  // Of every experience that was learned. One writer: whoever learns.
  const LatencyHistogram& latency() const { return latency_; }

 private:
  // Holds turn_. An ordinary thread says that it waits, so that the learner's lets it.
  class ABSL_SCOPED_LOCKABLE Turn {
   public:
    explicit Turn(const BackgroundLearner* learner) ABSL_EXCLUSIVE_LOCK_FUNCTION(learner->turn_);
    ~Turn() ABSL_UNLOCK_FUNCTION();

   private:
    const BackgroundLearner* learner_;
  };

  BackgroundLearner(const Plan* plan, Store* store, const Options& options, const Clock* clock);

  absl::Status CheckNoStream(const LearningStream* but) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  LearningStream* Next() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  absl::StatusOr<bool> LearnOne(Nanos* now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  absl::Status DrainLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  void PublishIfDue(Nanos now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  void PublishLocked(Nanos now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  void ReserveLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  void TellJournal() ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  void DropClosed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(turn_);
  static void Add(const LearningStream& stream, Status* status);
  void Poll();

  const Plan* const plan_;
  Store* const store_;
  const Options options_;
  const Clock* const clock_;
  const Nanos began_;
  std::atomic<uint64_t> tickets_{0};  // Drawn so far.

  mutable Mutex turn_;                   // Held by whoever learns, for a slice of time.
  mutable std::atomic<int> waiting_{0};  // Ordinary threads that want it.
  std::vector<std::unique_ptr<LearningStream>> streams_ ABSL_GUARDED_BY(turn_);
  Journal* journal_ ABSL_GUARDED_BY(turn_) = nullptr;
  LastPositions* positions_ ABSL_GUARDED_BY(turn_) = nullptr;  // With the journal.
  uint64_t next_ticket_ ABSL_GUARDED_BY(turn_) = 0;
  int inline_sessions_ ABSL_GUARDED_BY(turn_) = 0;
  Status ended_ ABSL_GUARDED_BY(turn_);  // Counts of streams that are gone, and of the whole.
  Nanos published_at_ ABSL_GUARDED_BY(turn_);
  uint64_t published_commits_ ABSL_GUARDED_BY(turn_) = 0;
  Nanos unpublished_since_ ABSL_GUARDED_BY(turn_){0};
  LatencyHistogram latency_;

  std::atomic<bool> stop_{false};
  std::thread thread_;  // Begun under turn_, joined by the destructor.
};

}  // namespace gyrus
