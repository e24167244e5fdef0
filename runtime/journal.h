// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/clock.h"
#include "core/cutter.h"
#include "core/mutex.h"
#include "core/store.h"
#include "runtime/positions.h"
#include "runtime/store/state_db.h"

namespace gyrus {

// When what was learned becomes durable.
struct Durability {
  enum class When : uint8_t {
    kOnClose,      // When it is saved, and not before.
    kInterval,     // By itself, every so often.
    kEveryCommit,  // Before learning goes on: each commit waits for the disk.
  };

  When when = When::kInterval;
  // kInterval: the shortest time from one durable commit to the next. Above 0.
  Nanos interval = std::chrono::seconds(1);
  // kInterval: the time stretches so that no more is written on average, the folding of the
  // journal included. At least 1.
  uint64_t bytes_per_second = uint64_t{1} << 20;
};

// How far the disk is behind.
struct Lag {
  uint64_t commits = 0;        // That a crash now would lose.
  uint64_t bytes = 0;          // Of blocks changed since the newest cut.
  Nanos time = Nanos(0);       // Since the moment that it would go back to; 0 if nothing is lost.
  SnapshotNumber durable = 0;  // Number of the last durable commit.
  uint64_t written_bytes = 0;  // To the disk, since the journal was opened.
  absl::Status status;         // Why the last write failed; OK once one has succeeded.
};

// Makes what is learned durable while learning goes on. A thread of its own writes; it alone uses
// the StateDb. Now and then it says that a cut is due; whoever learns then notes the moment
// between two commits, with the positions of the sessions, and copies the blocks that changed, a
// few at a time, after each commit. What is copied the thread writes as one durable commit:
//
//   writer   wait ... say that it is due             write ............ wait
//   learner  learn, learn, learn, cut; learn, copy; learn, copy; learn, learn, ...
//
// Neither waits for the other, but for kEveryCommit and Save. If a write fails, the copy is kept
// and written again every second, or with the next Save, and nothing is cut meanwhile.
//
// Thread-safe as each method says; the learner is whoever commits, one at a time. Not movable.
class Journal {
 public:
  // Writes down where every session stands at this moment, to go on bit for bit. Returns false,
  // having written nothing, for a moment within a chunk of learning steps: what the chunk has
  // gathered is in no block yet; but after some thousand refusals the list is no longer patient,
  // and a moment within a chunk has to do.
  class Moment;
  using PositionsAt = absl::FunctionRef<bool(Moment*)>;

  // `state` is open for writing and has been loaded up to its commit `number` into `store`, to
  // which nothing was committed since, and which must outlive the journal. Returns InvalidArgument
  // if an option is out of range; ResourceExhausted if the system has no room.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(std::unique_ptr<StateDb> state,
                                                       SnapshotNumber number, Store* store,
                                                       const Durability& durability);

  // Makes durable what is cut. Ordinary, as the learner rests.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  // Says how much memory the positions of all sessions may take, so that a cut need allocate none.
  // Any thread.
  void Reserve(std::size_t sessions, std::size_t bytes);

  // To be called between commits, after each or as often as there is nothing to learn: cuts or
  // copies if it is time. Real-time safe (kEveryCommit: waits for the disk). Learner.
  void AfterCommit(PositionsAt positions) {
    // relaxed: Work looks again.
    const Turn turn = turn_.load(std::memory_order_relaxed);
    if (turn == Turn::kDue || turn == Turn::kCopying) Work(positions);
  }

  // Cuts now and waits until that is durable, with lines for the report's history and, if asked,
  // a snapshot under a name. Returns as StateDb::Append; then the last durable commit stands, the
  // lines and the name are forgotten, and what was learned is written with the next. Learner, and
  // may wait.
  absl::Status Save(PositionsAt positions, const std::vector<std::string>& history,
                    const std::optional<NewSnapshot>& snapshot = std::nullopt);

  // A line for the history, durable with whatever has been learned up to now. Any thread, may wait.
  void AddHistory(const std::string& line) ABSL_LOCKS_EXCLUDED(mutex_);

  // A file that must be on the disk, whole, before anything that is learned from now on; a later
  // one replaces it. Any thread, may wait.
  void WriteFirst(const std::string& path, std::string bytes) ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether the last write failed: lag() says why. Real-time safe. Any thread.
  bool failing() const noexcept { return turn_.load(std::memory_order_relaxed) == Turn::kFailed; }

