// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/block_table.h"
#include "core/store.h"

namespace gyrus {

// A sealed run of blocks, as the journal keeps it. A commit is one run, or several of about 8 MiB.
//
//   u64 row      its place in the journal, so that none can go missing or change places
//   u64 commit   number of the commit that it ends or is part of
//   u32 blocks
//   u32 last     1 in a commit's last run, else 0
//   per block: u32 table, u32 index, the block's bytes
//   u32 CRC-32C of all of the above
//
// All numbers little-endian; the machine must be, too.
struct BlockRun {
  uint64_t row = 0;
  SnapshotNumber commit = 0;
  bool last = false;
  uint32_t blocks = 0;
};

// Builds runs. Thread-compatible.
class BlockBlobBuilder {
 public:
  BlockBlobBuilder() { Clear(); }

  void Add(BlockId id, std::span<const std::byte> block);

  // Fills in the header and the checksum; `run.blocks` is counted here. Valid until the next Add.
  std::span<const std::byte> Seal(BlockRun run);

  // Starts the next run.
  void Clear();

  uint32_t blocks() const { return blocks_; }
  std::size_t bytes() const { return bytes_.size(); }

 private:
  std::vector<std::byte> bytes_;
  uint32_t blocks_ = 0;
};

// Blocks are numbered below this, as TableSpec has it.
inline constexpr uint32_t kMaxBlockIndex = uint32_t{1} << 26;

// A set of blocks: a bit per index up to the largest. Thread-compatible.
class BlockSet {
 public:
  // Whether it was new. Requires: id.index < kMaxBlockIndex.
  bool Insert(BlockId id);
  bool Contains(BlockId id) const;

  uint64_t size() const { return size_; }

 private:
  std::vector<std::vector<bool>> tables_;
  uint64_t size_ = 0;
};

// Checks a run whose tables have blocks of those sizes, and calls `visit` for each of its blocks,
// in order. Returns DataLoss, before the first call, if the seal or the form is broken, or the
// status of the first `visit` that fails.
absl::StatusOr<BlockRun> ReadBlockBlob(
    std::span<const std::byte> blob, std::span<const std::size_t> block_bytes,
    absl::FunctionRef<absl::Status(BlockId, std::span<const std::byte>)> visit);

}  // namespace gyrus
