// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "core/store.h"
#include "runtime/store/run_writer.h"
#include "runtime/store/sqlite.h"
#include "runtime/store/state_snapshot.h"

namespace gyrus {

// The images that a state keeps for a snapshot: of the blocks that changed after it and before the
// next one. Rows 1, 2, ... of a snapshot are sealed runs with its id as their commit; one with
// `start` names blocks that were as at the start, and has no bytes of theirs.

// Adds to them. Movable. One thread at a time, within a transaction.
class KeptWriter {
 public:
  // `to` must outlive it.
  static absl::StatusOr<KeptWriter> Create(const Sqlite& database, StateSnapshot* to);

  // No bytes: as at the start.
  absl::Status Add(BlockId id, std::span<const std::byte> block);

  // Ends them, and brings `to` up to date.
  absl::Status Finish();

 private:
  KeptWriter(const Sqlite* database, StateSnapshot* to, RunWriter images)
      : database_(database), to_(to), images_(std::move(images)) {}

  const Sqlite* database_;
  StateSnapshot* to_;
  RunWriter images_;
  std::vector<BlockId> start_;
};

// Visits them; no bytes: as at the start. `sizes`: of blocks, by stored number. Returns DataLoss if
// they are not all there, or the status of the first visit that fails.
absl::Status VisitKept(const Sqlite& database, const StateSnapshot& snapshot,
                       std::span<const std::size_t> sizes,
                       absl::FunctionRef<absl::Status(BlockId, std::span<const std::byte>)> visit);

}  // namespace gyrus
