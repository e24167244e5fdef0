// SPDX-License-Identifier: Apache-2.0
#include "core/block_table.h"

#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kMaxBlocks = uint32_t{1} << 26;

static_assert(std::atomic<uint64_t>::is_always_lock_free);
static_assert(2 * uint64_t{kMaxBlocks} < PackedVersion::kSlotMask);

absl::Status CheckSpec(const TableSpec& spec) {
  if (spec.name.empty()) return absl::InvalidArgumentError("a table needs a name");
  if (spec.blocks < 1 || spec.blocks > kMaxBlocks || spec.spares > kMaxBlocks) {
    return absl::InvalidArgumentError(absl::StrCat(
        "table \"", spec.name, "\" has ", spec.blocks, " blocks and ", spec.spares,
        " spares: blocks must be in [1, ", kMaxBlocks, "], spares at most ", kMaxBlocks));
  }
  const std::size_t bytes = spec.blocks * spec.layout.block_bytes();
  if (!spec.base.empty() && spec.base.size() != bytes) {
    return absl::InvalidArgumentError(absl::StrCat("table \"", spec.name, "\" needs ", bytes,
                                                   " bytes of base, got ", spec.base.size()));
  }
  if (reinterpret_cast<uintptr_t>(spec.base.data()) % 64 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("table \"", spec.name, "\": a base must be aligned to 64 bytes"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BlockTable> BlockTable::Create(const TableSpec& spec) {
  GYRUS_RETURN_IF_ERROR(CheckSpec(spec));
  BlockTable table(spec);
  const std::size_t slots = std::size_t{spec.blocks} + spec.spares;
  const std::size_t stride = spec.layout.block_bytes();
  // Zeroed memory is a valid table: every head is stamp 0, at home.
  GYRUS_ASSIGN_OR_RETURN(table.heads_memory_, PageMemory::Allocate(spec.blocks * sizeof(uint64_t)));
  GYRUS_ASSIGN_OR_RETURN(table.links_memory_, PageMemory::Allocate(slots * sizeof(uint64_t)));
  GYRUS_ASSIGN_OR_RETURN(table.spare_memory_, PageMemory::Allocate(spec.spares * stride));
  GYRUS_ASSIGN_OR_RETURN(table.written_, WrittenBlocks::Create(spec.blocks));
  if (spec.base.empty()) {
    GYRUS_ASSIGN_OR_RETURN(table.home_memory_, PageMemory::Allocate(spec.blocks * stride));
  }
  table.memory_ = {
      .heads = reinterpret_cast<std::atomic<uint64_t>*>(table.heads_memory_.data()),
      .links = reinterpret_cast<std::atomic<uint64_t>*>(table.links_memory_.data()),
      .home = spec.base.empty() ? table.home_memory_.data() : spec.base.data(),
      .spare = table.spare_memory_.data(),
      .dirty = table.written_.recent(),
      .stride = stride,
      .blocks = spec.blocks,
  };
  table.free_.reserve(spec.spares);
  for (uint32_t s = spec.spares; s > 0; --s) table.free_.push_back(spec.blocks + s - 1);
  table.retired_.assign(std::size_t{spec.spares} + 1, Retired{0, PackedVersion(0), 0});
  return table;
}

void BlockTable::Prefault() {
  const std::size_t slots = std::size_t{spec_.blocks} + spec_.spares;
  heads_memory_.Prefault(spec_.blocks * sizeof(uint64_t));
  links_memory_.Prefault(slots * sizeof(uint64_t));
  home_memory_.Prefault(spec_.blocks * memory_.stride);
  spare_memory_.Prefault(spec_.spares * memory_.stride);
  written_.Prefault();
}

void BlockTable::Restamp(uint32_t index, SnapshotNumber stamp) {
  // release: whoever sees the stamp sees the block.
  memory_.heads[index].store(PackedVersion(stamp, head(index).slot(index)).bits(),
                             std::memory_order_release);
}

PackedVersion BlockTable::CopyNewest(uint32_t index, SnapshotNumber stamp) {
  GYRUS_CHECK(!free_.empty());
  const PackedVersion old = head(index);
  const uint32_t slot = free_.back();
  free_.pop_back();
  std::atomic_ref<bool>(moved_).store(true, std::memory_order_relaxed);  // See home().
  std::memcpy(data(slot), data(old.slot(index)), memory_.stride);
  memory_.links[slot].store(PackedVersion(old.stamp(), old.slot(index)).bits(),
                            std::memory_order_relaxed);  // Published by the head's release below.
  memory_.heads[index].store(PackedVersion(stamp, slot).bits(), std::memory_order_release);
  return PackedVersion(old.stamp(), old.slot(index));
}

void BlockTable::Cut() {
  written_.Cut();
  memory_.dirty = written_.recent();
}

void BlockTable::PushRetired(const Retired& retired) {
  GYRUS_CHECK(retired_count_ < retired_.size());
  retired_[(retired_first_ + retired_count_) % retired_.size()] = retired;
  ++retired_count_;
}

void BlockTable::PopRetired() {
  retired_first_ = (retired_first_ + 1) % retired_.size();
  --retired_count_;
}

}  // namespace gyrus
