// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/block_table.h"
#include "core/check.h"
#include "core/mutex.h"
#include "core/real_time.h"

namespace gyrus {

// Names a block within one store: its table, in the order of the store's specs, and its index.
struct BlockId {
  uint32_t table = 0;
  uint32_t index = 0;

  auto operator<=>(const BlockId&) const = default;
  template <typename H>
  friend H AbslHashValue(H hash, const BlockId& id) {
    return H::combine(std::move(hash), id.table, id.index);
  }
};

class Commit;
class Cutter;
class Hold;
class Overlay;
class Reader;
class Store;

// A store as one snapshot has it; valid while that snapshot is pinned or, for the learner's view
// (Store::Draft), on the thread that commits. A value; cheap.
class View {
 public:
  TableView table(uint32_t table) const noexcept GYRUS_NONBLOCKING;
  SnapshotNumber number() const { return number_; }

 private:
  friend class Commit;
  friend class Overlay;
  friend class Store;
  friend class Reader;
  View(const Store* store, SnapshotNumber number, const Overlay* overlay = nullptr)
      : store_(store), number_(number), overlay_(overlay) {}

  const Store* store_;
  SnapshotNumber number_;
  const Overlay* overlay_;  // What lies over it, if anything.
};

// The versioned parameter blocks of one brain. A block is never changed once a reader can see it:
// the learner writes new versions and publishes them together.
//
// - A commit ends one learning step in the draft, which only the learner sees. A publish makes
//   the draft the newest snapshot. A block is copied at its first write after a publish and
//   written in place until the next.
// - What nobody sees is written in place: without Readers what no hold needs; always, learner
// tables.
// - A version returns to the spares once every reader announces at least the number that replaced
//   it and no hold needs it.
// - Memory is fixed: all is taken by Create, but for holds' tables, by ordinary threads.
//
// Thread-safe as each method says: `learner` is whoever commits, one at a time; `ordinary` any
// thread that may wait. Not movable.
class Store {
 public:
  struct Options {
    int max_readers = 16;  // Readers open at once, in [1, 1024].
  };

  // Returns InvalidArgument if a table is malformed, a name is repeated or an option is outside
  // its range; ResourceExhausted if the system has no room.
  static absl::StatusOr<std::unique_ptr<Store>> Create(std::span<const TableSpec> tables,
                                                       const Options& options);
  // Requires: no Hold, Reader or Cutter is left.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  uint32_t num_tables() const { return static_cast<uint32_t>(tables_.size()); }
  const TableSpec& spec(uint32_t table) const { return tables_[table].spec(); }

  // The content that a block starts with, to be filled in. Requires: nothing was written by a
  // commit, no Reader is open, no Hold is taken. Learner.
  std::span<std::byte> Initial(BlockId id) ABSL_LOCKS_EXCLUDED(mutex_);

  // The newest version of a block, to be overwritten where it lies: so a store that nobody learns
  // into follows another. Requires: no Hold or Cutter; until Publish, no pinned Reader.
  std::byte* Overwrite(BlockId id) ABSL_LOCKS_EXCLUDED(mutex_);

  // Touches all memory, so that no step waits for the system to find a page. Requires: nothing
  // was committed, no Reader is open.
  void Prefault();

  // The newest versions, published or not. Learner.
  View Draft() const { return View(this, TableView::kNewest); }

  // Commits begun so far, by any learner. Any thread.
  uint64_t commits() const noexcept { return commits_.load(std::memory_order_relaxed); }

  // Makes the draft the newest snapshot and returns its number; the same again if no commit has
  // asked to write since. Requires: fewer than 2^36 publishes. Learner and ordinary: waits for a
  // commit in progress.
  SnapshotNumber Publish() ABSL_LOCKS_EXCLUDED(mutex_);

  // The newest snapshot; 1 before anything is published. Thread-safe, real-time safe.
  SnapshotNumber published() const noexcept GYRUS_NONBLOCKING {
    return published_.load(std::memory_order_acquire);  // Pairs with Publish.
  }

  // Publishes, then keeps that snapshot readable until the hold (core/hold.h) is dropped. Ordinary.
  Hold TakeHold() ABSL_LOCKS_EXCLUDED(mutex_);

  // The blocks that differ between two holds, sorted; with no `from`, since the store was made.
  // Takes time in proportion to the result. Requires: from <= to. Ordinary.
  std::vector<BlockId> Changed(const Hold* from, const Hold& to) const ABSL_LOCKS_EXCLUDED(mutex_);

  // Returns ResourceExhausted if max_readers are open. Publishes. Ordinary.
  absl::StatusOr<Reader> OpenReader() ABSL_LOCKS_EXCLUDED(mutex_);

  // Versions free for copies right now. Learner.
  uint32_t free_spares(uint32_t table) const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  friend class Commit;
  friend class Cutter;
  friend class Hold;
  friend class Overlay;
  friend class Reader;
  friend class TableWriter;
  friend class View;

  // One reader's announcement: the number that it may be reading, or 0.
  struct alignas(64) Slot {
    std::atomic<SnapshotNumber> announced{0};
    bool open = false;  // Guarded by mutex_.
  };

  // A snapshot that is kept: versions that only holds need, and what was written since the last.
  struct Held {
    SnapshotNumber number;
    int holders;
    absl::flat_hash_map<BlockId, PackedVersion> kept;
    std::vector<BlockId> changed;
  };

  Store(std::vector<BlockTable> tables, const Options& options);

