// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "core/bytes.h"
#include "core/store.h"

namespace gyrus {

// What every fork of a brain looks like: which tables may be its own, and how much it may hold.
// Immutable; outlives its forks. Thread-safe.
class ForkShape {
 public:
  struct Table {
    uint32_t first_key = 0;  // Keys of its blocks: first_key + index; 0 is no key.
    uint32_t blocks = 0;
    uint32_t lines = 0;   // Cache lines of a block.
    uint32_t writes = 0;  // The most blocks that one commit may write.
  };

  // writes[t]: the most blocks of table t that one commit writes and a fork keeps; 0 where it keeps
  // none. Returns InvalidArgument if max_bytes has no room for two commits' writes, or the tables
  // hold 2^32 blocks or more.
  static absl::StatusOr<ForkShape> Create(const Store& store, std::span<const uint32_t> writes,
                                          std::size_t max_bytes);

  bool owns(uint32_t table) const { return tables_[table].writes > 0; }
  const Table& table(uint32_t table) const { return tables_[table]; }
  uint32_t num_tables() const { return static_cast<uint32_t>(tables_.size()); }

  // The table of a key. Requires: a key of a block.
  uint32_t TableOf(uint32_t key) const noexcept;

  uint32_t max_lines() const { return max_lines_; }
  uint32_t commit_lines() const { return commit_lines_; }  // What one commit may add at most.

  // The most that Fork::Save writes.
  std::size_t max_saved_bytes() const;

  // What a fork of so many lines takes of memory.
  static std::size_t BytesFor(uint32_t lines);

 private:
  std::vector<Table> tables_;
  uint32_t max_lines_ = 0;
  uint32_t commit_lines_ = 0;
};

// A brain of one's own for the price of what it changes: copies of the blocks that were written
// here, in bounded memory. When it is full, the block that has not been written for longest makes
// room: there the fork is like the brain that it stands over again.
//
// Blocks lie in a ring of cache lines, in the order in which they were first written, and are found
// by an open-addressed directory. Memory doubles until it is the shape's.
//
// Movable. Thread-compatible. Find and Add are real-time safe; MakeRoom, too, once bytes() is what
// the shape allows, and takes memory before.
class Fork {
 public:
  explicit Fork(const ForkShape* shape);

  // The fork's own block, or null. Valid until MakeRoom, Clear or Restore.
  std::byte* Find(uint32_t table, uint32_t index) const noexcept;

  // Copies a block that it has not; valid as Find's. Requires: no more blocks since MakeRoom than
  // one commit may write.
  std::byte* Add(uint32_t table, uint32_t index, const std::byte* from) noexcept;

  // Says that a block of its own is written again.
  std::byte* Touch(uint32_t table, uint32_t index) noexcept;

  // Makes room for one commit: takes memory, or forgets what was not written for longest.
  void MakeRoom();

  // Forgets everything but its memory.
  void Clear() noexcept;

  uint32_t blocks() const { return blocks_; }
  std::size_t bytes() const { return ForkShape::BytesFor(lines_); }
  uint64_t forgotten() const { return forgotten_; }  // Blocks that had to make room, since Restore.

  // Calls visit(table, index, block) for each block, first written first.
  void Visit(absl::FunctionRef<void(uint32_t, uint32_t, const std::byte*)> visit) const;

  // Writes everything: restored, it goes on as if it had never been saved, to the bit. Restore
  // leaves the reader not ok() if the bytes are of another shape, and then the fork is empty.
  void Save(ByteWriter* writer) const;
  void Restore(ByteReader* reader);

 private:
  struct Free {
    void operator()(std::byte* lines) const { ::operator delete (lines, std::align_val_t{64}); }
  };
  struct Entry {
    uint32_t key = 0;    // 0: free.
    uint32_t place = 0;  // Twice the block's first line, plus 1 if written since it was added or
                         // last spared.
  };

  Fork(const ForkShape* shape, std::byte* memory, uint32_t lines) : shape_(shape) {
    Adopt(memory, lines);
  }
  void Adopt(std::byte* memory, uint32_t lines);
  void Empty() noexcept;
  bool Grow();
  void ForgetOldest(int* spared) noexcept;
  bool RestoreBlock(uint32_t* end, ByteReader* reader);
  std::size_t Slot(uint32_t key) const noexcept;  // Where a key is, or the free place for it.
  void Erase(std::size_t slot) noexcept;
  bool Fits(uint32_t lines) const noexcept;
  uint32_t Take(uint32_t lines) noexcept;
  std::byte* data(uint32_t line) const noexcept { return memory_.get() + std::size_t{line} * 64; }

  const ForkShape* shape_;
  std::unique_ptr<std::byte, Free> memory_;  // (lines_, 64), then the two below.
  std::span<Entry> directory_;               // A power of two, at most half full.
  std::span<uint32_t> owners_;  // By line: the key of the block that begins there, or 0.
  uint32_t lines_ = 0;
  uint32_t oldest_ = 0;  // The line where the ring begins.
  uint32_t used_ = 0;    // Lines from there on.
  uint32_t blocks_ = 0;
  uint64_t forgotten_ = 0;
};

}  // namespace gyrus
