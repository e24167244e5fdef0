// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/statusor.h"
#include "core/layout.h"

namespace gyrus {

// What RMSprop keeps for a block of `weights`: a vector of one f32 per row for each tensor, in the
// same order, then 1 - beta^t. Read by the learner alone, never merged; a fresh block is all zero.
absl::StatusOr<BlockLayout> AccumulatorLayout(const BlockLayout& weights);

}  // namespace gyrus
