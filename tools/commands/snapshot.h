// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"

namespace gyrus {

struct SnapshotOptions {
  enum class Action { kList, kSave, kTag, kDrop, kRollback, kDiff };

  Action action = Action::kList;
  std::string directory;
  std::string name;    // All but kList.
  std::string second;  // kTag: the new one; kDiff: the newer one, "": now.
  bool json = false;   // kList, kDiff: a JSON object per line instead of a table.
};

// gyrus snapshot: what a brain was, under names. Returns as Snapshots.
absl::Status SnapshotCommand(const SnapshotOptions& options);

}  // namespace gyrus
