// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "core/real_time.h"

// Recursive least squares (Haykin, Adaptive Filter Theory, 4th ed., section 9.3) on a symmetric
// matrix P, the inverse covariance of F features:
//
//   k = P phi,  P = P - k k^T / (1 + phi . k)
//
// General terms: as core/kernels/vector.h. Spans do not overlap.
//
// Shapes: phi, k (F,).
// Layout: p is the lower triangle of P in strips of 16 rows, each row from column 0 to the end of
// the strip's square on the diagonal. The squares are stored whole, so that a strip's rows are
// equally long and begin, but for the last, on whole vectors. Above the diagonal nothing else is.
namespace gyrus::kernels {

inline constexpr std::size_t kTriangleStrip = 16;

// Where row i of a triangle of n features begins: element (i, j <= i) is at TriangleRow(n, i) + j.
constexpr std::size_t TriangleRow(std::size_t n, std::size_t i) {
  const std::size_t strip = i / kTriangleStrip;
  const std::size_t begin = strip * kTriangleStrip;
  const std::size_t above = kTriangleStrip * kTriangleStrip * (strip * (strip + 1) / 2);
  return above + (i - begin) * std::min(begin + kTriangleStrip, n);
}

// Length of p for n features.
constexpr std::size_t TriangleFloats(std::size_t n) { return TriangleRow(n, n); }

// k = P phi; returns phi . k.
// Error: (n + 16) eps sum_j |p_ij phi_j| in each element of k, n = F; the projection as Dot.
float RlsGain(std::span<const float> p, std::span<const float> phi,
              std::span<float> k) noexcept GYRUS_NONBLOCKING;

// P = P - scale k k^T. If the squares are bit-exactly symmetric, so are they in the result.
// Error: 6 eps (|p_ij| + |scale k_i k_j|) in each element.
void RlsDowndate(float scale, std::span<const float> k,
                 std::span<float> p) noexcept GYRUS_NONBLOCKING;

// P = (P - scale k k^T) / forget, forget in (0, 1]. The same symmetry and relative error.
void RlsDowndateForget(float scale, float forget, std::span<const float> k,
                       std::span<float> p) noexcept GYRUS_NONBLOCKING;

// A += a phi phi^T on the lower triangle alone.
// Layout: packed by rows, element (i, j <= i) at i (i + 1) / 2 + j; F (F + 1) / 2 floats.
// A row whose phi_i is 0 is not touched.
// Error: 3 eps (|A_ij| + |a phi_i phi_j|) in each element.
void SymmetricRank1Add(float a, std::span<const float> phi,
                       std::span<float> packed) noexcept GYRUS_NONBLOCKING;

}  // namespace gyrus::kernels
