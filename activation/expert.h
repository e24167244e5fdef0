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

// The way from the root of the symbol tree to a leaf, or to the end of what was asked.
struct Path {
  uint32_t leaf = 0;     // A leading 1, then the bits.
  uint32_t depth = 0;    // How many bits.
  uint32_t decided = 0;  // Bit d: the decision at depth d was made; others are not learned from.

  uint32_t node(uint32_t d) const { return leaf >> (depth - d); }  // At depth d.
  uint32_t bit(uint32_t d) const { return leaf >> (depth - d - 1) & 1U; }
  bool decides(uint32_t d) const { return (decided >> d & 1U) != 0; }
};

// Where the evidence along a path goes: one row per depth.
struct PathEvidence {
  float* inputs = nullptr;
  std::size_t inputs_stride = 0;  // From one depth's to the next, in elements.
  uint32_t* signals = nullptr;
  std::size_t signals_stride = 0;
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

  // The same for all nodes of a path at once.
  virtual void EvidenceAlong(const Path& path, std::byte* scratch,
                             const PathEvidence& out) const noexcept GYRUS_NONBLOCKING {
    for (uint32_t d = 0; d < path.depth; ++d) {
      if (!path.decides(d)) continue;
      Evidence(path.node(d), scratch, {out.inputs + d * out.inputs_stride, shape_.width},
               {out.signals + d * out.signals_stride, shape_.signal_ranges.size()});
    }
  }

  // Learns the bits that a path decides, after EvidenceAlong it.
  virtual void Learn(const Path& path, std::byte* scratch,
                     Commit* commit) const noexcept GYRUS_NONBLOCKING = 0;

 protected:
  explicit Expert(ExpertShape shape) : shape_(std::move(shape)) {}

 private:
  ExpertShape shape_;
};

}  // namespace gyrus
