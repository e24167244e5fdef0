// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/layout.h"

namespace gyrus {

// What RMSprop keeps for a block of `weights`: a vector of one f32 per row for each tensor, in the
// same order, then 1 - beta^t. Read by the learner alone, never merged; a fresh block is all zero.
absl::StatusOr<BlockLayout> AccumulatorLayout(const BlockLayout& weights);

// What holding weights by their importance keeps for a block of `weights`: for each tensor three of
// its size (how much each weight matters, where it is held, and what is collected for the next
// consolidation), then U32 (2,): updates since the last one, and 1 once there was one. As above.
absl::StatusOr<BlockLayout> ImportanceLayout(const BlockLayout& weights);

// What renewing units keeps for a region of so many: "utility" F32 and "age" U32, (units,), "owed"
// F32, and "progress" U32 (2,): samples since it last looked, and units renewed. As above.
absl::StatusOr<BlockLayout> UtilityLayout(uint32_t units);

}  // namespace gyrus
