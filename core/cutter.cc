// SPDX-License-Identifier: Apache-2.0
#include "core/cutter.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "core/check.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

// What looking at 64 blocks and finding none to copy costs, in bytes of copying.
constexpr std::size_t kWordCost = 4;

}  // namespace

absl::StatusOr<std::unique_ptr<Cutter>> Cutter::Create(Store* store) {
  std::unique_ptr<Cutter> cutter(new Cutter(store));
  GYRUS_RETURN_IF_ERROR(cutter->TakeMemory());
  MutexLock lock(&store->mutex_);
  GYRUS_CHECK(store->cutter_ == nullptr);
  GYRUS_CHECK(store->commits() == 0);  // What was written before is unknown.
  for (BlockTable& table : store->tables_) GYRUS_RETURN_IF_ERROR(table.written().TrackCuts());
  store->cutter_ = cutter.get();
  return cutter;
}

absl::Status Cutter::TakeMemory() {
  std::size_t blocks = 0;
  for (uint32_t t = 0; t < store_->num_tables(); ++t) {
    const TableSpec& spec = store_->spec(t);
    blocks += spec.blocks;
    most_bytes_ += spec.blocks * spec.layout.block_bytes();
  }
  GYRUS_ASSIGN_OR_RETURN(ids_memory_, PageMemory::Allocate(blocks * sizeof(BlockId)));
  GYRUS_ASSIGN_OR_RETURN(bytes_memory_, PageMemory::Allocate(most_bytes_));
  ids_ = reinterpret_cast<BlockId*>(ids_memory_.data());
  copies_ = bytes_memory_.data();
  return absl::OkStatus();
}

Cutter::~Cutter() {
  MutexLock lock(&store_->mutex_);
  if (store_->cutter_ == this) store_->cutter_ = nullptr;
  store_->RefreshRulesLocked();
}

void Cutter::Prefault(uint64_t bytes) {
  GYRUS_CHECK(blocks_ == 0);
  bytes = std::min(bytes, most_bytes_);
  if (bytes <= resident_) return;
  bytes_memory_.Prefault(bytes);
  // No block is smaller than 64 bytes.
  ids_memory_.Prefault(bytes / 64 * sizeof(BlockId));
  resident_ = bytes;
}

void Cutter::Cut() noexcept {
  MutexLock lock(&store_->mutex_);
  GYRUS_CHECK(!copying_ && blocks_ == 0);
  number_ = store_->PublishLocked();
  for (BlockTable& table : store_->tables_) table.Cut();
  store_->RefreshRulesLocked();
  changed_bytes_.store(0, std::memory_order_relaxed);
  copying_ = true;
  table_ = 0;
  word_ = 0;
}

bool Cutter::Copy(std::size_t bytes) noexcept {
  MutexLock lock(&store_->mutex_);
  std::size_t spent = 0;
  while (copying_ && spent < bytes) {
    if (word_ == store_->tables_[table_].written().words()) {
      word_ = 0;
      copying_ = ++table_ < store_->tables_.size();
      continue;
    }
    spent += kWordCost + CopyWord(bytes - spent);
  }
  return !copying_;
}

// Copies of the next 64 blocks those that wait, and moves on, unless `bytes` are spent before.
std::size_t Cutter::CopyWord(std::size_t bytes) noexcept {
  const BlockTable& table = store_->tables_[table_];
  WrittenBlocks& written = store_->tables_[table_].written();
  std::size_t spent = 0;
  uint64_t waiting = written.AwaitingCopy(word_);
  for (; waiting != 0 && spent < bytes; waiting &= waiting - 1) {
    const auto index =
        static_cast<uint32_t>(word_ * 64 + static_cast<unsigned>(std::countr_zero(waiting)));
    CopyOut({table_, index});
    spent += table.stride();
  }
  written.Copied(word_, written.AwaitingCopy(word_) & ~waiting);
  if (waiting == 0) ++word_;
  return spent;
}

void Cutter::BeforeFirstWrite(BlockId id) noexcept {
  BlockTable& table = store_->tables_[id.table];
  // By the learner alone, so that adding need not be atomic.
  changed_bytes_.store(changed_bytes() + table.stride(), std::memory_order_relaxed);
  if (!copying_ || !table.written().AwaitsCopy(id.index)) return;
  CopyOut(id);
  table.written().Copied(id.index);
}

// What awaits its copy was not written since the cut, so its newest version is the cut's.
void Cutter::CopyOut(BlockId id) noexcept {
  const BlockTable& table = store_->tables_[id.table];
  ids_[blocks_++] = id;
  std::memcpy(copies_ + bytes_, table.data(table.head(id.index).slot(id.index)), table.stride());
  bytes_ += table.stride();
}

void Cutter::Visit(absl::FunctionRef<void(BlockId, std::span<const std::byte>)> visit) const {
  const std::byte* copy = copies_;
  for (std::size_t b = 0; b < blocks_; ++b) {
    const std::size_t bytes = store_->spec(ids_[b].table).layout.block_bytes();
    visit(ids_[b], {copy, bytes});
    copy += bytes;
  }
}

void Cutter::Clear() noexcept {
  blocks_ = 0;
  bytes_ = 0;
}

}  // namespace gyrus
