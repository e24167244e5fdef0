// SPDX-License-Identifier: Apache-2.0
#include "core/overlay.h"

#include <algorithm>
#include <cstring>

#include "core/check.h"

namespace gyrus {

Overlay::Overlay(Store* store, const ForkShape* shape)
    : store_(store), shape_(shape), discarded_(store->num_tables()) {
  GYRUS_CHECK(shape->num_tables() == store->num_tables());
}

const std::byte* Overlay::Read(uint32_t table, uint32_t index) const noexcept {
  if (fork_ != nullptr && shape_->owns(table)) {
    if (const std::byte* const own = fork_->Find(table, index); own != nullptr) return own;
  }
  return store_->Draft().table(table).Read(index);
}

std::byte* Overlay::Write(uint32_t table, uint32_t index) noexcept {
  if (!shape_->owns(table)) return WriteToDiscard(table, index);
  if (std::byte* const own = fork_->Touch(table, index); own != nullptr) return own;
  return fork_->Add(table, index, store_->Draft().table(table).Read(index));
}

std::byte* Overlay::WriteToDiscard(uint32_t table, uint32_t index) noexcept {
  Discarded& discarded = discarded_[table];
  const auto known = std::find(discarded.indices.begin(), discarded.indices.end(), index);
  const auto at = static_cast<std::size_t>(known - discarded.indices.begin());
  if (known != discarded.indices.end()) return discarded.blocks[at].get();
  const std::size_t bytes = store_->spec(table).layout.block_bytes();
  discarded.indices.push_back(index);
  if (at == discarded.blocks.size()) {
    discarded.blocks.emplace_back(
        static_cast<std::byte*>(::operator new (bytes, std::align_val_t{64})));
  }
  std::memcpy(discarded.blocks[at].get(), store_->Draft().table(table).Read(index), bytes);
  return discarded.blocks[at].get();
}

void Overlay::EndCommit() noexcept {
  for (Discarded& discarded : discarded_) discarded.indices.clear();
  if (fork_ != nullptr) fork_->MakeRoom();
}

bool Commit::Keeps(uint32_t table) const noexcept {
  return overlay_ == nullptr || overlay_->Keeps(table);
}

const std::byte* TableView::ReadThrough(uint32_t index) const noexcept {
  return overlay_->Read(table_, index);
}

std::byte* TableWriter::WriteInto(Overlay* overlay, uint32_t table, uint32_t index) noexcept {
  return overlay->Write(table, index);
}

}  // namespace gyrus
