// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "activation/updates.h"
#include "core/layout.h"

namespace gyrus {

// Sums gradients densely, in double precision, and changes no block: what the optimisers are
// checked against, and the norm of a gradient for who wants to watch it.
//
// Memory is taken at construction: one double per element of a block. Movable.
// One thread. Real-time safe.
class GradientRecorder final : public Updates {
 public:
  // Requires: every tensor of `layout` is kF32.
  explicit GradientRecorder(const BlockLayout& layout);

  // The block through which backprop goes from now on. The sums stay.
  void Begin(const std::byte* weights) noexcept { weights_ = weights; }

  void Outer(std::size_t tensor, std::span<const float> a, std::span<const float> b,
             std::span<float> backprop) noexcept override;
  void Scaled(std::size_t tensor, float scale, std::span<const float> g) noexcept override;

  // The sum for one tensor, row-major.
  std::span<const double> gradient(std::size_t tensor) const {
    return {sums_.data() + starts_[tensor], starts_[tensor + 1] - starts_[tensor]};
  }

  // The same for all tensors one after the other, without padding.
  std::span<const double> gradients() const { return sums_; }

  // Euclidean norm over all tensors.
  double Norm() const noexcept;

  void Clear() noexcept;

 private:
  BlockLayout layout_;
  std::vector<std::size_t> starts_;  // (tensors + 1,)
  std::vector<double> sums_;
  const std::byte* weights_ = nullptr;
};

}  // namespace gyrus
