// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "activation/activity.h"
#include "core/real_time.h"
#include "core/store.h"

namespace gyrus {

// The sizes of an expert.
struct ExpertShape {
  uint32_t width = 0;                        // Inputs that it gives the mixer for a node.
  std::size_t scratch_bytes = 0;             // From Begin to the last Learn of a step.
  std::vector<uint32_t> signal_ranges = {};  // Signal s, see Evidence, is below signal_ranges[s].
};

// A source of evidence for a mixing head, asked decision by decision on the way from the root of
// the symbol tree to a leaf. Nodes are numbered as in a heap: the root is 1, the children of n are
// 2 n (bit 0) and 2 n + 1 (bit 1); at depth d a node is 2^d plus the d bits so far.
//
// Thread-safe: immutable. Real-time safe. `scratch` is this expert's own, scratch_bytes long,
// aligned to 64.
class Expert {
 public:
  virtual ~Expert() = default;

  const ExpertShape& shape() const { return shape_; }

  // Looks at a step's contexts and features, once, before any question, and advances this expert's
  // part of context.state, if it has one.
  virtual void Begin(const StepContext& context,
                     std::byte* scratch) const noexcept GYRUS_NONBLOCKING = 0;

  // Asks the memory for what Evidence at `node`, the root of a nibble (depth 0, 4), will read.
  virtual void Approach(uint32_t node, std::byte* scratch) const noexcept GYRUS_NONBLOCKING = 0;

  // Writes this expert's evidence that the bit at `node` is 1: `inputs` (width,), in the logit
  // domain, 0 where it knows nothing; and `signals`, small numbers that may pick mixing weights.
  // Any node may be asked, in any order; going down a path is fastest.
  virtual void Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                        std::span<uint32_t> signals) const noexcept GYRUS_NONBLOCKING = 0;

  // Learns that the bit at `node` was `bit`. Called for each node of the target's path, from the
  // root down, after all of them were asked in that order.
  virtual void Learn(uint32_t node, uint32_t bit, std::byte* scratch,
                     Commit* commit) const noexcept GYRUS_NONBLOCKING = 0;

 protected:
  explicit Expert(ExpertShape shape) : shape_(std::move(shape)) {}

 private:
  ExpertShape shape_;
};

}  // namespace gyrus
