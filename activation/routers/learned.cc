// SPDX-License-Identifier: Apache-2.0
#include "activation/routers/learned.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "activation/routers/best.h"
#include "core/kernels/vector.h"
#include "core/rng.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr float kLoadRate = 0.01F;

float Logistic(const float* w, std::span<const float> x) {
  return 1.0F / (1.0F + std::exp(-kernels::Dot({w, x.size()}, x)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Router>> LearnedRouter::Create(const AreaSpec& area, uint32_t inputs,
                                                              uint64_t seed, PlanBuilder* builder) {
  const auto& spec = std::get<LearnedRouterSpec>(area.router);
  if (!(spec.rate >= 0.0F && spec.rate <= 10.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("rate must be in [0, 10], got ", spec.rate));
  }
  if (!(spec.balance >= 0.0F && spec.balance <= 1.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("balance must be in [0, 1], got ", spec.balance));
  }
  if (area.always_on == area.woken) {
    return absl::InvalidArgumentError("learned needs woken above always_on");
  }
  const uint32_t regions = area.regions - area.always_on;
  const uint32_t woken = area.woken - area.always_on;
  GYRUS_ASSIGN_OR_RETURN(const RouterUsage usage,
                         RouterUsage::Create(area.name, area.regions, area.woken, builder));
  std::unique_ptr<LearnedRouter> router(new LearnedRouter(area, usage));
  router->spec_ = spec;
  GYRUS_ASSIGN_OR_RETURN(BlockLayout weights,
                         BlockLayout::Create({{.name = "w", .columns = inputs}}));
  const float scale = 1.0F / std::sqrt(static_cast<float>(inputs));
  router->weights_ =
      builder->AddTable(area.name + ".scores", std::move(weights), regions, woken,
                        [seed, inputs, scale](uint32_t index, std::span<std::byte> block) {
                          Rng rng(seed, Mix64(index + 1));
                          float* const w = reinterpret_cast<float*>(block.data());
                          for (uint32_t j = 0; j < inputs; ++j) w[j] = scale * rng.Normal();
                        });
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout balance,
      BlockLayout::Create({{.name = "bias_and_load", .rows = 2, .columns = regions}}));
  router->balance_ = builder->AddTable(
      area.name + ".balance", std::move(balance), 1, 1,
      [regions, woken](uint32_t, std::span<std::byte> block) {
        float* const load = reinterpret_cast<float*>(block.data()) + regions;
        std::fill(load, load + regions, static_cast<float>(woken) / static_cast<float>(regions));
      });
  return router;
}

float LearnedRouter::Score(const TableView& weights, uint32_t region,
                           std::span<const float> x) const noexcept {
  return Logistic(weights.As<float>(region - area_.always_on), x);
}

std::size_t LearnedRouter::Route(const View& view, std::span<const float> x,
                                 std::span<Woken> woken) const noexcept {
  const uint32_t fixed = area_.always_on;
  const float share = 1.0F / static_cast<float>(woken.size());
  for (uint32_t i = 0; i < fixed; ++i) woken[i] = {i, share};
  const std::span<Woken> scored = woken.subspan(fixed);
  const TableView weights = view.table(weights_);
  const float* const bias = view.table(balance_).As<float>(0);
  BestRegions best(scored);
  for (uint32_t r = fixed; r < area_.regions; ++r) {
    best.Offer(r, Score(weights, r, x) + bias[r - fixed]);
  }
  float sum = 0.0F;
  for (Woken& w : scored) {
    w.gate = Score(weights, w.region, x);
    sum += w.gate;
  }
  const float scale = share * static_cast<float>(scored.size()) / std::max(sum, 1e-20F);
  for (Woken& w : scored) w.gate *= scale;
  return woken.size();
}

void LearnedRouter::Learn(std::span<const float> x, std::span<const Woken> woken,
                          std::span<const float> dgates, Commit* commit) const noexcept {
  usage_.Count(woken, commit);
  if (!dgates.empty() && spec_.rate > 0.0F) LearnScores(x, woken, dgates, commit);
  const uint32_t fixed = area_.always_on;
  const std::size_t regions = area_.regions - fixed;
  const float fair = static_cast<float>(area_.woken - fixed) / static_cast<float>(regions);
  float* const bias = commit->As<float>({balance_, 0});
  float* const load = bias + regions;
  for (std::size_t e = 0; e < regions; ++e) load[e] -= kLoadRate * load[e];
  for (const Woken& w : woken.subspan(fixed)) load[w.region - fixed] += kLoadRate;
  for (std::size_t e = 0; e < regions; ++e) bias[e] += spec_.balance * (fair - load[e]);
}

// gate_i = c s_i / S:  dL/ds_i = c / S (dL/dgate_i - sum_j s_j / S dL/dgate_j).
void LearnedRouter::LearnScores(std::span<const float> x, std::span<const Woken> woken,
                                std::span<const float> dgates, Commit* commit) const noexcept {
  const uint32_t fixed = area_.always_on;
  const float c = static_cast<float>(woken.size() - fixed) / static_cast<float>(woken.size());
  float mean = 0.0F;
  for (std::size_t i = fixed; i < woken.size(); ++i) mean += woken[i].gate / c * dgates[i];
  const float step = spec_.rate / std::max(1.0F, spec_.rate * kernels::SumOfSquares(x) / 16.0F);
  for (std::size_t i = fixed; i < woken.size(); ++i) {
    if (!(woken[i].gate > 0.0F)) continue;  // A score that has vanished has no slope.
    float* const w = commit->As<float>({weights_, woken[i].region - fixed});
    const float s = Logistic(w, x);
    const float sum = c * s / woken[i].gate;
    const float ds = c / sum * (dgates[i] - mean);
    kernels::Axpy(-step * ds * s * (1.0F - s), x, {w, x.size()});
  }
}

}  // namespace gyrus
