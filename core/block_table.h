// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/check.h"
#include "core/layout.h"
#include "core/page_memory.h"
#include "core/real_time.h"
#include "core/written_blocks.h"

namespace gyrus {

class Store;

// A snapshot is the number of the publish that made it visible.
using SnapshotNumber = uint64_t;

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

// One version of one block, in 64 bits: the number of the publish that shows it (upper 36 bits)
// and its slot (lower 28; 0 is the block's own home, s > 0 is slot s - 1). 36 bits last 21 years
// at a publish every 10 ms, and 3 days at 261,000 a second.
class PackedVersion {
 public:
  static constexpr int kSlotBits = 28;
  static constexpr uint64_t kSlotMask = (uint64_t{1} << kSlotBits) - 1;
  static constexpr SnapshotNumber kMaxNumber = (uint64_t{1} << (64 - kSlotBits)) - 1;

  explicit constexpr PackedVersion(uint64_t bits) : bits_(bits) {}
  constexpr PackedVersion(SnapshotNumber stamp, uint32_t slot)
      : bits_((stamp << kSlotBits) | (uint64_t{slot} + 1)) {}

  constexpr uint64_t bits() const { return bits_; }
  constexpr SnapshotNumber stamp() const { return bits_ >> kSlotBits; }

  // The slot, given the block's index (its home).
  constexpr uint32_t slot(uint32_t index) const {
    const auto field = static_cast<uint32_t>(bits_ & kSlotMask);
    return field == 0 ? index : field - 1;
  }

 private:
  uint64_t bits_;
};

// Where a table's versions lie; fixed once the table is made.
struct TableMemory {
  std::atomic<uint64_t>* heads = nullptr;  // (blocks,) PackedVersion, by index.
  std::atomic<uint64_t>* links = nullptr;  // (blocks + spares,) the version before, by slot.
  std::byte* home = nullptr;               // Slots [0, blocks).
  std::byte* spare = nullptr;              // Slots [blocks, blocks + spares).
  uint64_t* dirty = nullptr;               // A bit per block, WrittenBlocks::recent().
  std::size_t stride = 0;                  // Bytes of a block.
  uint32_t blocks = 0;

  // relaxed: the bits are the learner's; who else comes by wants no more than their cache line.
  const uint64_t* dirty_bits() const noexcept {
    return std::atomic_ref<uint64_t*>(const_cast<uint64_t*&>(dirty))
        .load(std::memory_order_relaxed);
  }
  bool Dirty(uint32_t index) const noexcept {
    return (dirty_bits()[index / 64] >> index % 64 & 1) != 0;
  }

  std::byte* data(uint32_t slot) const noexcept {
    return slot < blocks ? home + slot * stride : spare + (slot - blocks) * stride;
  }
};

// How a table looks at one snapshot, or to the learner (number: all ones). A value; cheap.
//
// Thread-safe while its snapshot is pinned; the learner's view is the learner's, who asks for a
// new one after writing.
class TableView {
 public:
  static constexpr SnapshotNumber kNewest = std::numeric_limits<SnapshotNumber>::max();

  // The block `index` as this snapshot has it, block_bytes() long, aligned to 64.
  // Requires: index < blocks().
  const std::byte* Read(uint32_t index) const noexcept GYRUS_NONBLOCKING {
    GYRUS_DCHECK(index < memory_->blocks);
    if (home_ != nullptr) [[likely]]
      return home_ + index * memory_->stride;
    // acquire: pairs with the learner's release, after it has filled the version.
    PackedVersion version(memory_->heads[index].load(std::memory_order_acquire));
    while (version.stamp() > number_) {
      version = PackedVersion(memory_->links[version.slot(index)].load(std::memory_order_acquire));
    }
    return memory_->data(version.slot(index));
  }

  template <typename T>
  const T* As(uint32_t index) const noexcept GYRUS_NONBLOCKING {
    return reinterpret_cast<const T*>(Read(index));
  }

  // Asks the memory for block `index`, where it most likely is. Always inlined: GCC takes a
  // function that only prefetches for one without effect, and drops calls of it.
  [[gnu::always_inline]] void Prefetch(uint32_t index) const noexcept GYRUS_NONBLOCKING {
    const std::size_t stride = memory_->stride;
    // The bits are for the learner, who writes most of what it reads.
    __builtin_prefetch(home_ == nullptr ? static_cast<const void*>(&memory_->heads[index])
                                        : &memory_->dirty_bits()[index / 64]);
    // Of a long block the first lines: hardware fetches lines in pairs, and follows a run of them.
    const std::byte* const block = memory_->home + index * stride;
    __builtin_prefetch(block);
    if (stride > 128) __builtin_prefetch(block + 128);
  }

  uint32_t blocks() const noexcept { return memory_->blocks; }

 private:
  friend class BlockTable;

  TableView(const TableMemory* memory, std::byte* home, SnapshotNumber number)
      : memory_(memory), home_(home), number_(number) {}

  const TableMemory* memory_;
  std::byte* home_;  // Where all blocks are, or null: follow the heads.
  SnapshotNumber number_;
};

// How a commit writes a table. While nobody reads or holds and no block has left its home, a write
// costs one bit's test more than in a flat array. A value; cheap.
//
// The learner's; valid until the commit ends.
class TableWriter {
 public:
  // As Commit::Write. Requires: index < the table's blocks.
  std::byte* Write(uint32_t index) const noexcept GYRUS_NONBLOCKING {
    GYRUS_DCHECK(index < memory_->blocks);
    if (home_ != nullptr) [[likely]] {
      if (memory_->Dirty(index)) [[likely]]
        return home_ + index * memory_->stride;
    } else {
      // relaxed: the writer reads what it wrote itself.
      const PackedVersion newest(memory_->heads[index].load(std::memory_order_relaxed));
      if (newest.stamp() >= floor_) [[likely]]
        return memory_->data(newest.slot(index));
    }
    return FirstWrite(index);
  }

  template <typename T>
  T* As(uint32_t index) const noexcept GYRUS_NONBLOCKING {
    return reinterpret_cast<T*>(Write(index));
  }

 private:
  friend class Commit;

  inline TableWriter(Store* store, uint32_t table);
  std::byte* FirstWrite(uint32_t index) const noexcept GYRUS_NONBLOCKING;

  Store* store_;
  const TableMemory* memory_;
  SnapshotNumber floor_;  // A version stamped at least this is written in place.
  std::byte* home_;       // Where dirty blocks are written in place, or null: as the heads say.
  uint32_t table_;
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
