// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/cell.h"
#include "activation/updates.h"
#include "core/check.h"

namespace gyrus {

// The blocks of a region that learning changes.
struct RegionBlocks {
  std::byte* weights;
  std::byte* accumulators = nullptr;  // Null where the optimiser keeps none.
  std::byte* importance = nullptr;    // Null where weights are not held by importance.
};

// An optimiser, at work on one region's block at a time:
//
//   updates->Begin(blocks);
//   cell.Backward(step, updates);  // Once per step of the chunk, the last step first.
//   updates->End();                // The block now holds what was learnt.
//
// A gradient that is not finite, or beyond any use (|a|^2 |b|^2 of 1e30 or more), is refused where
// it enters: it changes nothing, nothing goes back through it, and it is counted.
//
// Memory is taken at creation. Not thread-safe. Real-time safe.
class RegionUpdates : public Updates {
 public:
  // Takes on a region.
  virtual void Begin(const RegionBlocks& blocks) noexcept = 0;

  // Applies what is still to be applied.
  virtual void End() noexcept = 0;

  // Instead of End, where the gradients were those of the answer's sensitivity: nothing moves.
  // Requires: importance by MAS.
  virtual void EndSensing() noexcept { GYRUS_CHECK(false); }

  // A vector is one row: its tensor has the shape (1, g.size()).
  void Scaled(std::size_t tensor, float scale, std::span<const float> g) noexcept final {
    Outer(tensor, {&scale, 1}, g, {});
  }

  // A factor of the rate from the next Begin on; 1 at first.
  void set_rate_factor(float factor) { rate_factor_ = factor; }

  // Gradients refused since creation.
  int64_t refused() const { return refused_; }

 protected:
  // Whether a b^T is fit to learn from; counts it if not.
  bool Admit(std::span<const float> a, std::span<const float> b) noexcept;

  float rate_factor() const { return rate_factor_; }

 private:
  float rate_factor_ = 1.0F;
  int64_t refused_ = 0;
};

// Makes what `spec` asks for: one that updates at once, in the same pass over the weights that
// carries the error back, where a block has one step and one gradient per tensor; else one that
// collects a chunk. Returns InvalidArgument naming the field, its value and the limit.
absl::StatusOr<std::unique_ptr<RegionUpdates>> MakeRegionUpdates(const AreaLearningSpec& spec,
                                                                 const Cell& cell);

}  // namespace gyrus
