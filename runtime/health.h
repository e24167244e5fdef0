// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "activation/plan.h"
#include "runtime/store/state_db.h"

namespace gyrus {

// What the state of a brain must match; the mode is the caller's.
StateDb::Options StateOptionsOf(const Plan& plan);

// What is wrong with a brain's directory, for people. Plain values.
struct BrainHealth {
  std::vector<std::string> wrong;  // Empty: nothing.
  std::vector<std::string> notes;  // What is as it should be, or at least harmless.
  bool repairable = false;         // RepairBrain keeps what is whole of it.
};

// Looks through all of a directory, and changes nothing. Ordinary; reads the whole state.
BrainHealth ExamineBrain(const std::string& directory);

// Puts a state with all that is whole of the damaged one in its place; the damaged one stays beside
// it, under the name that is returned. Returns FailedPrecondition if nothing is wrong or a repair
// cannot help, and says why; Unavailable if another process learns into the brain; as
// SalvageState. Then nothing has changed.
struct Repair {
  std::string kept_as;  // The damaged file.
  std::vector<std::string> kept;
};
absl::StatusOr<Repair> RepairBrain(const std::string& directory);

}  // namespace gyrus
