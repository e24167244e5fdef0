// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "core/real_time.h"

// Products of a matrix and a vector, one source for every instruction set.
//
// Layout: matrices are row-major without padding. The general terms (alignment, determinism,
// threads, eps) are those of core/kernels/vector.h. A product over an empty dimension is 0.
namespace gyrus::kernels {

// y = W x. Shapes: w (y.size(), x.size()).
// Error: (n / 2 + 12) eps sum_j |w_ij x_j| in each element, n = x.size().
// An element depends on its row and x alone: it has the same bits in any matrix.
void MatVec(std::span<const float> w, std::span<const float> x,
            std::span<float> y) noexcept GYRUS_NONBLOCKING;

// y += W x. Shapes and Error: as MatVec, plus eps |y_i| for the last addition.
void MatVecAdd(std::span<const float> w, std::span<const float> x,
               std::span<float> y) noexcept GYRUS_NONBLOCKING;

// dx += W^T dy: the backward pass of MatVec. Shapes: w (dy.size(), dx.size()).
// A row whose dy_i is 0 is not read, whatever it holds.
// Error: (m + 1) eps (|dx_j| + sum_i |w_ij dy_i|) in each element, m = dy.size().
void TransposedMatVecAdd(std::span<const float> w, std::span<const float> dy,
                         std::span<float> dx) noexcept GYRUS_NONBLOCKING;

// W += a u v^T. Shapes: w (u.size(), v.size()).
// A row whose u_i is 0 is not touched.
// Error: 3 eps (|w_ij| + |a u_i v_j|) in each element.
void Rank1Add(float a, std::span<const float> u, std::span<const float> v,
              std::span<float> w) noexcept GYRUS_NONBLOCKING;

}  // namespace gyrus::kernels
