// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "activation/activity.h"
#include "activation/plan_builder.h"
#include "core/store.h"

namespace gyrus {

// How often the regions of an area were woken and learned from.
struct RouterLoad {
  uint64_t min = 0;
  uint64_t median = 0;
  uint64_t max = 0;
};

// Counts the steps learned from per region, eight regions to a block, which only the learner
// reads.
//
// Thread-safe: immutable.
class RouterUsage {
 public:
  // Adds the table "<area>.usage".
  static absl::StatusOr<RouterUsage> Create(absl::string_view area, uint32_t regions,
                                            uint32_t woken, PlanBuilder* builder);

  // Counts a step. Real-time safe.
  void Count(std::span<const Woken> woken, Commit* commit) const noexcept;

  // The load of `regions` regions as `draft` (Store::Draft) has it in table `table`. Takes time
  // and memory in proportion to the regions. Learner.
  static RouterLoad Summarise(const View& draft, uint32_t table, uint32_t regions);

 private:
  explicit RouterUsage(uint32_t table) : table_(table) {}

  uint32_t table_;
};

}  // namespace gyrus
