// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "activation/updates.h"
#include "core/kernels/vector.h"
#include "core/layout.h"
#include "core/real_time.h"
#include "core/rng.h"

namespace gyrus {

// The sizes of a cell. Counts are of floats.
struct CellShape {
  uint32_t inputs = 0;        // Length of x.
  uint32_t outputs = 0;       // Length of y.
  uint32_t state_floats = 0;  // Per session and region; 0: no recurrence.
  uint32_t tape_floats = 0;   // Per step and woken region: what Backward needs beside x.
  uint32_t trace_floats = 0;  // Per learner and region: credit to inputs before the chunk.
  uint32_t trace_outers = 0;  // Calls of Updates::Outer per tensor that traces add at most.
  bool learns = true;         // False: a frozen feature map; Backward is never called.
};

// The arguments of one step backwards through a region.
struct BackwardStep {
  const std::byte* weights;   // The block as it was in Forward.
  std::span<const float> x;   // (inputs,) as in Forward.
  const float* tape;          // (tape_floats,) as Forward wrote it.
  const float* traces;        // (trace_floats,) as of before this step, if the chunk begins
                              // here and credit goes further back; null otherwise.
  std::span<const float> dy;  // (outputs,) dL/dy.
  std::span<float> dx;        // (inputs,) dL/dx is added; empty: not wanted.
  float* dstate;              // (state_floats,) in: dL/d state after this step; out: before.
};

// The computation in a region. Pure: parameters and state are passed in, so that one cell serves
// all regions of an area and all sessions.
//
// Thread-safe: immutable. All methods are real-time safe but Initialise.
class Cell {
 public:
  virtual ~Cell() = default;

  const CellShape& shape() const { return shape_; }

  // The weights of one region, read by the step.
  const BlockLayout& layout() const { return layout_; }

  // What a step of zero input leaves of the state: the state, its gradient and the traces each
  // consist of as many equal rows as there are decays. Empty: they are not carried over sleep.
  std::span<const float> decays() const { return decays_; }

  // Carries such rows over `steps` steps asleep. Requires: decays() is not empty.
  void Sleep(uint32_t steps, std::span<float> rows) const noexcept GYRUS_NONBLOCKING;

  // Fills a fresh block from a random stream; the same bytes on every device.
  virtual void Initialise(Rng* rng, std::span<std::byte> weights) const = 0;

  // Advances `state` by one input and writes y (outputs,). Writes `tape` unless it is null.
  virtual void Forward(const std::byte* weights, std::span<const float> x, float* state,
                       std::span<float> y, float* tape) const noexcept GYRUS_NONBLOCKING = 0;

  // Carries `traces` (trace_floats,) over one step that Forward has run on this x and tape.
  virtual void Trace(const std::byte* weights, std::span<const float> x, const float* tape,
                     float* traces) const noexcept GYRUS_NONBLOCKING = 0;

  // Walks one step backwards: adds to dx, carries dstate to the step before, and hands every
  // weight's gradient to `updates`, which may change the block under it: a tensor is not read
  // after its update but through Updates::Outer.
  virtual void Backward(const BackwardStep& step,
                        Updates* updates) const noexcept GYRUS_NONBLOCKING = 0;

 protected:
  Cell(const CellShape& shape, BlockLayout layout, std::vector<float> decays = {})
      : shape_(shape), layout_(std::move(layout)), decays_(std::move(decays)) {}

 private:
  CellShape shape_;
  BlockLayout layout_;
  std::vector<float> decays_;
};

inline void Cell::Sleep(uint32_t steps, std::span<float> rows) const noexcept {
  if (steps == 0) return;
  const std::size_t length = rows.size() / decays_.size();
  for (std::size_t c = 0; c < decays_.size(); ++c) {
    kernels::Scale(std::pow(decays_[c], static_cast<float>(steps)),
                   rows.subspan(c * length, length));
  }
}

}  // namespace gyrus
