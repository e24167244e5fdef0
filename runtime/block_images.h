// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/store.h"
#include "runtime/store/state_db.h"

namespace gyrus {

// Some blocks of a brain as they were at one moment. Movable. Thread-compatible.
class BlockImages {
 public:
  // `snapshot`: its name, "": now. `ids`: sorted, each once. `start` has every block as it starts;
  // both must outlive it. Returns as StateDb::LoadSnapshot; DataLoss for a block that the brain has
  // not.
  static absl::StatusOr<BlockImages> Load(const StateDb& state, absl::string_view snapshot,
                                          std::span<const BlockId> ids, const Store* start);

  // Block ids[i].
  std::span<const std::byte> operator[](std::size_t i) const {
    return {bytes_.data() + offsets_[i], offsets_[i + 1] - offsets_[i]};
  }

  // Where the sessions stood then, by name.
  const std::vector<StateCommit::Session>& sessions() const { return sessions_; }

 private:
  BlockImages() = default;

  std::vector<std::byte> bytes_;
  std::vector<std::size_t> offsets_;  // And the end.
  std::vector<StateCommit::Session> sessions_;
};

}  // namespace gyrus