  SnapshotNumber PublishLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReclaimLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RetireLocked(uint32_t table, const BlockTable::Retired& retired)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RefreshRulesLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasSparesLocked(std::span<const uint32_t> needs) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool ReadersMaySeeLocked(uint32_t table, SnapshotNumber stamp) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  SnapshotNumber OldestReadableLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::byte* FirstWriteLocked(BlockId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DropHold(SnapshotNumber number) ABSL_LOCKS_EXCLUDED(mutex_);
  void CloseReader(int slot) ABSL_LOCKS_EXCLUDED(mutex_);
  const std::byte* ReadHeld(SnapshotNumber number, BlockId id) const ABSL_LOCKS_EXCLUDED(mutex_);

  std::vector<BlockTable> tables_;
  std::vector<WriteRule> rules_ ABSL_GUARDED_BY(mutex_);  // By table.
  std::unique_ptr<Slot[]> slots_;
  const int max_readers_;

  mutable Mutex mutex_;  // Held for the length of a commit, a publish, or an ordinary operation.
  // Written under mutex_; sequentially consistent: see Reader::Pin.
  std::atomic<SnapshotNumber> published_{1};
  std::atomic<uint64_t> commits_{0};  // Written under mutex_; a count, so relaxed.
  bool draft_is_dirty_ ABSL_GUARDED_BY(mutex_) = false;
  int open_readers_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<Held> holds_ ABSL_GUARDED_BY(mutex_);  // Oldest first.
  Cutter* cutter_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

// One learning step's writes. All of them are in the draft when the commit ends, none is visible
// to a reader before the next publish. Movable.
//
// Learner: one at a time, on one thread, and nothing else of the store is called meanwhile but
// Draft().
class ABSL_SCOPED_LOCKABLE Commit {
 public:
  // Begins a commit that copies at most needs[t] blocks of table t. Returns nothing if spares are
  // missing even after publishing what is finished: a reader or a hold keeps them, so that the
  // learner waits. An empty `needs` asks for none and suits a store without readers and holds.
  // Requires: needs.size() <= num_tables().
  static std::optional<Commit> TryBegin(Store* store, std::span<const uint32_t> needs);

  Commit(Commit&& other) noexcept
      : store_(std::exchange(other.store_, nullptr)), overlay_(other.overlay_) {}
  Commit& operator=(Commit&&) = delete;
  ~Commit() ABSL_UNLOCK_FUNCTION();

  // The newest version of a block, to be changed at will until the commit ends; aligned to 64.
  // Pointers to the block from before its first write in this commit are stale. Requires: within
  // `needs`.
  std::byte* Write(BlockId id) noexcept GYRUS_NONBLOCKING;

  template <typename T>
  T* As(BlockId id) noexcept GYRUS_NONBLOCKING {
    return reinterpret_cast<T*>(Write(id));
  }

  // For many writes to one table.
  TableWriter table(uint32_t table) noexcept GYRUS_NONBLOCKING;

  View view() const { return View(store_, TableView::kNewest, overlay_); }

  // Whether what is written to a table is kept: all of it, but for a fork that has none of its own
  // there. What is not kept need not be learned.
  bool Keeps(uint32_t table) const noexcept;

 private:
  friend class Overlay;
  explicit Commit(Store* store, Overlay* overlay = nullptr) : store_(store), overlay_(overlay) {}

  Store* store_;
  Overlay* overlay_;  // What takes the writes in the store's place, if anything.
};

// One session's way to read published snapshots. Movable.
//
// One thread at a time. Pin and Unpin are wait-free and real-time safe.
class Reader {
 public:
  Reader(Reader&& other) noexcept;
  Reader& operator=(Reader&& other) noexcept;
  ~Reader();

  // Pins the newest snapshot until Unpin or the next Pin.
  View Pin() noexcept GYRUS_NONBLOCKING {
    std::atomic<SnapshotNumber>& announced = store_->slots_[slot_].announced;
    // Announce first, look again second: whatever is read the second time is at least the
    // announced number, and a reclaim that missed the announcement had published before it.
    announced.store(store_->published_.load(), std::memory_order_seq_cst);
    return View(store_, store_->published_.load(std::memory_order_seq_cst));
  }

  void Unpin() noexcept GYRUS_NONBLOCKING {
    // release: the reads of this step are done before the learner may recycle what they read.
    store_->slots_[slot_].announced.store(0, std::memory_order_release);
  }

 private:
  friend class Store;
  Reader(Store* store, int slot) : store_(store), slot_(slot) {}

  Store* store_;
  int slot_;
};

inline TableWriter::TableWriter(Store* store, uint32_t table) ABSL_NO_THREAD_SAFETY_ANALYSIS
    : store_(store),
      memory_(&store->tables_[table].memory()),
      floor_(store->rules_[table].floor),
      home_(store->rules_[table].unwatched ? store->tables_[table].home() : nullptr),
      table_(table) {}

inline TableWriter::TableWriter(Store* store, uint32_t table, Overlay* overlay)
    : store_(store),
      memory_(&store->tables_[table].memory()),
      floor_(TableView::kNewest),
      home_(nullptr),
      table_(table),
      overlay_(overlay) {}

inline TableWriter Commit::table(uint32_t table) noexcept ABSL_NO_THREAD_SAFETY_ANALYSIS {
  GYRUS_DCHECK(table < store_->tables_.size());
  if (overlay_ != nullptr) return TableWriter(store_, table, overlay_);
  store_->draft_is_dirty_ = true;  // It will be; what is written in place does not say so again.
  return TableWriter(store_, table);
}

inline std::byte* Commit::Write(BlockId id) noexcept { return table(id.table).Write(id.index); }

inline TableView View::table(uint32_t table) const noexcept {
  const TableView base = store_->tables_[table].View(number_);
  return overlay_ == nullptr ? base : base.Under(overlay_, table);
}

}  // namespace gyrus
