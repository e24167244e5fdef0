// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "core/real_time.h"

// Recursive least squares (Haykin, Adaptive Filter Theory, 4th ed., section 9.3) on a symmetric
// matrix P, the inverse covariance of F features:
//
//   k = P phi,  P = P - k k^T / (1 + phi . k)
//
// General terms: as core/kernels/vector.h. Spans do not overlap.
//
// Shapes: p (F, F), all of it stored; phi, k (F,).
namespace gyrus::kernels {

// k = P phi; returns phi . k. Reads the lower triangle of P and some of the upper one.
// Error: (n + 16) eps sum_j |p_ij phi_j| in each element of k, n = F; the projection as Dot.
float RlsGain(std::span<const float> p, std::span<const float> phi,
              std::span<float> k) noexcept GYRUS_NONBLOCKING;

// P = P - scale k k^T. If P is bit-exactly symmetric, so is the result.
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
