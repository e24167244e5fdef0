// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "core/layout.h"
#include "learner/region_updates.h"

namespace gyrus {

// Stochastic gradient descent, at once: W -= rate a b^T. A block takes one gradient per tensor
// between Begin and End, so that no gradient meets weights that another has moved.
class SgdUpdates final : public RegionUpdates {
 public:
  SgdUpdates(const BlockLayout& layout, float rate) : layout_(layout), rate_(rate) {}

  void Begin(const RegionBlocks& blocks) noexcept override { weights_ = blocks.weights; }
  void Outer(std::size_t tensor, std::span<const float> a, std::span<const float> b,
             std::span<float> backprop) noexcept override;
  void End() noexcept override {}

 private:
  BlockLayout layout_;
  float rate_;
  std::byte* weights_ = nullptr;
};

}  // namespace gyrus
