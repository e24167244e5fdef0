// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/mutex.h"
#include "runtime/journal.h"

namespace gyrus {

// Where the streams of a brain stood when they were last saved, or when they stopped learning. What
// a stream taught stays in the blocks when it ends, so the next cut takes its end along: without
// it the disk would hold blocks that its position knows nothing of.
//
// Thread-safe. Locks for as long as one position takes to copy.
class LastPositions {
 public:
  // Of a position that is durable, or about to be.
  void Set(absl::string_view name, std::string position) ABSL_LOCKS_EXCLUDED(mutex_);

  void Clear() ABSL_LOCKS_EXCLUDED(mutex_);

  // Of a stream that learns no more; waits for the next cut.
  void Part(absl::string_view name, std::string position) ABSL_LOCKS_EXCLUDED(mutex_);

  // Writes down those that wait, but for sessions that `moment` holds already: they go on.
  void AddParted(Journal::Moment* moment) ABSL_LOCKS_EXCLUDED(mutex_);

  // What those that wait take in a moment, in names and positions.
  struct Room {
    std::size_t sessions = 0;
    std::size_t bytes = 0;
  };
  Room parted() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Empty for a session that is not known.
  std::string Find(absl::string_view name) const ABSL_LOCKS_EXCLUDED(mutex_);

  std::vector<std::string> names() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  struct Entry {
    std::string position;
    bool parted = false;
  };

  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gyrus
