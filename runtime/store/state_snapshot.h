// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/store.h"

namespace gyrus {

// Time by the calendar, in UTC.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

// A snapshot that a durable commit takes under a name.
struct NewSnapshot {
  std::string name;  // As CheckSnapshotName has it.
  WallTime time;     // When it is taken.
  // 0: it stays until it is dropped. Else it is automatic, and only the newest so many of those
  // keep their names.
  uint32_t keep = 0;
  uint64_t steps = 0;  // Of all sessions by then. Journal::Save fills it in.
};

// A moment of a state that a name keeps, as the state lists it.
struct StateSnapshot {
  struct Name {
    std::string name;
    bool automatic = false;
  };

  uint64_t id = 0;            // Rises with each moment.
  uint64_t row = 0;           // The journal's last at that moment.
  SnapshotNumber number = 0;  // Of the commit.
  WallTime time;
  uint64_t steps = 0;
  uint64_t kept_rows = 0;       // Of the images that only this one and older ones need,
  uint64_t kept_bytes = 0;      // with so many bytes,
  uint64_t position_bytes = 0;  // and these of its sessions.
  uint64_t sessions = 0;
  uint64_t sessions_seal = 0;
  std::vector<Name> names;      // At least one.
  uint64_t changed_blocks = 0;  // Since then. Counted by StateDb::Snapshots; not stored.
};

// Letters, digits, '.', '_' and '-', 64 at most, and no '-' in front. Returns InvalidArgument.
absl::Status CheckSnapshotName(absl::string_view name);

// As meta keeps them: a line for each.
std::string FormatSnapshots(const std::vector<StateSnapshot>& snapshots);

// Returns DataLoss if the text is damaged.
absl::StatusOr<std::vector<StateSnapshot>> ParseSnapshots(absl::string_view text);

// The place of the snapshot of that name. Returns NotFound, with the names that there are.
absl::StatusOr<std::size_t> FindSnapshot(const std::vector<StateSnapshot>& snapshots,
                                         absl::string_view name);

}  // namespace gyrus
