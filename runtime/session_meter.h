// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "activation/activity.h"
#include "core/block_table.h"
#include "core/stopwatch.h"
#include "learner/learning_meter.h"

namespace gyrus {

// Who learns, and when.
enum class Mode : uint8_t {
  kFrozen,      // Nobody: outputs depend on the snapshot and this session's state alone.
  kInline,      // This session, within Learn; deterministic in the order of calls.
  kBackground,  // Another thread, later, from what this session tells it in bounded time.
};

// What one session counts for whoever watches it.
//
// One writer, the session, but for `learning`; any number of readers. Real-time safe.
struct SessionMeter {
  const std::string name;
  std::atomic<Mode> mode = Mode::kFrozen;
  std::atomic<uint64_t> steps = 0;
  std::atomic<SnapshotNumber> served = 0;  // By the last step; 0: the draft.
  std::atomic<uint64_t> deadlines_missed = 0;
  Stopwatch step = {};   // Inline, with what the step learned first.
  Stopwatch learn = {};  // Inline: the learning itself; background: telling it.
  std::vector<std::atomic<uint64_t>> woken = {};  // Regions that steps woke, by area.
  LearningMeter learning = {};

  void Count(const Activity& activity) noexcept {
    for (std::size_t a = 0; a < woken.size(); ++a) {
      if (!activity.areas[a].awake) continue;
      LearningMeter::Add(&woken[a], uint64_t{activity.areas[a].woken.size()});
    }
  }

  // The mode as people write it.
  static const char* Name(Mode mode) {
    return mode == Mode::kFrozen ? "frozen" : mode == Mode::kInline ? "inline" : "background";
  }
};

}  // namespace gyrus
