// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/store.h"

namespace gyrus {

// What an encoder makes of one value. Sizes are fixed by the encoder's shape.
struct Encoding {
  bool present = false;
  std::span<float> vector;        // For areas.
  std::span<uint64_t> contexts;   // Hashes, for experts of a mixing head.
  std::span<uint32_t> selectors;  // Small numbers that pick mixing weights.
};

// A region that an input woke, and the weight of its output.
struct Woken {
  uint32_t region = 0;
  float gate = 0;
  uint32_t slept = 0;  // Steps since it was last awake, where its state decays over them; else 0.
};

// What happened in one area at one step.
struct AreaActivity {
  bool awake = false;          // False: an input was absent; everything below is stale, but
  bool routed = false;         // what was routed by another encoder, which was present.
  std::span<float> input;      // (inputs,) sum or concatenation of what the area reads.
  std::span<float> routing;    // What the router reads: the input, or an encoder's vector.
  std::span<Woken> woken;      // (k,); each region once.
  std::span<float> outputs;    // (k, outputs) one row per woken region.
  std::span<float> output;     // (outputs,) gate-weighted sum, plus the residual if any.
  std::span<float> gradient;   // (outputs,) dL/d output, summed by heads; empty in inference.
  std::span<float> gradients;  // (k, outputs) dL/d of each region's own output; likewise.
  std::span<float> tape;       // (k, tape_floats) what Backward needs; empty in inference.
};

// The trace of one step through a plan: written by the forward pass, read by heads and by the
// learner. Scratch: worth nothing once the next step begins. Its memory is its plan's to lay out.
struct Activity {
  std::vector<Encoding> encodings;             // By encoder.
  std::vector<AreaActivity> areas;             // By area.
  std::span<std::byte> head_scratch;           // One after the other, each at its head's offset.
  std::span<std::byte> learning_scratch = {};  // For whoever learns right now; empty in inference.
  uint64_t refused = 0;  // What heads did not learn because it was not finite, or beyond any use.
};

// What a component sees of a step: the blocks, what happened so far, and its session's state.
struct StepContext {
  View view;
  Activity* activity = nullptr;
  std::byte* state = nullptr;  // The session's state; a component adds its own offset.
  // Learning: of the rates of gradient-trained heads and the process noise of Kalman heads.
  float rate_factor = 1.0F;
};

}  // namespace gyrus
