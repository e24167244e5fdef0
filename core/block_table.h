// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/layout.h"
#include "core/page_memory.h"
#include "core/real_time.h"
#include "core/table_view.h"
#include "core/written_blocks.h"

namespace gyrus {

// Describes the blocks of one layout.
struct TableSpec {
  std::string name;  // Unique within a store, e.g. "vision.weights". Not empty.
  BlockLayout layout;
  uint32_t blocks = 0;  // In [1, 2^26].
  uint32_t spares = 0;  // Versions beyond one per block, in [0, 2^26]; see Store.
  // Where the blocks start: `blocks` * block_bytes() bytes of a private, writable mapping that
  // outlives the store, aligned to 64 (a base file; what is not written stays shared), or empty:
  // all zero.
  std::span<std::byte> base = {};
};

// The memory of one table: a slot for each block and each spare, the newest version of every
// block, and a link from each version to the one before it. The rules about who may write what
// are the Store's, which alone uses it. All memory is taken by Create.
//
// Reading: blocks start at home, slot = index, and are found there as in a flat array until the
// first copy. From then on a head and a version are two dependent loads; a prefetch asks for both
// at once, and is right for every block that has not moved.
//
// Movable, not copyable. One writer (the learner), many readers (TableView).
class BlockTable {
 public:
  // A version that a newer one has replaced for every snapshot from `superseded` on.
  struct Retired {
    uint32_t index;
    PackedVersion version;
    SnapshotNumber superseded;
  };

  // Returns InvalidArgument if a size is outside its range or the base has another size.
  static absl::StatusOr<BlockTable> Create(const TableSpec& spec);

  const TableSpec& spec() const { return spec_; }
  std::size_t stride() const { return memory_.stride; }
  TableView View(SnapshotNumber number) const noexcept GYRUS_NONBLOCKING {
    return TableView(&memory_, home(), number);
  }

  PackedVersion head(uint32_t index) const {
    // relaxed: the writer reads what it wrote itself.
    return PackedVersion(memory_.heads[index].load(std::memory_order_relaxed));
  }
  std::byte* data(uint32_t slot) const { return memory_.data(slot); }
  const TableMemory& memory() const { return memory_; }

  // Where every block is as its index says, for the learner and for every snapshot that a reader
  // may pin; null once any version has left its home. (What readers see is not written in place.)
  std::byte* home() const noexcept {
    // relaxed: moved_ is set before the publish whose number a reader must pin to need to know.
    return std::atomic_ref<bool>(moved_).load(std::memory_order_relaxed) ? nullptr : memory_.home;
  }

  // Touches every page, so that no step waits for the system.
  void Prefault();

  // Makes the newest version of `index` visible from `stamp` on, where it is.
  void Restamp(uint32_t index, SnapshotNumber stamp);

  // Copies the newest version of `index` into a spare slot, visible from `stamp` on, and returns
  // the version that it replaces. Requires: free_slots() > 0.
  PackedVersion CopyNewest(uint32_t index, SnapshotNumber stamp);

  uint32_t free_slots() const { return static_cast<uint32_t>(free_.size()); }
  void Free(uint32_t slot) { free_.push_back(slot); }

  // Versions that await readers, oldest first; at most one per spare.
  bool has_retired() const { return retired_count_ > 0; }
  const Retired& oldest_retired() const { return retired_[retired_first_]; }
  void PushRetired(const Retired& retired);
  void PopRetired();

  // Which blocks were written since the newest hold and cut. Cut() is the table's, not its own.
  WrittenBlocks& written() { return written_; }
  void Cut();

 private:
  explicit BlockTable(const TableSpec& spec) : spec_(spec) {}

  TableSpec spec_;
  TableMemory memory_;
  mutable bool moved_ = false;  // Through std::atomic_ref: readers look.
  PageMemory heads_memory_;
  PageMemory links_memory_;
  PageMemory home_memory_;
  PageMemory spare_memory_;
  WrittenBlocks written_;
  std::vector<uint32_t> free_;    // Capacity spares: never grows.
  std::vector<Retired> retired_;  // A ring.
  std::size_t retired_first_ = 0;
  std::size_t retired_count_ = 0;
};

}  // namespace gyrus
