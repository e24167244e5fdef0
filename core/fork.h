// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "core/store.h"

namespace gyrus {

// A brain of one's own for the price of what it changes: a held snapshot and, over it, copies of
// the blocks that were written here. The store never sees them. Movable.
//
//   GYRUS_ASSIGN_OR_RETURN(Fork fork, Fork::Create(store->TakeHold(), {.max_bytes = 1 << 20}));
//   GYRUS_ASSIGN_OR_RETURN(std::byte* block, fork.Write({0, 7}));
//
// Thread-compatible. Ordinary threads: a read of an unwritten block takes the store's lock.
class Fork {
 public:
  struct Options {
    std::size_t max_bytes = std::size_t{16} << 20;  // Of written blocks. At least 64.
  };

  // Returns InvalidArgument if max_bytes holds no block.
  static absl::StatusOr<Fork> Create(Hold base, const Options& options);

  // The block as the fork has it, aligned to 64: its own, or the held snapshot's. Valid as long
  // as the fork, but stale once the block is first written. Requires: the block exists.
  const std::byte* Read(BlockId id) const;

  // The fork's own block, copied from the snapshot at its first write; valid as long as the fork.
  // Returns ResourceExhausted, and changes nothing, if its own blocks would exceed max_bytes.
  // Requires: the block exists.
  absl::StatusOr<std::byte*> Write(BlockId id);

  // The fork's own blocks, sorted.
  std::vector<BlockId> changed() const;

  // Of its own blocks.
  std::size_t bytes() const { return bytes_; }
  const Hold& base() const { return base_; }

 private:
  struct Free {
    void operator()(std::byte* block) const { ::operator delete (block, std::align_val_t{64}); }
  };
  using OwnBlock = std::unique_ptr<std::byte, Free>;

  Fork(Hold base, const Options& options) : base_(std::move(base)), options_(options) {}

  Hold base_;
  Options options_;
  std::size_t bytes_ = 0;
  absl::flat_hash_map<BlockId, OwnBlock> own_;
};

}  // namespace gyrus
