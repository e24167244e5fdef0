// SPDX-License-Identifier: Apache-2.0
#include "activation/routers/anchor.h"

#include <algorithm>
#include <cmath>
#include <limits>
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

constexpr uint32_t kOneLevel = 256;
constexpr uint32_t kMaxSearchGroups = 64;

float CosineTo(const TableView& anchors, uint32_t anchor, std::span<const float> x,
               float inverse_norm) {
  return kernels::Dot({anchors.As<float>(anchor), x.size()}, x) * inverse_norm;
}

float InverseNorm(std::span<const float> x) {
  const float squares = kernels::SumOfSquares(x);
  return squares > 0.0F ? 1.0F / std::sqrt(squares) : 0.0F;
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
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout anchor,
      BlockLayout::Create({{.name = "anchor", .columns = inputs, .merge = Merge::kNever}}));
  anchors_ = builder->AddTable(area_.name + ".anchors", std::move(anchor), limit_, 1);
  GYRUS_ASSIGN_OR_RETURN(BlockLayout founding, BlockLayout::Create({{.name = "founded_and_inputs",
                                                                     .type = ElementType::kU32,
                                                                     .columns = 2,
                                                                     .merge = Merge::kNever}}));
  founding_ = builder->AddTable(area_.name + ".founding", std::move(founding), 1, 1);
  if (limit_ <= kOneLevel) return absl::OkStatus();
  const auto root = static_cast<uint32_t>(std::ceil(std::sqrt(static_cast<double>(limit_))));
  num_groups_ = 2 * root;
  group_size_ = root;  // Twice the room that is needed.
  search_groups_ = std::clamp(2 * area_.woken, 8U, std::min(num_groups_, kMaxSearchGroups));
  GYRUS_ASSIGN_OR_RETURN(BlockLayout group, BlockLayout::Create({{.name = "members",
                                                                  .type = ElementType::kU32,
                                                                  .columns = 1 + group_size_,
                                                                  .merge = Merge::kNever}}));
  groups_ = builder->AddTable(area_.name + ".groups", std::move(group), num_groups_, 1);
  return absl::OkStatus();
}

// Writes the anchors nearest to x, best first, each with its cosine as the gate.
std::size_t AnchorRouter::Nearest(const View& view, std::span<const float> x,
                                  std::span<Woken> best) const noexcept {
  const TableView anchors = view.table(anchors_);
  const uint32_t founded = view.table(founding_).As<Founding>(0)->founded;
  const float inverse_norm = InverseNorm(x);
  BestRegions nearest(best);
  if (num_groups_ == 0) {
    for (uint32_t a = 0; a < founded; ++a) nearest.Offer(a, CosineTo(anchors, a, x, inverse_norm));
    return nearest.count();
  }
  Woken found[kMaxSearchGroups];
  BestRegions leaders({found, search_groups_});
  for (uint32_t g = 0; g < std::min(founded, num_groups_); ++g) {
    leaders.Offer(g, CosineTo(anchors, g, x, inverse_norm));
  }
  const TableView groups = view.table(groups_);
  for (std::size_t i = 0; i < leaders.count(); ++i) {
    nearest.Offer(found[i].region, found[i].gate);
    const Group& group = *groups.As<Group>(found[i].region);
    for (uint32_t m = 1; m < group.members; ++m) {
      const uint32_t anchor = group.anchors[m];
      nearest.Offer(anchor, CosineTo(anchors, anchor, x, inverse_norm));
    }
  }
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
  if (threshold < 1.0F && woken.size() > area_.always_on) {
    const uint32_t nearest = woken[area_.always_on].region - area_.always_on;
    if (CosineTo(view.table(anchors_), nearest, x, inverse_norm) >= threshold) return;
  }
  if (Rng(seed_, now.inputs).Uniform() < spec_.chance) Found(x, inverse_norm, commit);
}

void AnchorRouter::Found(std::span<const float> x, float inverse_norm,
                         Commit* commit) const noexcept {
  const uint32_t anchor = commit->As<Founding>({founding_, 0})->founded++;
  float* const a = commit->As<float>({anchors_, anchor});
  for (std::size_t j = 0; j < x.size(); ++j) a[j] = x[j] * inverse_norm;
  if (num_groups_ > 0) JoinGroup(anchor, x, commit);
}

void AnchorRouter::JoinGroup(uint32_t anchor, std::span<const float> x,
                             Commit* commit) const noexcept {
  uint32_t home = anchor;
  if (anchor >= num_groups_) {
    const TableView anchors = commit->view().table(anchors_);
    const TableView groups = commit->view().table(groups_);
    float best = -std::numeric_limits<float>::infinity();
    for (uint32_t g = 0; g < num_groups_; ++g) {
      if (groups.As<Group>(g)->members == group_size_) continue;
      const float cosine = CosineTo(anchors, g, x, 1.0F);
      if (!(cosine > best)) continue;
      best = cosine;
      home = g;
    }
  }
  Group* const group = commit->As<Group>({groups_, home});
  group->anchors[group->members++] = anchor;
}

}  // namespace gyrus
