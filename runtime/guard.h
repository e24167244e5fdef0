// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "activation/brain_spec.h"
#include "activation/plan.h"
#include "core/clock.h"
#include "core/hold.h"
#include "core/mutex.h"
#include "core/store.h"
#include "learner/learner.h"

namespace gyrus {

// Takes back what a brain has learned from a window of bad input. It holds the last good version
// of all blocks, and judges each window of learning steps, of all sessions together, by its mean
// loss against the reference, a slow mean of good windows:
//
//   within bound x reference   the window was good; the hold is renewed
//   beyond it                  every block changed since the hold is written back, in one new
//                              commit; traces and the watches of drift begin anew; the
//                              window's steps are quarantined
//   beyond it right after      the world has changed, not the brain: this is the new reference,
//                              and what was learned stays
//
// A window with a loss that is not finite is beyond every bound, and always taken back: such a
// brain is no judge of the world. Other rollbacks do not follow each other.
//
// What a window may hide: one whose mean stays within the bound is good, whatever its last steps
// were. Recurrent states stay as they are. A window begins anew, and the reference is unknown,
// whenever the brain is opened. The first window sets the reference.
//
// Costs: spares for a copy of every block that a window may write, which Plan::MakeStore takes (at
// most the brain once more), so that the guard's own hold never stalls learning; as much again for
// a rollback, which copies what it brings back; and a copy of each block that a window first
// writes. At a window's end the learner publishes, and allocates; a rollback copies each of its
// blocks twice.
//
// It also tells of the drifts that learners find; with a window of 0 it does no more.
//
// The learner of the store calls all but status(), one at a time; sessions that learn inline on
// their thread, the background learner within its turn. `store` must outlive it.
class Guard {
 public:
  // Steps whose teaching was taken back.
  struct Quarantine {
    std::string session;
    uint64_t first_step = 0;
    uint64_t last_step = 0;
  };

  struct Status {
    uint64_t good = 0;                    // Windows.
    uint64_t rollbacks = 0;               // Windows taken back,
    uint64_t quarantined = 0;             // with so many events
    uint64_t restored = 0;                // and blocks.
    uint64_t accepted = 0;                // Windows beyond the bound right after a rollback.
    double loss = 0;                      // Mean of the last window, of what was finite.
    double reference = 0;                 // 0: not known yet.
    std::vector<Quarantine> quarantines;  // The newest kQuarantines, oldest first.
  };
  static constexpr std::size_t kQuarantines = 64;

  // Told of each event worth a line in the report's history.
  using Tell = std::function<void(const std::string& line)>;

  // What one takes of memory: room for the blocks that a rollback brings back, untouched before the
  // first.
  static uint64_t BytesFor(const Plan& plan);

  // `store` is the plan's.
  Guard(const Plan& plan, Store* store, Tell tell);
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

  // The learners whose traces and watches a rollback lets begin anew.
  void Add(Learner* learner);
  void Remove(const Learner* learner);

  // Whether a rollback waits for spares: until it is done the blocks hold what is to be taken back,
  // and must not be made durable.
  bool pending() const { return pending_; }

  // Ends a rollback that waits. Returns Unavailable if spares are still missing.
  absl::Status Finish();

  // Runs what is ready of a session's learner, as Learner::RunFor without a limit, and judges the
  // window if that ends it. Returns as RunFor does; Unavailable also while a rollback waits for
  // spares, and then nothing has been learned.
  absl::Status Run(absl::string_view session, Learner* learner, const Clock& clock);

  // Any thread.
  Status status() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Window {
    uint64_t events = 0;
    uint64_t losses = 0;  // That were finite.
    double loss = 0;      // Sum.
    uint64_t not_finite = 0;
    double mean() const { return losses == 0 ? 0 : loss / static_cast<double>(losses); }
  };

  bool judges() const { return spec_.window > 0; }
  void Note(absl::string_view session, const Learner::Tally& tally);
  bool Beyond(double mean) const;
  void EndWindow();
  void BeginWindow();
  void Accept();
  void TakeBack();
  void CountRollback();

  const GuardSpec spec_;
  Store* const store_;
  const Tell tell_;
  std::vector<Learner*> learners_;
  std::optional<Hold> hold_;
  Window window_;
  std::vector<Quarantine> steps_;  // Of the window: the first sessions_ of it.
  std::size_t sessions_ = 0;
  double reference_ = 0;  // 0: not known.
  bool probing_ = false;  // The window before was taken back.

  // A rollback that is under way: blocks as they were, one after the other.
  bool pending_ = false;
  std::vector<BlockId> back_;
  std::vector<std::byte> bytes_;
  std::vector<uint32_t> needs_;  // By table.

  mutable Mutex mutex_;
  Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gyrus
