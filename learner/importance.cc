// SPDX-License-Identifier: Apache-2.0
#include "learner/importance.h"

#include <algorithm>
#include <cmath>

#include "activation/tensor.h"

namespace gyrus {
namespace {

constexpr float kXi = 1e-3F;

// The last tensor of a block's importance.
struct Progress {
  uint32_t updates;       // Since the last consolidation.
  uint32_t consolidated;  // 1 once it has.
};

Progress& ProgressOf(const BlockLayout& importance, std::byte* block) {
  return *reinterpret_cast<Progress*>(block + importance.offset(importance.tensors().size() - 1));
}

}  // namespace

std::span<float> Importance::Of(Part part, std::size_t tensor) const noexcept {
  return FloatsOf(importance_, kParts * tensor + part, block_);
}

void Importance::Begin(const std::byte* weights, std::byte* block) noexcept {
  block_ = block;
  const Progress& progress = ProgressOf(importance_, block_);
  if (progress.updates > 0 || progress.consolidated != 0) return;
  for (std::size_t t = 0; t < layout_.tensors().size(); ++t) {
    const std::span<const float> w = FloatsOf(layout_, t, weights);
    std::copy(w.begin(), w.end(), Of(kAnchor, t).begin());
  }
}

void Importance::MoveRow(std::size_t tensor, std::size_t i, float rate,
                         std::span<const float> gradient, std::span<float> row) noexcept {
  const std::size_t columns = row.size();
  const float* const omega = Of(kOmega, tensor).data() + i * columns;
  const float* const anchor = Of(kAnchor, tensor).data() + i * columns;
  float* const collected = Of(kCollected, tensor).data() + i * columns;
  const float s = rate * spec_.strength;
  // By kind outside the loop, so that each is one plain pass.
  const auto pass = [&](auto collect) {
    for (std::size_t j = 0; j < columns; ++j) {
      const float before = row[j];
      const float pull = s * omega[j];
      row[j] = (before - rate * gradient[j] + pull * anchor[j]) / (1.0F + pull);
      collected[j] += collect(gradient[j], row[j] - before);
    }
  };
  switch (spec_.kind) {
    case ImportanceKind::kEwc:
      return pass([](float g, float) { return g * g; });
    case ImportanceKind::kSi:
      return pass([](float g, float moved) { return -g * moved; });
    default:
      return pass([](float, float) { return 0.0F; });
  }
}

void Importance::Sense(std::size_t tensor, std::size_t i,
                       std::span<const float> gradient) noexcept {
  float* const collected = Of(kCollected, tensor).data() + i * gradient.size();
  for (std::size_t j = 0; j < gradient.size(); ++j) collected[j] += std::abs(gradient[j]);
}

void Importance::End(const std::byte* weights) noexcept {
  Progress& progress = ProgressOf(importance_, block_);
  if (++progress.updates < spec_.every) return;
  progress = {.updates = 0, .consolidated = 1};
  for (std::size_t t = 0; t < layout_.tensors().size(); ++t) {
    Consolidate(t, FloatsOf(layout_, t, weights));
  }
}

void Importance::Consolidate(std::size_t tensor, std::span<const float> weights) noexcept {
  const std::span<float> omega = Of(kOmega, tensor);
  const std::span<float> anchor = Of(kAnchor, tensor);
  const std::span<float> collected = Of(kCollected, tensor);
  const float share = 1.0F / static_cast<float>(spec_.every);
  for (std::size_t j = 0; j < weights.size(); ++j) {
    float fresh = collected[j] * share;
    if (spec_.kind == ImportanceKind::kSi) {
      const float way = weights[j] - anchor[j];
      fresh = std::max(collected[j], 0.0F) / (way * way + kXi);
    }
    omega[j] = spec_.decay * omega[j] + fresh;
    anchor[j] = weights[j];
    collected[j] = 0.0F;
  }
}

}  // namespace gyrus
