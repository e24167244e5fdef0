// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/kernels/mixing.h"
#include "core/kernels/patches.h"
#include "core/kernels/update.h"

// What the kernels compute, written plainly in double precision: the oracle of every faster
// version, and slow. Shapes are those of the kernel of the same name; what a kernel changes in
// place is taken by value and returned.
//
// Thread-safe.
namespace gyrus::reference {

using Vector = std::vector<double>;

double Dot(std::span<const float> x, std::span<const float> y);
Vector MatVec(std::span<const float> w, std::span<const float> x);
Vector TransposedMatVec(std::span<const float> w, std::span<const float> dy, std::size_t columns);

// Returns w + a u v^T.
Vector Rank1Add(double a, std::span<const float> u, std::span<const float> v,
                std::span<const float> w);

// Returns W after the step and updates mean_square; what dx gains is TransposedMatVec of the old W.
Vector RmspropOuter(const kernels::RmspropStep& step, std::span<const float> dy,
                    std::span<const float> x, std::span<const float> w, Vector* mean_square);

// Returns (p - scale k k^T) / forget.
Vector RlsDowndate(double scale, double forget, std::span<const float> k, std::span<const float> p);

// The mean under the square root of PoolPatches, and in `sizes` the greatest sum of |d_k x| times
// the scale of a position of the cell: what its error bound is made of.
Vector PoolPatches(const kernels::PatchBank& bank, std::span<const float> taps,
                   std::span<const uint8_t> pixels, Vector* sizes);

// One decision of Mix and of MixLearn.
struct Decision {
  Vector logits;
  Vector probabilities;
  double mixed = 0.0;
  double probability = 0.0;
};
Decision Mix(std::span<const float> x, std::span<const Vector> weights, const Vector& last);
void MixLearn(const Decision& decision, double bit, const kernels::MixRates& rates,
              std::span<const float> x, std::span<Vector> weights_and_last);

double Sigmoid(double x);
double Silu(double x);
double SiluGrad(double x);
Vector Softmax(std::span<const float> x);
double LogSumExp(std::span<const float> x);
double InverseRms(std::span<const float> x, double epsilon);
Vector RmsNormGrad(std::span<const float> x, double s, std::span<const float> dy);

}  // namespace gyrus::reference
