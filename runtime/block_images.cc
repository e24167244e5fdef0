// SPDX-License-Identifier: Apache-2.0
#include "runtime/block_images.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

const std::byte* StartOf(const Store& start, BlockId id) {
  return start.Draft().table(id.table).Read(id.index);
}

}  // namespace

absl::StatusOr<BlockImages> BlockImages::Load(const StateDb& state, absl::string_view snapshot,
                                              std::span<const BlockId> ids, const Store* start) {
  BlockImages images;
  images.offsets_.push_back(0);
  for (const BlockId& id : ids) {
    const TableSpec& spec = start->spec(id.table);
    if (id.index >= spec.blocks) {
      return absl::DataLossError(absl::StrCat("table \"", spec.name, "\" has ", spec.blocks,
                                              " blocks, the state holds block ", id.index));
    }
    images.offsets_.push_back(images.offsets_.back() + spec.layout.block_bytes());
  }
  images.bytes_.resize(images.offsets_.back());
  const auto put = [&](std::size_t i, const std::byte* from) {
    std::memcpy(images.bytes_.data() + images.offsets_[i], from, images[i].size());
  };
  for (std::size_t i = 0; i < ids.size(); ++i) put(i, StartOf(*start, ids[i]));
  const auto visit = [&](BlockId id, std::span<const std::byte> block) {
    const auto found = std::lower_bound(ids.begin(), ids.end(), id);
    if (found == ids.end() || *found != id) return absl::OkStatus();
    put(static_cast<std::size_t>(found - ids.begin()),
        block.empty() ? StartOf(*start, id) : block.data());
    return absl::OkStatus();
  };
  GYRUS_ASSIGN_OR_RETURN(StateDb::Loaded loaded, snapshot.empty()
                                                     ? state.Load(visit)
                                                     : state.LoadSnapshot(snapshot, visit));
  images.sessions_ = std::move(loaded.sessions);
  return images;
}

}  // namespace gyrus
