// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

namespace gyrus {

// A gradient a b^T with |a|^2 |b|^2 of this or more is beyond any use, and refused: below, there is
// room for the squares of a chunk's sums, which an accumulator would otherwise keep as infinite for
// ever.
inline constexpr float kLargestGradient = 1e30F;

// Where a cell's gradients go: into an optimiser that changes the block at once, a collector that
// changes it at the end of a chunk, or a recorder for tests. Every gradient is of a loss to be
// made smaller; `tensor` is its place in the cell's layout.
//
// One implementation serves one region's block at a time. Not thread-safe. Real-time safe.
class Updates {
 public:
  virtual ~Updates() = default;

  // dW += a b^T and, where `backprop` is not empty, backprop += W^T a, in one pass over W with
  // the weights from before this update. Shapes: W (a.size(), b.size()), backprop (b.size(),).
  virtual void Outer(std::size_t tensor, std::span<const float> a, std::span<const float> b,
                     std::span<float> backprop) noexcept = 0;

  // dv += scale * g, for a vector v such as a bias.
  virtual void Scaled(std::size_t tensor, float scale, std::span<const float> g) noexcept = 0;

  // dv += g.
  void Vector(std::size_t tensor, std::span<const float> g) noexcept { Scaled(tensor, 1.0F, g); }
};

}  // namespace gyrus
