// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/clock.h"
#include "runtime/journal.h"

namespace gyrus {

// Snapshots that gyrus learn --snapshot-every leaves.
inline constexpr uint32_t kAutomaticSnapshots = 12;

struct LearnOptions {
  std::string directory;
  std::vector<std::string> inputs;  // At least one.
  bool frozen = false;              // gyrus run: predicts, learns and saves nothing.
  uint64_t skip = 0;                // Records passed over at the start.
  uint64_t limit = std::numeric_limits<uint64_t>::max();  // Records taken after that.
  bool by_class = false;
  bool background = false;  // Learns on another thread, beside predicting.
  uint32_t delay = 0;       // Steps by which labels come late.
  std::string test;         // An input to predict afterwards, frozen; "": none.
  std::optional<uint64_t> seed;
  Durability durability = {};
  std::optional<Nanos> snapshot_every;  // None: keeps no snapshots by itself.
  std::string user = {};                // Whose fork of the brain it is; "": the common brain.
  std::string target;                   // A column; "": the brain's.
  std::string json;  // A file for intervals and the summary; "-": standard output; "": none.
  bool quiet = false;
  bool metrics = true;  // Times calls and counts wakings.
  std::string address;  // Where the status is served as text; "": nowhere.
};

// gyrus learn, gyrus run. Whatever stops the stream, what was learned before is saved; then the
// status says what it was; Cancelled if a
// signal did.
absl::Status LearnCommand(const LearnOptions& options);

}  // namespace gyrus
