// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "core/block_table.h"
#include "core/stopwatch.h"

namespace gyrus {

// Who learns, and when.
enum class Mode : uint8_t {
  kFrozen,      // Nobody: outputs depend on the snapshot and this session's state alone.
  kInline,      // This session, within Learn; deterministic in the order of calls.
  kBackground,  // Another thread, later, from what this session tells it in bounded time.
};

// What one session counts for whoever watches it.
//
// One writer, the session; any number of readers.
struct SessionMeter {
  const std::string name;
  std::atomic<Mode> mode = Mode::kFrozen;
  std::atomic<uint64_t> steps = 0;
  std::atomic<SnapshotNumber> served = 0;  // By the last step; 0: the draft.
  std::atomic<uint64_t> deadlines_missed = 0;
  Stopwatch step = {};
  Stopwatch learn = {};  // Inline: the learning itself; background: telling it.

  // The mode as people write it.
  static const char* Name(Mode mode) {
    return mode == Mode::kFrozen ? "frozen" : mode == Mode::kInline ? "inline" : "background";
  }
};

}  // namespace gyrus
