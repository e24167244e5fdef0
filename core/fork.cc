// SPDX-License-Identifier: Apache-2.0
#include "core/fork.h"

#include <algorithm>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gyrus {

absl::StatusOr<Fork> Fork::Create(Hold base, const Options& options) {
  if (options.max_bytes < 64) {
    return absl::InvalidArgumentError(
        absl::StrCat("a fork's max_bytes must be at least 64, got ", options.max_bytes));
  }
  return Fork(std::move(base), options);
}

const std::byte* Fork::Read(BlockId id) const {
  const auto own = own_.find(id);
  return own == own_.end() ? base_.Read(id) : own->second.get();
}

absl::StatusOr<std::byte*> Fork::Write(BlockId id) {
  if (const auto own = own_.find(id); own != own_.end()) return own->second.get();
  const std::size_t size = base_.store().spec(id.table).layout.block_bytes();
  if (size > options_.max_bytes - bytes_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the fork holds ", bytes_, " of at most ", options_.max_bytes,
                     " bytes and has no room for a block of ", size));
  }
  OwnBlock block(static_cast<std::byte*>(::operator new (size, std::align_val_t{64})));
  std::memcpy(block.get(), base_.Read(id), size);
  bytes_ += size;
  return own_.emplace(id, std::move(block)).first->second.get();
}

std::vector<BlockId> Fork::changed() const {
  std::vector<BlockId> ids;
  ids.reserve(own_.size());
  for (const auto& [id, block] : own_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace gyrus
