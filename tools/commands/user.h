// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "tools/commands/learn.h"

namespace gyrus {

struct UserOptions {
  enum class Action : uint8_t { kList, kCreate, kDrop, kExport, kRebase };
  Action action = Action::kList;
  std::string directory;
  std::string name;
  std::string other;  // kExport: the file; kRebase: the directory of the older brain.
};

// gyrus user: the users of a brain. Returns as Users does.
absl::Status UserCommand(const UserOptions& options);

// Refuses what gyrus learn and gyrus run cannot do for a user.
absl::Status CheckUser(const LearnOptions& learn);

}  // namespace gyrus
