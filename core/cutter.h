// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "core/page_memory.h"
#include "core/real_time.h"
#include "core/store.h"

namespace gyrus {

// Takes the blocks that changed between two moments, as they were at the later one, while learning
// goes on: what a journal writes. A hold would give the same, but make every first write after it
// a copy that stays away from home for good; a cut is over when its blocks are copied.
//
//   cutter->Cut();                        // Constant time: from now on, a first write to a block
//   while (!cutter->Copy(8192)) Learn();  // that awaits its copy copies it out before.
//   cutter->Visit(write);                 // By any thread; meanwhile learning goes on.
//   cutter->Clear();
//
// Together the visited blocks of all cuts so far, the newest of each, are the store at the newest
// cut. All memory is taken by Create, untouched: room for one copy of every block, of which a cut
// makes resident what it copies unless Prefault has.
//
// One per store. Each method says whose it is; between them the cutter goes from hand to hand.
// Not movable.
class Cutter {
 public:
  // Takes note of every write from now on; `store` must outlive it. Returns ResourceExhausted if
  // the system has no room. Requires: nothing was committed yet, and the store has no other.
  // Ordinary.
  static absl::StatusOr<std::unique_ptr<Cutter>> Create(Store* store);
  // Ordinary, as the learner rests.
  ~Cutter();
  Cutter(const Cutter&) = delete;
  Cutter& operator=(const Cutter&) = delete;

  // At least the bytes that a cut made now would copy. Any thread.
  uint64_t changed_bytes() const noexcept { return changed_bytes_.load(std::memory_order_relaxed); }

  // Makes memory for a cut of so many bytes resident, so that copying waits for no page. Requires:
  // nothing is cut. Ordinary.
  void Prefault(uint64_t bytes);

  // Publishes and cuts: what has changed since the cut before awaits its copy. Real-time safe.
  // Requires: nothing is cut. Learner, between commits.
  void Cut() noexcept GYRUS_NONBLOCKING;

  // Copies blocks of about `bytes` in all (at least one) and returns whether all of the cut is
  // copied. Real-time safe. Learner, between commits.
  bool Copy(std::size_t bytes) noexcept GYRUS_NONBLOCKING;

  // What was copied, in no order, each block once; and forget it. Requires: Copy said true. Whoever
  // writes.
  void Visit(absl::FunctionRef<void(BlockId, std::span<const std::byte>)> visit) const;
  void Clear() noexcept;

  // Blocks and bytes copied so far.
  std::size_t blocks() const { return blocks_; }
  uint64_t bytes() const { return bytes_; }

 private:
  friend class Store;

  explicit Cutter(Store* store) : store_(store) {}

  absl::Status TakeMemory();

  // The rest is the store's, under its lock.
  SnapshotNumber number() const { return number_; }  // Published by the newest cut; 0: none.
  void BeforeFirstWrite(BlockId id) noexcept;
  void CopyOut(BlockId id) noexcept;
  std::size_t CopyWord(std::size_t bytes) noexcept;

  Store* const store_;
  PageMemory ids_memory_;
  PageMemory bytes_memory_;
  BlockId* ids_ = nullptr;       // Of the copies, in their order.
  std::byte* copies_ = nullptr;  // One after the other.
  std::size_t blocks_ = 0;
  uint64_t bytes_ = 0;
  uint64_t most_bytes_ = 0;  // Of all blocks together.
  uint64_t resident_ = 0;
  std::atomic<uint64_t> changed_bytes_{0};  // Written by the learner; a count, so relaxed.

  SnapshotNumber number_ = 0;
  bool copying_ = false;
  // How far Copy has come: all words before are copied.
  uint32_t table_ = 0;
  std::size_t word_ = 0;
};

}  // namespace gyrus
