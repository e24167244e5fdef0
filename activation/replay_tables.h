// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/plan_builder.h"
#include "core/layout.h"

namespace gyrus {

// Where a brain keeps stored samples: blocks as everything else it knows, read by the learner
// alone and never merged, for they hold input. All begin as zeros.
struct ReplayTables {
  // A block per item. Tensors: "sample" U8, per modality one byte (1: present) and its value: a
  // symbol in one byte, pixels as they are, reals in one byte each; "state" U8, the session's
  // state before the step; "logits" F32 (classes,) for DER++.
  uint32_t items = 0;
  // One block. Tensors: "counts" U32 (2 + 2 classes, 2), 64 bits each: samples offered, items
  // held, then by class samples offered and when it was last offered; "held" U32 (classes,)
  // items by class; "full" U8 (classes,) 1 once a class has been the largest of a full memory;
  // "classes" U8 (items,) of each item.
  uint32_t index = 0;
  // One block, where there are reals. Tensors: "count", "mean", "deviation" F32 (reals,): over the
  // samples that settle them; "settled" U32, how many these were.
  uint32_t scales = 0;
  uint32_t reals = 0;         // Of all modalities.
  uint32_t sample_bytes = 0;  // Of "sample".
};

// Whether an area learns by gradients, so that stored samples teach it, too.
bool LearnsByGradients(const AreaSpec& area);

// Returns InvalidArgument if a number is out of range, or what it needs of the brain is not so.
absl::Status CheckReplay(const BrainSpec& spec);

// Adds the tables. Requires: CheckReplay has passed; every other component has reserved its state.
absl::StatusOr<ReplayTables> AddReplayTables(const BrainSpec& spec, PlanBuilder* builder);

}  // namespace gyrus
