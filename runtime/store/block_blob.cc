// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/block_blob.h"

#include <bit>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/crc32c.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::size_t kHeaderBytes = 24;
constexpr std::size_t kSealBytes = 4;
constexpr std::size_t kIdBytes = 8;

template <typename T>
T Get(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

template <typename T>
void Put(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof(value));
}

absl::Status Damaged(const BlockRun& run, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("damaged: row ", run.row, " of the journal (commit ", run.commit, ") ", what));
}

// Calls `visit` for each block of a run without its header and seal.
template <typename Visit>
absl::Status VisitBlocks(std::span<const std::byte> records, std::span<const std::size_t> sizes,
                         const BlockRun& run, const Visit& visit) {
  for (uint32_t b = 0; b < run.blocks; ++b) {
    if (records.size() < kIdBytes) return Damaged(run, "ends within a block");
    const BlockId id{Get<uint32_t>(records.data()), Get<uint32_t>(records.data() + 4)};
    if (id.table >= sizes.size() || id.index >= kMaxBlockIndex) {
      return Damaged(run, absl::StrCat("names block ", id.index, " of table ", id.table, " of ",
                                       sizes.size()));
    }
    records = records.subspan(kIdBytes);
    if (records.size() < sizes[id.table]) return Damaged(run, "ends within a block");
    GYRUS_RETURN_IF_ERROR(visit(id, records.first(sizes[id.table])));
    records = records.subspan(sizes[id.table]);
  }
  if (!records.empty()) return Damaged(run, "goes on after its last block");
  return absl::OkStatus();
}

}  // namespace

bool BlockSet::Insert(BlockId id) {
  if (id.table >= tables_.size()) tables_.resize(id.table + std::size_t{1});
  std::vector<bool>& table = tables_[id.table];
  if (id.index >= table.size()) table.resize(id.index + std::size_t{1});
  if (table[id.index]) return false;
  table[id.index] = true;
  ++size_;
  return true;
}

bool BlockSet::Contains(BlockId id) const {
  return id.table < tables_.size() && id.index < tables_[id.table].size() &&
         tables_[id.table][id.index];
}

void BlockBlobBuilder::Clear() {
  bytes_.assign(kHeaderBytes, std::byte{0});
  blocks_ = 0;
}

void BlockBlobBuilder::Add(BlockId id, std::span<const std::byte> block) {
  const std::size_t at = bytes_.size();
  bytes_.resize(at + kIdBytes);
  Put(&bytes_[at], id.table);
  Put(&bytes_[at + 4], id.index);
  bytes_.insert(bytes_.end(), block.begin(), block.end());
  ++blocks_;
}

std::span<const std::byte> BlockBlobBuilder::Seal(BlockRun run) {
  Put(bytes_.data(), run.row);
  Put(bytes_.data() + 8, uint64_t{run.commit});
  Put(bytes_.data() + 16, blocks_);
  Put(bytes_.data() + 20, uint32_t{run.last ? 1U : 0U});
  const uint32_t seal = Crc32c(bytes_);
  const std::size_t at = bytes_.size();
  bytes_.resize(at + kSealBytes);
  Put(&bytes_[at], seal);
  return bytes_;
}

absl::StatusOr<BlockRun> ReadBlockBlob(
    std::span<const std::byte> blob, std::span<const std::size_t> block_bytes,
    absl::FunctionRef<absl::Status(BlockId, std::span<const std::byte>)> visit) {
  if (blob.size() < kHeaderBytes + kSealBytes) {
    return absl::DataLossError(absl::StrCat("a row of the journal has ", blob.size(), " bytes"));
  }
  const std::span<const std::byte> body = blob.first(blob.size() - kSealBytes);
  const BlockRun run = {.row = Get<uint64_t>(blob.data()),
                        .commit = Get<uint64_t>(blob.data() + 8),
                        .last = Get<uint32_t>(blob.data() + 20) == 1,
                        .blocks = Get<uint32_t>(blob.data() + 16)};
  if (Crc32c(body) != Get<uint32_t>(body.data() + body.size())) {
    return Damaged(run, "does not match its checksum");
  }
  const std::span<const std::byte> records = body.subspan(kHeaderBytes);
  GYRUS_RETURN_IF_ERROR(
      VisitBlocks(records, block_bytes, run,
                  [](BlockId, std::span<const std::byte>) { return absl::OkStatus(); }));
  GYRUS_RETURN_IF_ERROR(VisitBlocks(records, block_bytes, run, visit));
  return run;
}

}  // namespace gyrus
