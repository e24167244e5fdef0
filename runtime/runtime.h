// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "activation/brain_spec.h"
#include "activation/plan.h"
#include "core/clock.h"
#include "core/mutex.h"
#include "core/store.h"
#include "runtime/background_learner.h"
#include "runtime/guard.h"
#include "runtime/journal.h"
#include "runtime/last_positions.h"
#include "runtime/runtime_status.h"
#include "runtime/session.h"
#include "runtime/session_group.h"
#include "runtime/users.h"

namespace gyrus {

class StateDb;

// A brain that runs: its plan, its blocks, its sessions, and the directory that it lives in:
//
//   brain.textproto   what it is
//   state.db          what it has become: blocks that differ from their start, sessions, history
//   users.db          what users have taught their forks of it, if it has any
//   base.safetensors  where it started, if it was imported; otherwise the seed makes it again
//
// Ordinary threads. Sessions must be closed before their runtime.
class Runtime {
 public:
  struct Options {
    bool read_only = false;  // Opens beside a writer; sessions are frozen, nothing is saved.
    int max_sessions = 16;   // Sessions open at once that are not inline, in [1, 1024].
    // Learning steps' worth of block copies, at least 1; of no table more than two copies. What is
    // learned beside readers is published when they run out, or at the brain's publish_every_ms.
    uint32_t spares = 64;
    Durability durability = {};  // Of a directory's brain, unless it is read-only.
    // For sessions in the background: whether a thread learns, or whoever calls RunFor; the share
    // of its time that the thread may take, in (0, 1]; and how many experiences of a session may
    // wait, in [2, 2^20].
    bool learner_thread = true;
    double learner_duty = 1.0;
    uint32_t experiences = 1024;
  };

  // A brain in memory only. Returns InvalidArgument for a mistake in it; ResourceExhausted if it
  // takes more memory than the machine has.
  static absl::StatusOr<std::unique_ptr<Runtime>> Create(const BrainSpec& spec,
                                                         const Options& options);

  // The brain in a directory. Returns NotFound if there is none; InvalidArgument with file, line
  // and column for a mistake in it; ResourceExhausted as Create; FailedPrecondition if it is not
  // bound yet; as StateDb::Open does if a file is locked or damaged.
  static absl::StatusOr<std::unique_ptr<Runtime>> Open(const std::string& directory,
                                                       const Options& options);

  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Ends prefaulting: afterwards no step waits for the system to find a page. Before the first
  // session.
  void Ready();

  // Opens a session where it was saved under its name or stopped learning, whichever came later, or
  // a fresh one; first waits until what it told in the background has been learned. Returns
  // FailedPrecondition for a learning session of a read-only brain, or while sessions of the other
  // kind learn (inline, background); ResourceExhausted if max_sessions are open or its memory is
  // not to be had; DataLoss if what was saved does not fit.
  absl::StatusOr<std::unique_ptr<Session>> OpenSession(const Session::Options& options);

  // Opens the brain's users, whom each fork is one of; a read-only brain has them too. Returns
  // FailedPrecondition without a directory; InvalidArgument if users.resident_bytes is too little
  // for this brain; as UserDb::Open otherwise. The runtime must outlive them.
  absl::StatusOr<std::unique_ptr<Users>> OpenUsers(const Users::Options& options);

  // Learns what sessions in the background have told, until nothing waits or `budget` is spent;
  // for devices without a thread to spare. Returns as BackgroundLearner::RunFor does.
  absl::StatusOr<int> RunFor(Nanos budget) { return background_->RunFor(budget); }

  // Learns everything that was told before the call, and publishes it.
  absl::Status Drain() { return background_->Drain(); }

  // How it goes, for whoever watches. Any thread; waits for a slice of
  // learning or, while one saves, for the disk.
  RuntimeStatus status() const;

  // Makes durable, in one transaction and before it returns, all that was learned, where the given
  // sessions and all that learn stand, and lines for the report's history; ends their chunks of
  // learning steps early. Returns FailedPrecondition without a directory or if read-only; as
  // StateDb::Append otherwise: then the last durable commit stands, and nothing but the lines is
  // forgotten. The inline sessions' thread.
  absl::Status Save(const std::vector<Session*>& sessions, const std::vector<std::string>& history);

  // The same, and keeps that moment as a snapshot under a name, to be gone back to: see Snapshots.
  // Returns as Save; InvalidArgument or AlreadyExists for its name.
  absl::Status SaveSnapshot(const NewSnapshot& snapshot);

  // A line for the report's history, durable with what has been learned up to now. Does nothing
  // without a directory or if read-only.
  void AddHistory(const std::string& line);

  // The brain's text with more names in it: on the disk, whole, before what is learned from now on,
  // since a block that has learned a name's id must never be without the name. Does nothing without
  // a directory or if read-only.
  void KeepText(std::string text);

  // Whether what is learned cannot be written at present: lag() says why. Real-time safe.
  bool failing() const { return journal_ != nullptr && journal_->failing(); }

  // How far the disk is behind; all zero without a directory or if read-only.
  Lag lag() const;

  // The durable history, oldest first.
  absl::StatusOr<std::vector<std::string>> History() const;

  // The sessions that would go on where they stood: when the brain was opened, last saved or
  // refreshed, or when they stopped learning.
  std::vector<std::string> saved_sessions() const;

  // Brings a read-only brain to its writer's newest durable commit, and returns whether there was a
  // newer one; the next step of every session sees it. Returns FailedPrecondition if the brain is
  // not read-only, or as StateDb::LoadSince, and then nothing has changed. No session's method may
  // run meanwhile, and no Exploration live.
  absl::StatusOr<bool> Refresh();

  // Writes one plain safetensors file of all blocks that other tools open: a tensor of shape
  // (blocks, rows, columns) for each tensor of each table, named "<table>.<tensor>".
  absl::Status Export(const std::string& path);

  const BrainSpec& spec() const { return plan_->spec(); }
  const Plan& plan() const { return *plan_; }
  Store& store() { return *store_; }

  // Null without a directory or if read-only.
  Journal* journal() { return journal_.get(); }

 private:
  Runtime();

  absl::Status Start(const BrainSpec& spec, const Options& options);
  absl::Status TakeMemory(const BrainSpec& spec, const Options& options);
  absl::Status Place(const absl::Status& status) const;
  absl::Status WithWayOut(const absl::Status& status) const;
  absl::Status Save(const std::vector<Session*>& sessions, const std::vector<std::string>& history,
                    const std::optional<NewSnapshot>& snapshot);
  absl::Status Load(const std::string& directory);
  absl::StatusOr<bool> Follow();
  absl::Status CheckBlock(BlockId id) const;

  Options options_;
  std::string directory_;  // Empty: none.
  std::string text_;       // Of the brain, for the places of mistakes.
  std::unique_ptr<const Plan> plan_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<StateDb> state_;       // Of a read-only brain; else the journal has it.
  uint64_t loaded_row_ = 0;              // Of its journal.
  std::unique_ptr<Journal> journal_;     // Null without a directory or if read-only.
  std::unique_ptr<SessionGroup> group_;  // The journal's inline sessions.
  LastPositions positions_;
  SystemClock clock_;
  std::unique_ptr<Guard> guard_;                   // Null unless the brain has one.
  std::unique_ptr<BackgroundLearner> background_;  // Ends before what it learns in and writes to.
  mutable Mutex meters_mutex_;
  mutable std::vector<std::weak_ptr<const SessionMeter>> meters_ ABSL_GUARDED_BY(meters_mutex_);
};

}  // namespace gyrus
