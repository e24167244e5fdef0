// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "core/check.h"
#include "core/real_time.h"

// How a table of versioned blocks is read and written; see BlockTable.
namespace gyrus {

class Overlay;
class Store;

// A snapshot is the number of the publish that made it visible.
using SnapshotNumber = uint64_t;

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
  uint64_t* dirty = nullptr;  // A bit per block, WrittenBlocks::recent(); the learner's.
  std::size_t stride = 0;     // Bytes of a block.
  uint32_t blocks = 0;

  std::byte* data(uint32_t slot) const noexcept {
    return slot < blocks ? home + slot * stride : spare + (slot - blocks) * stride;
  }
};

// visit(i, indices[i]) of a few blocks at once; eight, the decisions of a byte, without a loop.
template <typename Visit>
[[gnu::always_inline]] inline void ForEachIndex(std::span<const uint32_t> indices,
                                                const Visit& visit) {
  if (indices.size() == 8) {
    visit(0, indices[0]);
    visit(1, indices[1]);
    visit(2, indices[2]);
    visit(3, indices[3]);
    visit(4, indices[4]);
    visit(5, indices[5]);
    visit(6, indices[6]);
    visit(7, indices[7]);
    return;
  }
  for (std::size_t i = 0; i < indices.size(); ++i) visit(i, indices[i]);
}

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
      return home_ + index * stride_;
    if (overlay_ != nullptr) return ReadThrough(index);
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
    if (home_ == nullptr) __builtin_prefetch(&memory_->heads[index]);
    // Of a long block the first lines: hardware fetches lines in pairs, and follows a run of them.
    const std::byte* const block = (home_ != nullptr ? home_ : memory_->home) + index * stride_;
    __builtin_prefetch(block);
    if (stride_ > 128) __builtin_prefetch(block + 128);
  }

  // blocks[i] = Read(indices[i]), for several at once.
  template <typename T>
  void ReadEach(std::span<const uint32_t> indices,
                const T** blocks) const noexcept GYRUS_NONBLOCKING {
    if (home_ == nullptr) [[unlikely]] {
      for (std::size_t i = 0; i < indices.size(); ++i) blocks[i] = As<T>(indices[i]);
      return;
    }
    ForEachIndex(indices, [&](std::size_t i, uint32_t index) {
      blocks[i] = reinterpret_cast<const T*>(home_ + index * stride_);
    });
  }

  // Prefetch of several. Always inlined, and so is what it runs: see Prefetch.
  [[gnu::always_inline]] void PrefetchEach(std::span<const uint32_t> indices) const noexcept
      GYRUS_NONBLOCKING {
    if (home_ == nullptr || stride_ > 128) [[unlikely]] {
      for (const uint32_t index : indices) Prefetch(index);
      return;
    }
    ForEachIndex(
        indices, [&](std::size_t, uint32_t index) __attribute__((always_inline)) {
          __builtin_prefetch(home_ + index * stride_);
        });
  }

  uint32_t blocks() const noexcept { return memory_->blocks; }

 private:
  friend class BlockTable;
  friend class View;

  TableView(const TableMemory* memory, std::byte* home, SnapshotNumber number)
      : memory_(memory), home_(home), stride_(memory->stride), number_(number) {}

  // The table as an overlay shows it.
  TableView Under(const Overlay* overlay, uint32_t table) const noexcept {
    TableView view = *this;
    view.home_ = nullptr;
    view.overlay_ = overlay;
    view.table_ = table;
    return view;
  }
  const std::byte* ReadThrough(uint32_t index) const noexcept GYRUS_NONBLOCKING;

  const TableMemory* memory_;
  std::byte* home_;  // Where all blocks are, or null: look in the overlay, or follow the heads.
  std::size_t stride_;
  SnapshotNumber number_;
  const Overlay* overlay_ = nullptr;
  uint32_t table_ = 0;  // With an overlay.
};

// How a table is written at present: in place without a thought if stamped at least `floor`; while
// nobody watches it, if dirty and at home. The Store's.
struct WriteRule {
  SnapshotNumber floor = 1;
  bool unwatched = true;
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
      if (Dirty(index)) [[likely]]
        return home_ + index * stride_;
    } else if (overlay_ != nullptr) {
      return WriteInto(overlay_, table_, index);
    } else {
      // relaxed: the writer reads what it wrote itself.
      const PackedVersion newest(memory_->heads[index].load(std::memory_order_relaxed));
      if (newest.stamp() >= floor_) [[likely]]
        return memory_->data(newest.slot(index));
    }
    return FirstWrite(store_, table_, index);
  }

  template <typename T>
  T* As(uint32_t index) const noexcept GYRUS_NONBLOCKING {
    return reinterpret_cast<T*>(Write(index));
  }

  // blocks[i] = Write(indices[i]), for several at once; an index may come twice.
  template <typename T>
  void WriteEach(std::span<const uint32_t> indices, T** blocks) const noexcept GYRUS_NONBLOCKING {
    if (home_ == nullptr) [[unlikely]] {
      for (std::size_t i = 0; i < indices.size(); ++i) blocks[i] = As<T>(indices[i]);
      return;
    }
    ForEachIndex(indices, [&](std::size_t i, uint32_t index) {
      if (!Dirty(index)) [[unlikely]]
        FirstWrite(store_, table_, index);  // In place, as all that is home.
      blocks[i] = reinterpret_cast<T*>(home_ + index * stride_);
    });
  }

 private:
  friend class Commit;

  inline TableWriter(Store* store, uint32_t table);
  inline TableWriter(Store* store, uint32_t table, Overlay* overlay);
  bool Dirty(uint32_t index) const noexcept { return (dirty_[index / 64] >> index % 64 & 1) != 0; }
  // Static, so that no call takes the writer's address: its members stay in registers.
  static std::byte* FirstWrite(Store* store, uint32_t table,
                               uint32_t index) noexcept GYRUS_NONBLOCKING;
  static std::byte* WriteInto(Overlay* overlay, uint32_t table,
                              uint32_t index) noexcept GYRUS_NONBLOCKING;

  Store* store_;
  const TableMemory* memory_;
  const uint64_t* dirty_ = memory_->dirty;
  std::size_t stride_ = memory_->stride;
  SnapshotNumber floor_;  // A version stamped at least this is written in place.
  std::byte* home_;       // Where dirty blocks are written in place, or null: as the heads say.
  uint32_t table_;
  Overlay* overlay_ = nullptr;  // What takes all writes, if any; then home_ is null.
};

}  // namespace gyrus
