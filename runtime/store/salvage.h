// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/store/state_db.h"

namespace gyrus {

// What a look through a state's file found. Plain values.
struct StateHealth {
  std::vector<std::string> wrong;  // In plain words; empty: all of it is whole.
  bool other_brain = false;        // It is whole, but not this brain's.
  uint64_t rows = 0;               // Of the journal; whole_rows of them can be read and used.
  uint64_t whole_rows = 0;
  uint64_t blocks = 0;  // That have a whole version in it.
  uint64_t sessions = 0;
  uint64_t lines = 0;      // Of the history.
  uint64_t snapshots = 0;  // Moments that a name keeps.
};

// Reads every row of a state by itself, also of one that StateDb refuses. `options`: the brain's
// fingerprint and tables. Returns NotFound if there is no such file, Unavailable or
// FailedPrecondition if it cannot be opened or is no database at all.
absl::StatusOr<StateHealth> ExamineState(const std::string& path, const StateDb::Options& options);

// Writes what is whole in the state `from` into a new state `to`: the newest whole version of each
// block, the sessions and the lines of history that match their checksums. Blocks of different
// commits may then stand beside each other, and a session beyond what the blocks have learned.
// Snapshots are not kept: what they share with the newest versions may be what is damaged.
// Returns what was found; as StateDb's methods if `to` cannot be written; FailedPrecondition if
// `from` is another brain's.
absl::StatusOr<StateHealth> SalvageState(const std::string& from, const std::string& to,
                                         const StateDb::Options& options);

}  // namespace gyrus
