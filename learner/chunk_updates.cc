// SPDX-License-Identifier: Apache-2.0
#include "learner/chunk_updates.h"

#include <algorithm>
#include <cmath>

#include "activation/tensor.h"
#include "core/check.h"
#include "core/kernels/matrix.h"
#include "core/kernels/vector.h"
#include "learner/rmsprop.h"

namespace gyrus {

ChunkUpdates::ChunkUpdates(const BlockLayout& layout, const AreaLearningSpec& spec, uint32_t pairs)
    : layout_(layout), spec_(spec), pairs_(pairs), collected_(layout.tensors().size()) {
  std::size_t largest = 0;
  for (std::size_t t = 0; t < collected_.size(); ++t) {
    const TensorSpec& tensor = layout.tensors()[t];
    collected_[t].a.resize(std::size_t{tensor.rows} * pairs);
    collected_[t].b.resize(std::size_t{tensor.columns} * pairs);
    largest = std::max<std::size_t>(largest, tensor.columns);
  }
  row_.resize(largest);
  if (spec.optimiser == Optimiser::kRmsprop) accumulated_ = *AccumulatorLayout(layout);
}

void ChunkUpdates::Begin(std::byte* weights, std::byte* accumulators) noexcept {
  weights_ = weights;
  accumulators_ = accumulators;
  for (Collected& collected : collected_) {
    collected.count = 0;
    collected.b_squares = 0.0F;
  }
}

void ChunkUpdates::Outer(std::size_t tensor, std::span<const float> a, std::span<const float> b,
                         std::span<float> backprop) noexcept {
  if (!Admit(a, b)) return;
  Collected& collected = collected_[tensor];
  GYRUS_CHECK(collected.count < pairs_);
  float* to = collected.a.data() + collected.count;
  for (const float value : a) {
    *to = value;
    to += pairs_;
  }
  std::copy(b.begin(), b.end(), collected.b.begin() + collected.count * b.size());
  ++collected.count;
  if (spec_.bounded) collected.b_squares += kernels::SumOfSquares(b);
  if (backprop.empty()) return;
  kernels::TransposedMatVecAdd(FloatsOf(layout_, tensor, weights_), a, backprop);
}

void ChunkUpdates::End() noexcept {
  if (accumulated_.has_value()) {
    step_ = Accumulators(*accumulated_, accumulators_).Advance(spec_.rate, spec_.beta);
  }
  for (std::size_t t = 0; t < collected_.size(); ++t) {
    if (collected_[t].count > 0) Apply(t);
  }
}

void ChunkUpdates::Apply(std::size_t tensor) noexcept {
  const Collected& collected = collected_[tensor];
  const TensorSpec& spec = layout_.tensors()[tensor];
  const std::span<const float> b(collected.b.data(), std::size_t{collected.count} * spec.columns);
  const std::span<float> row = std::span(row_).first(spec.columns);
  const float bound = spec_.bounded ? 1.0F / collected.b_squares : INFINITY;
  float* mean_square = nullptr;
  if (accumulated_.has_value()) {
    mean_square = Accumulators(*accumulated_, accumulators_).mean_square(tensor).data();
  }
  float* w = FloatsOf(layout_, tensor, weights_).data();
  for (uint32_t i = 0; i < spec.rows; ++i, w += spec.columns) {
    std::fill(row.begin(), row.end(), 0.0F);
    kernels::TransposedMatVecAdd(b, {collected.a.data() + std::size_t{i} * pairs_, collected.count},
                                 row);
    const float rate = RateOf(row, mean_square == nullptr ? nullptr : mean_square + i);
    kernels::Axpy(-std::min(rate, bound), row, {w, spec.columns});
  }
}

float ChunkUpdates::RateOf(std::span<const float> row, float* mean_square) const noexcept {
  if (mean_square == nullptr) return spec_.rate;
  const float fresh = kernels::SumOfSquares(row) / static_cast<float>(row.size());
  *mean_square = step_.beta * *mean_square + (1.0F - step_.beta) * fresh;
  return step_.rate / (std::sqrt(*mean_square * step_.bias_correction) + step_.epsilon);
}

}  // namespace gyrus
