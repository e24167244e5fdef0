// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/block_table.h"
#include "runtime/background_learner.h"
#include "runtime/guard.h"
#include "runtime/journal.h"
#include "runtime/session_meter.h"

namespace gyrus {

// How a runtime does, at one moment, for its operator. Rates are for the reader of two of them to
// compute.
struct RuntimeStatus {
  SnapshotNumber published = 0;          // The newest snapshot.
  uint64_t commits = 0;                  // By any learner.
  BackgroundLearner::Status background;  // Counts, queues, how old what is served may be.
  Guard::Status guard;                   // All zero without one.
  std::optional<Lag> lag;                // Of its journal, if it has one.
  // Of each experience that was learned in the background; lives as long as the runtime.
  const LatencyHistogram* learn = nullptr;
  std::vector<std::shared_ptr<const SessionMeter>> sessions;  // That are open.
};

}  // namespace gyrus
