// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "core/real_time.h"

// Operations on vectors of float32, one source for every instruction set.
//
// For every function below: pointers need no alignment and never change the result; on one
// instruction set equal inputs give equal bits; across instruction sets results differ within the
// stated error. n is the length; eps = 2^-24. No byte outside the spans is touched. NaN and
// infinities follow IEEE arithmetic unless said otherwise. Spans do not overlap unless said.
//
// Thread-safe. Real-time safe once Warmup() has run (core/kernels/dispatch.h).
namespace gyrus::kernels {

// Returns x . y; 0 if empty. x and y may be the same span.
// Requires: x.size() == y.size().
// Error: |result - exact| <= (n / 4 + 12) eps sum |x_i y_i|.
float Dot(std::span<const float> x, std::span<const float> y) noexcept GYRUS_NONBLOCKING;

// y += a x. Requires: x.size() == y.size(). x and y may be the same span.
// Error: 2 eps (|a x_i| + |y_i|) in each element.
void Axpy(float a, std::span<const float> x, std::span<float> y) noexcept GYRUS_NONBLOCKING;

// x *= a, correctly rounded.
void Scale(float a, std::span<float> x) noexcept GYRUS_NONBLOCKING;

// Returns x . x; 0 if empty. Error: as Dot.
float SumOfSquares(std::span<const float> x) noexcept GYRUS_NONBLOCKING;

// Returns whether no element is NaN or infinite; true if empty.
bool AllFinite(std::span<const float> x) noexcept GYRUS_NONBLOCKING;

// y += each row in turn: the sum of table rows that a sparse input selects.
// Shapes: rows (k,) of pointers to y.size() floats; a row may appear more than once.
// Error: k eps (|y_i| + sum over rows |row_i|) in each element.
void GatherAdd(std::span<const float* const> rows, std::span<float> y) noexcept GYRUS_NONBLOCKING;

}  // namespace gyrus::kernels