  // As StateDb::VisitHistory. Any thread, may wait for a write.
  absl::Status VisitHistory(absl::FunctionRef<absl::Status(absl::string_view)> visit)
      ABSL_LOCKS_EXCLUDED(state_mutex_);

  // Any thread, may wait.
  Lag lag() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  // Who may touch the cutter and the cut; changes hands with release and acquire.
  enum class Turn : uint8_t {
    kIdle,      // Writer: it is not time yet.
    kReadying,  // Writer: take memory for the cut.
    kDue,       // Learner: cut.
    kCopying,   // Learner: copy.
    kWhole,     // Writer: write.
    kFailed,    // Writer: write again, later.
  };

  // What is cut, beside the blocks.
  struct Cut {
    uint64_t commits = 0;  // Of the store, at that moment,
    Nanos time{0};         // which was then.
    Positions positions;
    std::vector<std::string> history;     // Save's,
    std::optional<NewSnapshot> snapshot;  // and this.
  };

  Journal(std::unique_ptr<StateDb> state, SnapshotNumber number, Store* store,
          const Durability& durability);

  // The learner's.
  void Work(PositionsAt positions);
  bool MakeCut(PositionsAt positions, bool patient);
  absl::Status FinishCut() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AwaitWrite() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The writer's.
  bool AwaitCut() ABSL_LOCKS_EXCLUDED(mutex_);
  void PrepareCut();
  void WriteCut() ABSL_LOCKS_EXCLUDED(mutex_, state_mutex_);
  StateCommit MakeCommit() const;
  absl::Status CountSteps(StateCommit* commit) ABSL_LOCKS_EXCLUDED(state_mutex_);
  std::size_t TakeLines(StateCommit* commit) ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status WriteFirstFile() ABSL_LOCKS_EXCLUDED(mutex_);
  absl::Status Append(const StateCommit& commit, uint64_t* written)
      ABSL_LOCKS_EXCLUDED(state_mutex_);
  Nanos NextAfter(uint64_t written) const;

  const Durability durability_;
  Store* const store_;
  SystemClock clock_;
  std::unique_ptr<Cutter> cutter_;
  std::atomic<Turn> turn_{Turn::kIdle};
  std::atomic<std::size_t> reserved_sessions_{0};  // Counts, so relaxed.
  std::atomic<std::size_t> reserved_bytes_{0};

  // In the hands of whose turn it is.
  Cut cut_;
  std::size_t piece_ = 0;  // Bytes to copy after a commit.

  // The learner's.
  uint64_t last_commits_ = 0;  // At the newest cut.
  int refused_ = 0;            // Moments within a chunk, since a cut was due.

  Mutex state_mutex_;
  std::unique_ptr<StateDb> state_ ABSL_GUARDED_BY(state_mutex_);
  SnapshotNumber number_ = 0;  // The writer's.

  mutable Mutex mutex_;
  Condition changed_;  // The turn, by whoever may wait; and what the writer is asked for.
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool retry_ ABSL_GUARDED_BY(mutex_) = false;
  Nanos next_ ABSL_GUARDED_BY(mutex_){0};  // When the writer's time comes: to ask, or try again.
  struct Line {
    uint64_t commits;  // Of the store, when it came.
    std::string text;
  };
  std::vector<Line> lines_ ABSL_GUARDED_BY(mutex_);
  std::string first_path_ ABSL_GUARDED_BY(mutex_);  // Of WriteFirst; empty: nothing waits.
  std::string first_bytes_ ABSL_GUARDED_BY(mutex_);
  Lag durable_ ABSL_GUARDED_BY(mutex_);  // But `commits` and `time`:
  uint64_t durable_commits_ ABSL_GUARDED_BY(mutex_) = 0;
  Nanos durable_time_ ABSL_GUARDED_BY(mutex_){0};

  std::thread writer_;  // Last: it uses all of the above.
};

// Where sessions write down their positions: see Journal::PositionsAt.
class Journal::Moment {
 public:
  // Whether a moment outside of every chunk may be waited for.
  bool patient() const { return patient_; }

  // As of Positions.
  bool Has(absl::string_view name) const { return positions_->Has(name); }
  ByteWriter* Add(absl::string_view name) { return positions_->Add(name); }

 private:
  friend class Journal;
  Moment(Positions* positions, bool patient) : positions_(positions), patient_(patient) {}

  Positions* positions_;
  bool patient_;
};

}  // namespace gyrus
