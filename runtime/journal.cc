// SPDX-License-Identifier: Apache-2.0
// Why the writer polls while it waits for the learner: to wake it would cost the learner a system
// call within a step. It naps from one millisecond up to twenty, which is all that it adds to the
// lag, and only while a cut is due or being copied.
#include "runtime/journal.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/status_macros.h"
#include "runtime/files.h"
#include "runtime/memory.h"
#include "runtime/position.h"

namespace gyrus {
namespace {

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

// What is copied after one commit: a few microseconds' worth, or more where commits are rare, so
// that a cut is copied in an eighth of the commits that made it.
constexpr uint64_t kLeastPiece = uint64_t{2} << 10;
constexpr uint64_t kMostPiece = uint64_t{1} << 20;

// Moments within a chunk that are passed over. All areas of a brain are between chunks again after
// the least common multiple of their lengths; a session whose stream has ended within one never is.
constexpr int kPatience = 4096;

constexpr Nanos kRetry = std::chrono::seconds(1);
constexpr Nanos kShortestNap = std::chrono::milliseconds(1);
constexpr Nanos kLongestNap = std::chrono::milliseconds(20);

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(std::unique_ptr<StateDb> state,
                                                       SnapshotNumber number, Store* store,
                                                       const Durability& durability) {
  if (durability.interval <= Nanos(0) || durability.bytes_per_second < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("an interval must be above 0 and its budget at least 1 byte a second, got ",
                     durability.interval.count(), " ns and ", durability.bytes_per_second));
  }
  std::unique_ptr<Journal> journal(new Journal(std::move(state), number, store, durability));
  GYRUS_ASSIGN_OR_RETURN(journal->cutter_, Cutter::Create(store));
  journal->writer_ = std::thread([journal = journal.get()] {
    while (journal->AwaitCut()) journal->WriteCut();
  });
  return journal;
}

Journal::Journal(std::unique_ptr<StateDb> state, SnapshotNumber number, Store* store,
                 const Durability& durability)
    : durability_(durability),
      store_(store),
      turn_(durability.when == Durability::When::kEveryCommit ? Turn::kDue : Turn::kIdle),
      state_(std::move(state)),
      number_(number) {
  durable_.durable = number;
  durable_time_ = clock_.Now();
  if (durability.when == Durability::When::kInterval) next_ = durable_time_ + durability.interval;
}

Journal::~Journal() {
  if (!writer_.joinable()) return;
  {
    MutexLock lock(&mutex_);
    retry_ = turn_.load(std::memory_order_acquire) == Turn::kFailed;
    if (retry_) changed_.NotifyAll();
    FinishCut().IgnoreError();  // Whoever minds has saved, or looked at lag().
    stop_ = true;
    changed_.NotifyAll();
  }
  writer_.join();
}

void Journal::Reserve(std::size_t sessions, std::size_t bytes) {
  reserved_sessions_.store(sessions, std::memory_order_relaxed);
  reserved_bytes_.store(bytes, std::memory_order_relaxed);
}

void Journal::Work(PositionsAt positions) {
  if (turn_.load(std::memory_order_acquire) == Turn::kDue) {
    if (store_->commits() == last_commits_) return;
    const bool patient = refused_ < kPatience;
    if (!MakeCut(positions, patient)) {
      ++refused_;
      return;
    }
    turn_.store(Turn::kCopying, std::memory_order_release);
  }
  const bool waits = durability_.when == Durability::When::kEveryCommit;
  if (!cutter_->Copy(waits ? kAll : piece_)) return;
  // release: with it the cut goes to the writer.
  turn_.store(Turn::kWhole, std::memory_order_release);
  if (!waits) return;
  MutexLock lock(&mutex_);
  changed_.NotifyAll();
  AwaitWrite();
}

bool Journal::MakeCut(PositionsAt positions, bool patient) {
  cut_.positions.Clear();
  Moment moment(&cut_.positions, patient);
  if (!positions(&moment)) {
    GYRUS_CHECK(patient);
    return false;
  }
  refused_ = 0;
  const uint64_t bytes = cutter_->changed_bytes();
  cutter_->Cut();
  cut_.commits = store_->commits();
  cut_.time = clock_.Now();
  const uint64_t commits = std::max<uint64_t>(1, cut_.commits - last_commits_);
  piece_ = std::clamp(8 * bytes / commits, kLeastPiece, kMostPiece);
  last_commits_ = cut_.commits;
  return true;
}

absl::Status Journal::Save(PositionsAt positions, const std::vector<std::string>& history,
                           const std::optional<NewSnapshot>& snapshot) {
  if (snapshot.has_value()) {  // A name that may not be would be refused again with every write.
    MutexLock lock(&state_mutex_);
    GYRUS_RETURN_IF_ERROR(state_->CheckNewName(snapshot->name));
  }
  {
    MutexLock lock(&mutex_);
    retry_ = turn_.load(std::memory_order_acquire) == Turn::kFailed;
    if (retry_) changed_.NotifyAll();
    GYRUS_RETURN_IF_ERROR(FinishCut());
    turn_.store(Turn::kCopying, std::memory_order_relaxed);  // The writer looks under the lock.
  }
  MakeCut(positions, /*patient=*/false);
  cut_.history = history;
  cut_.snapshot = snapshot;
  MutexLock lock(&mutex_);
  return FinishCut();
}

// Has what is cut, if anything, copied and written.
absl::Status Journal::FinishCut() {
  if (turn_.load(std::memory_order_acquire) == Turn::kCopying) {
    cutter_->Copy(kAll);
    turn_.store(Turn::kWhole, std::memory_order_release);
    changed_.NotifyAll();
  }
  AwaitWrite();
  return turn_.load(std::memory_order_acquire) == Turn::kFailed ? durable_.status
                                                                : absl::OkStatus();
}

void Journal::AwaitWrite() {
  const auto writes = [this] {
    const Turn turn = turn_.load(std::memory_order_acquire);
    return turn == Turn::kWhole || turn == Turn::kReadying;
  };
  while (retry_ || writes()) changed_.Wait(&mutex_);
}

void Journal::AddHistory(const std::string& line) {
  MutexLock lock(&mutex_);
  lines_.push_back({store_->commits(), line});
}

void Journal::WriteFirst(const std::string& path, std::string bytes) {
  MutexLock lock(&mutex_);
  first_path_ = path;
  first_bytes_ = std::move(bytes);
}

absl::Status Journal::VisitHistory(absl::FunctionRef<absl::Status(absl::string_view)> visit) {
  MutexLock lock(&state_mutex_);
  return state_->VisitHistory(visit);
}

Lag Journal::lag() const {
  MutexLock lock(&mutex_);
  Lag lag = durable_;
  lag.commits = store_->commits() - durable_commits_;
  lag.bytes = cutter_->changed_bytes();
  if (lag.commits > 0) lag.time = clock_.Now() - durable_time_;
  return lag;
}

// Returns true once there is a cut to write, false if there will be none any more.
bool Journal::AwaitCut() {
  Nanos nap = kShortestNap;
  MutexLock lock(&mutex_);
  while (true) {
    const Turn turn = turn_.load(std::memory_order_acquire);
    if (turn == Turn::kWhole) return true;
    if (stop_) return false;
    if (turn == Turn::kDue || turn == Turn::kCopying) {
      changed_.WaitFor(&mutex_, nap);
      nap = std::min(2 * nap, kLongestNap);
      continue;
    }
    const Nanos left = next_ - clock_.Now();
    if (turn == Turn::kFailed && (retry_ || left <= Nanos(0))) return true;
    if (turn == Turn::kIdle && durability_.when == Durability::When::kOnClose) {
      changed_.Wait(&mutex_);
    } else if (left > Nanos(0)) {
      changed_.WaitFor(&mutex_, left);
    } else {
      // Without the lock, which the learner may want for a line of history: finding pages is slow.
      turn_.store(Turn::kReadying, std::memory_order_release);
      mutex_.Unlock();
      PrepareCut();
      mutex_.Lock();
      turn_.store(Turn::kDue, std::memory_order_release);
      changed_.NotifyAll();
    }
  }
}

// Takes ahead what memory a cut may need, so that the learner waits for none.
void Journal::PrepareCut() {
  cutter_->Prefault(cutter_->changed_bytes() * 5 / 4 + kLeastPiece);
  // What is not to be had now, the cut takes.
  WithinMemory([&] {
    cut_.positions.Reserve(reserved_sessions_.load(std::memory_order_relaxed),
                           reserved_bytes_.load(std::memory_order_relaxed));
    return absl::OkStatus();
  }).IgnoreError();
}

StateCommit Journal::MakeCommit() const {
  StateCommit commit;
  commit.number = number_ + (cutter_->blocks() > 0 ? 1 : 0);
  commit.snapshot = cut_.snapshot;
  commit.blocks.reserve(cutter_->blocks());
  cutter_->Visit([&](BlockId id, std::span<const std::byte> bytes) {
    commit.blocks.push_back({id, bytes});
  });
  for (std::size_t s = 0; s < cut_.positions.size(); ++s) {
    commit.sessions.push_back(
        {std::string(cut_.positions.name(s)), std::string(cut_.positions.position(s))});
  }
  return commit;
}

// Steps of all sessions: of those that are not part of it as the state has them.
absl::Status Journal::CountSteps(StateCommit* commit) {
  MutexLock lock(&state_mutex_);
  GYRUS_ASSIGN_OR_RETURN(StateDb::Loaded all, state_->Sessions());
  all.sessions.insert(all.sessions.end(), commit->sessions.begin(), commit->sessions.end());
  absl::flat_hash_map<std::string, uint64_t> steps;  // What comes last counts.
  for (const StateCommit::Session& session : all.sessions) {
    steps[session.name] = Position::StepsOf(session.position);
  }
  commit->snapshot->steps = 0;
  for (const auto& [name, count] : steps) commit->snapshot->steps += count;
  return absl::OkStatus();
}

// Adds the lines whose time has come, and Save's, and returns how many are of lines_.
std::size_t Journal::TakeLines(StateCommit* commit) {
  MutexLock lock(&mutex_);
  std::size_t lines = 0;
  // A line is durable no earlier than what it tells of.
  while (lines < lines_.size() && lines_[lines].commits <= cut_.commits) {
    commit->history.push_back(lines_[lines++].text);
  }
  commit->history.insert(commit->history.end(), cut_.history.begin(), cut_.history.end());
  return lines;
}

void Journal::WriteCut() {
  SnapshotNumber number = number_;
  std::size_t lines = 0;
  uint64_t written = 0;
  const absl::Status status = WithinMemory([&] {
    StateCommit commit = MakeCommit();
    number = commit.number;
    lines = TakeLines(&commit);
    GYRUS_RETURN_IF_ERROR(WriteFirstFile());
    if (commit.snapshot.has_value()) GYRUS_RETURN_IF_ERROR(CountSteps(&commit));
    return Append(commit, &written);
  });

  MutexLock lock(&mutex_);
  retry_ = false;
  cut_.history.clear();
  cut_.snapshot.reset();
  durable_.status = status;
  durable_.written_bytes += written;
  if (status.ok()) {
    number_ = number;
    lines_.erase(lines_.begin(), lines_.begin() + static_cast<std::ptrdiff_t>(lines));
    durable_.durable = number_;
    durable_commits_ = cut_.commits;
    durable_time_ = cut_.time;
    cutter_->Clear();
    next_ = NextAfter(written);
    const bool waits = durability_.when == Durability::When::kEveryCommit;
    turn_.store(waits ? Turn::kDue : Turn::kIdle, std::memory_order_release);
  } else {
    next_ = clock_.Now() + kRetry;
    turn_.store(Turn::kFailed, std::memory_order_release);
  }
  changed_.NotifyAll();
}

absl::Status Journal::WriteFirstFile() {
  std::string path;
  std::string bytes;
  {
    MutexLock lock(&mutex_);
    if (first_path_.empty()) return absl::OkStatus();
    path.swap(first_path_);
    bytes.swap(first_bytes_);
  }
  const absl::Status status = WriteFile(path, bytes);
  if (status.ok()) return status;
  MutexLock lock(&mutex_);
  if (first_path_.empty()) {  // Nothing newer has come: this one is still to be written.
    first_path_.swap(path);
    first_bytes_.swap(bytes);
  }
  return status;
}

absl::Status Journal::Append(const StateCommit& commit, uint64_t* written) {
  MutexLock lock(&state_mutex_);
  const uint64_t before = state_->written_bytes();
  const absl::Status status = state_->Append(commit);
  *written = state_->written_bytes() - before;
  return status;
}

Nanos Journal::NextAfter(uint64_t written) const {
  if (durability_.when != Durability::When::kInterval) return Nanos(0);
  const double seconds =
      static_cast<double>(written) / static_cast<double>(durability_.bytes_per_second);
  return cut_.time +
         std::max(durability_.interval, std::chrono::duration_cast<Nanos>(
                                            std::chrono::duration<double>(std::min(seconds, 1e6))));
}

}  // namespace gyrus
