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
  uint32_t most_rows = 0;
  uint32_t most_columns = 0;
  for (std::size_t t = 0; t < collected_.size(); ++t) {
    const TensorSpec& tensor = layout.tensors()[t];
    collected_[t].a.resize(std::size_t{tensor.rows} * pairs);
    collected_[t].b.resize(std::size_t{tensor.columns} * pairs);
    most_rows = std::max(most_rows, tensor.rows);
    most_columns = std::max(most_columns, tensor.columns);
  }
  rates_.resize(most_rows);
  products_.resize(most_rows);
  coefficients_.resize(pairs);
  if (spec.optimiser == Optimiser::kRmsprop) accumulated_ = *AccumulatorLayout(layout);
  if (spec.importance.kind == ImportanceKind::kNone) return;
  important_ = *ImportanceLayout(layout);
  importance_.emplace(layout_, *important_, spec.importance);
  row_.resize(most_columns);
}

void ChunkUpdates::Begin(const RegionBlocks& blocks) noexcept {
  weights_ = blocks.weights;
  accumulators_ = blocks.accumulators;
  if (importance_.has_value()) importance_->Begin(blocks.weights, blocks.importance);
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
  std::copy(a.begin(), a.end(), collected.a.data() + collected.count * a.size());
  std::copy(b.begin(), b.end(), collected.b.data() + collected.count * b.size());
  ++collected.count;
  if (spec_.bounded) collected.b_squares += kernels::SumOfSquares(b);
  if (backprop.empty()) return;
  kernels::TransposedMatVecAdd(FloatsOf(layout_, tensor, weights_), a, backprop);
}

void ChunkUpdates::End() noexcept {
  if (accumulated_.has_value()) {
    step_ =
        Accumulators(*accumulated_, accumulators_).Advance(spec_.rate * rate_factor(), spec_.beta);
  }
  for (std::size_t t = 0; t < collected_.size(); ++t) {
    if (collected_[t].count > 0) Apply(t);
  }
  if (importance_.has_value()) importance_->End(weights_);
}

void ChunkUpdates::EndSensing() noexcept {
  GYRUS_CHECK(importance_.has_value());
  for (std::size_t t = 0; t < collected_.size(); ++t) {
    ForEachRow(t, [&](std::size_t i, std::span<const float> gradient) {
      importance_->Sense(t, i, gradient);
    });
  }
}

template <typename Use>
void ChunkUpdates::ForEachRow(std::size_t tensor, Use use) noexcept {
  const Collected& collected = collected_[tensor];
  const TensorSpec& spec = layout_.tensors()[tensor];
  const std::span<const float> b(collected.b.data(), std::size_t{collected.count} * spec.columns);
  const std::span<float> coefficients = std::span(coefficients_).first(collected.count);
  const std::span<float> gradient = std::span(row_).first(spec.columns);
  for (std::size_t i = 0; i < spec.rows; ++i) {
    bool any = false;
    for (std::size_t p = 0; p < coefficients.size(); ++p) {
      coefficients[p] = collected.a[p * spec.rows + i];
      any = any || coefficients[p] != 0.0F;
    }
    if (!any) continue;
    std::fill(gradient.begin(), gradient.end(), 0.0F);
    kernels::TransposedMatVecAdd(b, coefficients, gradient);
    use(i, gradient);
  }
}

void ChunkUpdates::ApplyByImportance(std::size_t tensor, std::span<const float> rates) noexcept {
  const std::span<float> w = FloatsOf(layout_, tensor, weights_);
  ForEachRow(tensor, [&](std::size_t i, std::span<const float> gradient) {
    importance_->MoveRow(tensor, i, rates[i], gradient,
                         w.subspan(i * gradient.size(), gradient.size()));
  });
}

void ChunkUpdates::Apply(std::size_t tensor) noexcept {
  const Collected& collected = collected_[tensor];
  const TensorSpec& spec = layout_.tensors()[tensor];
  const std::span<const float> b(collected.b.data(), std::size_t{collected.count} * spec.columns);
  const std::span<float> rates = std::span(rates_).first(spec.rows);
  const std::span<float> coefficients = std::span(coefficients_).first(collected.count);
  Rates(tensor, rates);
  if (importance_.has_value()) return ApplyByImportance(tensor, rates);
  float* w = FloatsOf(layout_, tensor, weights_).data();
  for (std::size_t i = 0; i < spec.rows; ++i, w += spec.columns) {
    const float* a = collected.a.data() + i;
    for (float& coefficient : coefficients) {
      coefficient = -rates[i] * *a;
      a += spec.rows;
    }
    kernels::TransposedMatVecAdd(b, coefficients, {w, spec.columns});
  }
}

void ChunkUpdates::Rates(std::size_t tensor, std::span<float> rates) noexcept {
  if (accumulated_.has_value()) {
    SquaresOfRows(tensor, rates);
    const auto columns = static_cast<float>(layout_.tensors()[tensor].columns);
    float* const v = Accumulators(*accumulated_, accumulators_).mean_square(tensor).data();
    for (std::size_t i = 0; i < rates.size(); ++i) {
      // Rounding may leave a row of cancelling pairs a little below 0.
      const float fresh = std::max(rates[i], 0.0F) / columns;
      v[i] = step_.beta * v[i] + (1.0F - step_.beta) * fresh;
      rates[i] = step_.rate / (std::sqrt(v[i] * step_.bias_correction) + step_.epsilon);
    }
  } else {
    std::fill(rates.begin(), rates.end(), spec_.rate * rate_factor());
  }
  if (!spec_.bounded) return;
  const float bound = 1.0F / collected_[tensor].b_squares;
  for (float& rate : rates) rate = std::min(rate, bound);
}

void ChunkUpdates::SquaresOfRows(std::size_t tensor, std::span<float> squares) noexcept {
  const Collected& collected = collected_[tensor];
  const std::size_t rows = squares.size();
  const std::size_t columns = layout_.tensors()[tensor].columns;
  const auto b = [&](std::size_t p) {
    return std::span(collected.b).subspan(p * columns, columns);
  };
  const std::span<float> products = std::span(products_).first(rows);
  std::fill(squares.begin(), squares.end(), 0.0F);
  for (std::size_t p = 0; p < collected.count; ++p) {
    // Each pair with those before it, twice, and with itself.
    const std::span<float> coefficients = std::span(coefficients_).first(p + 1);
    for (std::size_t q = 0; q < p; ++q) coefficients[q] = 2.0F * kernels::Dot(b(p), b(q));
    coefficients[p] = kernels::SumOfSquares(b(p));
    std::fill(products.begin(), products.end(), 0.0F);
    kernels::TransposedMatVecAdd(std::span(collected.a).first((p + 1) * rows), coefficients,
                                 products);
    const float* const a = collected.a.data() + p * rows;
    for (std::size_t i = 0; i < rows; ++i) squares[i] += a[i] * products[i];
  }
}

}  // namespace gyrus
