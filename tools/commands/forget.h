// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "runtime/store/state_snapshot.h"

namespace gyrus {

struct ForgetOptions {
  std::string directory;
  std::string from;  // As ParseWallTime reads times, on this machine's clock.
  std::string to;
};

// gyrus forget: takes out what came in within an interval, between two snapshots that enclose it.
// Returns as FindInterval and Snapshots::Forget.
absl::Status ForgetCommand(const ForgetOptions& options);

// The narrowest pair of snapshots around an interval, by their places.
struct SnapshotInterval {
  std::size_t before = 0;
  std::optional<std::size_t> after;  // None: now.
};

// `zone`: of the times in messages. Returns InvalidArgument for an interval that is empty or begins
// after `now`; FailedPrecondition, with the way out, if no snapshot is from before it.
absl::StatusOr<SnapshotInterval> FindInterval(const std::vector<StateSnapshot>& list, WallTime from,
                                              WallTime to, WallTime now, absl::TimeZone zone);

}  // namespace gyrus
