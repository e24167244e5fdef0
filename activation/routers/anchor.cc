// SPDX-License-Identifier: Apache-2.0
#include "activation/routers/anchor.h"

#include <algorithm>
#include <cmath>
#include <string>
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

constexpr uint32_t kCompareAll = 64;

float CosineTo(const TableView& anchors, uint32_t anchor, std::span<const float> x,
               float inverse_norm) {
  return kernels::Dot({anchors.As<float>(anchor), x.size()}, x) * inverse_norm;
}

absl::Status CheckSpec(const AnchorRouterSpec& spec) {
  if (!(spec.threshold > -1.0F && spec.threshold <= 1.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("threshold must be in (-1, 1], got ", spec.threshold));
  }
  if (spec.rising && spec.settle_after == 0) {
    return absl::InvalidArgumentError("rising needs settle_after above 0");
  }
  if (!(spec.chance > 0.0F && spec.chance <= 1.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("chance must be in (0, 1], got ", spec.chance));
  }
  if (!(spec.temperature >= 0.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("temperature must be at least 0, got ", spec.temperature));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Router>> AnchorRouter::Create(const AreaSpec& area, uint32_t inputs,
                                                             uint64_t seed, PlanBuilder* builder) {
  const auto& spec = std::get<AnchorRouterSpec>(area.router);
  GYRUS_RETURN_IF_ERROR(CheckSpec(spec));
  if (area.always_on == area.woken) {
    return absl::InvalidArgumentError(
        absl::StrCat("anchor needs woken above always_on = ", area.always_on));
  }
  GYRUS_ASSIGN_OR_RETURN(const RouterUsage usage,
                         RouterUsage::Create(area.name, area.regions, area.woken, builder));
  std::unique_ptr<AnchorRouter> router(new AnchorRouter(area, usage));
  router->spec_ = spec;
  router->seed_ = seed;
  router->limit_ = area.regions - area.always_on;
  GYRUS_RETURN_IF_ERROR(router->AddTables(inputs, builder));
  return router;
}

absl::Status AnchorRouter::AddTables(uint32_t inputs, PlanBuilder* builder) {
  if (limit_ <= kCompareAll) {
    GYRUS_ASSIGN_OR_RETURN(
        BlockLayout anchor,
        BlockLayout::Create({{.name = "anchor", .columns = inputs, .merge = Merge::kNever}}));
    anchors_ = builder->AddTable(area_.name + ".anchors", std::move(anchor), limit_, 1);
  } else {
    GYRUS_ASSIGN_OR_RETURN(tree_, AnchorTree::Create(area_.name, limit_, inputs,
                                                     area_.woken - area_.always_on, builder));
  }
  GYRUS_ASSIGN_OR_RETURN(BlockLayout founding, BlockLayout::Create({{.name = "founded_and_inputs",
                                                                     .type = ElementType::kU32,
                                                                     .columns = 2,
                                                                     .merge = Merge::kNever}}));
  founding_ = builder->AddTable(area_.name + ".founding", std::move(founding), 1, 1);
  return absl::OkStatus();
}

// Writes the anchors nearest to x, best first, each with its cosine as the gate.
std::size_t AnchorRouter::Nearest(const View& view, std::span<const float> x,
                                  std::span<Woken> best) const noexcept {
  const float inverse_norm = InverseNorm(x);
  BestRegions nearest(best);
  if (tree_.has_value()) {
    tree_->Nearest(view, x, inverse_norm, &nearest);
    return nearest.count();
  }
  const TableView anchors = view.table(anchors_);
  const uint32_t founded = view.table(founding_).As<Founding>(0)->founded;
  for (uint32_t a = 0; a < founded; ++a) nearest.Offer(a, CosineTo(anchors, a, x, inverse_norm));
  return nearest.count();
}

std::size_t AnchorRouter::Route(const View& view, std::span<const float> x,
                                std::span<Woken> woken) const noexcept {
  const uint32_t fixed = area_.always_on;
  const std::span<Woken> near = woken.subspan(fixed, Nearest(view, x, woken.subspan(fixed)));
  const std::size_t count = fixed + near.size();
  const float share = 1.0F / static_cast<float>(std::max<std::size_t>(count, 1));
  for (uint32_t i = 0; i < fixed; ++i) woken[i] = {i, share};
  float sum = 0.0F;
  const float top = near.empty() ? 0.0F : near[0].gate;
  for (Woken& w : near) {
    w.region += fixed;
    w.gate = spec_.temperature > 0.0F ? std::exp((w.gate - top) / spec_.temperature) : 1.0F;
    sum += w.gate;
  }
  for (Woken& w : near) w.gate *= share * static_cast<float>(near.size()) / sum;
  return count;
}

void AnchorRouter::Learn(std::span<const float> x, std::span<const Woken> woken,
                         std::span<const float>, Commit* commit) const noexcept {
  usage_.Count(woken, commit);
  const View view = commit->view();
  const Founding now = *view.table(founding_).As<Founding>(0);
  if (now.founded == limit_) return;
  if (spec_.settle_after > 0 && now.inputs >= spec_.settle_after) return;
  ++commit->As<Founding>({founding_, 0})->inputs;
  const float inverse_norm = InverseNorm(x);
  if (inverse_norm == 0.0F) return;
  float threshold = spec_.threshold;
  if (spec_.rising) {
    threshold += (1.0F - threshold) * static_cast<float>(now.inputs + 1) /
                 static_cast<float>(spec_.settle_after);
  }
  if (threshold < 1.0F && now.founded > 0) {
    // Sought anew: a step of the same chunk may have founded since this one was routed.
    Woken nearest;
    Nearest(view, x, {&nearest, 1});
    if (nearest.gate >= threshold) return;
  }
  if (Rng(seed_, now.inputs).Uniform() < spec_.chance) Found(x, inverse_norm, commit);
}

void AnchorRouter::Found(std::span<const float> x, float inverse_norm,
                         Commit* commit) const noexcept {
  const uint32_t anchor = commit->As<Founding>({founding_, 0})->founded++;
  if (tree_.has_value()) return tree_->Insert(anchor, x, inverse_norm, commit);
  float* const a = commit->As<float>({anchors_, anchor});
  for (std::size_t j = 0; j < x.size(); ++j) a[j] = x[j] * inverse_norm;
}

}  // namespace gyrus
