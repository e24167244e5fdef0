// SPDX-License-Identifier: Apache-2.0
#include "learner/gradient_recorder.h"

#include <algorithm>
#include <cmath>

#include "activation/tensor.h"
#include "core/check.h"
#include "core/kernels/matrix.h"

namespace gyrus {

GradientRecorder::GradientRecorder(const BlockLayout& layout) : layout_(layout), starts_{0} {
  for (std::size_t t = 0; t < layout.tensors().size(); ++t) {
    GYRUS_CHECK(layout.tensors()[t].type == ElementType::kF32);
    starts_.push_back(starts_.back() + ElementsOf(layout, t));
  }
  sums_.resize(starts_.back());
}

void GradientRecorder::Outer(std::size_t tensor, std::span<const float> a, std::span<const float> b,
                             std::span<float> backprop) noexcept {
  double* sum = sums_.data() + starts_[tensor];
  for (const float row : a) {
    for (const float column : b) *sum++ += double{row} * double{column};
  }
  if (backprop.empty()) return;
  kernels::TransposedMatVecAdd(FloatsOf(layout_, tensor, weights_), a, backprop);
}

void GradientRecorder::Scaled(std::size_t tensor, float scale, std::span<const float> g) noexcept {
  double* sum = sums_.data() + starts_[tensor];
  for (const float value : g) *sum++ += double{scale} * double{value};
}

double GradientRecorder::Norm() const noexcept {
  double squares = 0.0;
  for (const double value : sums_) squares += value * value;
  return std::sqrt(squares);
}

void GradientRecorder::Clear() noexcept { std::fill(sums_.begin(), sums_.end(), 0.0); }

}  // namespace gyrus
