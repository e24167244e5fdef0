// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "core/real_time.h"

// Element-wise functions and normalisations, one source for every instruction set.
//
// General terms: as core/kernels/vector.h. Every function (x, y) takes spans of equal size and may
// work in place (y the same span as x; no other overlap). An element's result depends on the
// element alone, wherever it stands in the span. NaN gives NaN.
//
// The exponential: x = n ln 2 + r with ln 2 in two parts (Cody and Waite, "Software Manual for the
// Elementary Functions", 1980) and a polynomial of degree 7 on |r| <= ln 2 / 2 (Moshier, Cephes,
// expf). Everything else but Tanh near 0 is built from exp(-|x|), which cannot overflow.
namespace gyrus::kernels {

// y = max(x, 0), exact.
void Relu(std::span<const float> x, std::span<float> y) noexcept GYRUS_NONBLOCKING;

// y = exp(x); infinite above 88.73, 0 below -104.
// Error: 3e-7 relative; 2^-149 absolute where y < 2^-126.
void Exp(std::span<const float> x, std::span<float> y) noexcept GYRUS_NONBLOCKING;

// y = sigma(x) = 1 / (1 + exp(-x)). Error: 5e-7 relative; 2^-149 absolute where y < 2^-126.
void Sigmoid(std::span<const float> x, std::span<float> y) noexcept GYRUS_NONBLOCKING;

// y = tanh(x). Error: 5e-7 relative.
void Tanh(std::span<const float> x, std::span<float> y) noexcept GYRUS_NONBLOCKING;

// y = x sigma(x). Error: 6e-7 relative; 2^-142 absolute where |y| < 2^-119. -inf gives -0.
void Silu(std::span<const float> x, std::span<float> y) noexcept GYRUS_NONBLOCKING;

// y = d(x sigma(x))/dx = sigma(x) + x sigma(x) sigma(-x), in (-0.1, 1.1).
// Error: 1e-6 (sigma(x) + |x| sigma(x) sigma(-x)). 1 at inf, 0 at -inf.
void SiluGrad(std::span<const float> x, std::span<float> y) noexcept GYRUS_NONBLOCKING;

// y = exp(x - max) / sum exp(x - max). All NaN if any x is NaN or +inf, or all are -inf.
// Error: 1e-6 + eps (|x_i - max| + n / 4) relative; 2^-148 absolute where y < 2^-126.
void Softmax(std::span<const float> x, std::span<float> y) noexcept GYRUS_NONBLOCKING;

// Returns log sum exp(x); -inf if empty, inf if any x is inf and none NaN.
// Error: 1e-6 + eps (n / 4 + 2 |result|).
float LogSumExp(std::span<const float> x) noexcept GYRUS_NONBLOCKING;

// y = s x with s = 1 / sqrt(mean(x^2) + epsilon), epsilon > 0 (Zhang, Sennrich, "Root Mean Square
// Layer Normalization", 2019, without gain). Returns s; the mean of nothing is 0.
// Error: (n / 8 + 12) eps relative.
float RmsNorm(std::span<const float> x, std::span<float> y,
              float epsilon) noexcept GYRUS_NONBLOCKING;

// dx = s (dy - s^2 mean(x dy) x): the gradient through RmsNorm, which returned s for x. dx may be
// the same span as dy. Shapes: x, dy, dx (n,).
// Error: (n / 4 + 16) eps s (|dy_i| + s^2 |x_i| mean |x dy|) in each element.
void RmsNormGrad(std::span<const float> x, float s, std::span<const float> dy,
                 std::span<float> dx) noexcept GYRUS_NONBLOCKING;

}  // namespace gyrus::kernels
