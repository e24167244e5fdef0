// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <vector>

#include "core/fork.h"
#include "core/store.h"

namespace gyrus {

// One thread's place over a store, at which one fork after the other is run: views read the fork's
// own blocks and, where it has none, the store's newest; commits write into the fork alone.
// What they write of tables that no fork owns is worth nothing after the commit.
//
// Views and commits of it are used like the store's. One thread at a time; the store must not be
// learned into meanwhile but by that same thread. Showing another fork costs nothing. As real-time
// safe as Fork::MakeRoom, which ends each commit; the first commits take memory for what is not
// kept.
class Overlay {
 public:
  // Both must outlive it.
  Overlay(Store* store, const ForkShape* shape);

  // Shows a fork of that shape, or null: nothing but the store, and then no commit may begin.
  // Outlives its stay here; what was read and written before is stale.
  void Show(Fork* fork) noexcept {
    fork_ = fork;
    ++commits_;
  }
  Fork* fork() const { return fork_; }

  View view() const noexcept { return View(store_, TableView::kNewest, this); }

  // Requires: a fork, and no other commit.
  Commit Begin() noexcept {
    ++commits_;
    return Commit(store_, this);
  }

  // Whether a fork has blocks of its own of a table.
  bool Keeps(uint32_t table) const noexcept { return shape_->owns(table); }

  // Rises whenever what a view shows may have changed.
  uint64_t commits() const noexcept { return commits_ + store_->commits(); }

 private:
  friend class Commit;
  friend class TableView;
  friend class TableWriter;

  const std::byte* Read(uint32_t table, uint32_t index) const noexcept GYRUS_NONBLOCKING;
  std::byte* Write(uint32_t table, uint32_t index) noexcept GYRUS_NONBLOCKING;
  void EndCommit() noexcept;

  struct Free {
    void operator()(std::byte* block) const { ::operator delete (block, std::align_val_t{64}); }
  };
  // Blocks of one table that this commit wrote and no fork keeps: indices_[i] is in blocks[i].
  // Memory stays for the next.
  struct Discarded {
    std::vector<uint32_t> indices = {};
    std::vector<std::unique_ptr<std::byte, Free>> blocks = {};
  };
  std::byte* WriteToDiscard(uint32_t table, uint32_t index) noexcept;

  Store* const store_;
  const ForkShape* const shape_;
  Fork* fork_ = nullptr;
  uint64_t commits_ = 0;
  std::vector<Discarded> discarded_;  // By table.
};

// Where a learner learns: a store's draft, or what an overlay shows of it. A value; cheap.
class WorkingCopy {
 public:
  WorkingCopy(Store* store, Overlay* overlay = nullptr)  // NOLINT(google-explicit-constructor)
      : store_(store), overlay_(overlay) {}

  View view() const noexcept { return overlay_ == nullptr ? store_->Draft() : overlay_->view(); }

  // As Commit::TryBegin; over an overlay always.
  std::optional<Commit> TryBegin(std::span<const uint32_t> needs) const {
    if (overlay_ == nullptr) return Commit::TryBegin(store_, needs);
    return overlay_->Begin();
  }

  uint64_t commits() const noexcept {
    return overlay_ == nullptr ? store_->commits() : overlay_->commits();
  }

  bool forked() const { return overlay_ != nullptr; }
  Store* store() const { return store_; }

 private:
  Store* store_;
  Overlay* overlay_;
};

}  // namespace gyrus
