// SPDX-License-Identifier: Apache-2.0
#include "activation/experts/readout.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "activation/experts/calibration.h"
#include "core/kernels/mixing.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr float kMaxEvidence = 8.0F;
constexpr Woken kOnlyRegion = {0, 1.0F};
constexpr uint64_t kMaxBlocks = uint64_t{1} << 26;

}  // namespace

struct alignas(64) ReadoutExpert::Scratch {
  TableView weights;
  TableView calibration;
  Activity* activity;
  const float* h;  // Null: asleep.
  std::size_t length;
  std::span<const Woken> regions;
  float step;
  float logits[9];  // By depth, of the path that was asked last.
};

absl::StatusOr<std::unique_ptr<Expert>> ReadoutExpert::Create(
    const ExpertSpec& spec, uint32_t classes, const std::vector<Readable>& readables,
    PlanBuilder* builder) {
  const auto& readout = std::get<ReadoutExpertSpec>(spec.kind);
  GYRUS_ASSIGN_OR_RETURN(FeatureSources sources, FeatureSources::Create(readout.inputs, readables));
  if (!(readout.rate > 0.0F && readout.rate <= 10.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("rate must be in (0, 10], got ", readout.rate));
  }
  ExpertShape shape = {.width = readout.calibrate ? 2U : 1U, .signal_ranges = {}};
  shape.scratch_bytes = sizeof(Scratch) + sources.scratch_floats() * sizeof(float);
  const uint32_t length = sources.length();
  const uint32_t depth = std::bit_width(classes - 1);
  std::unique_ptr<ReadoutExpert> expert(new ReadoutExpert(std::move(shape), std::move(sources)));
  expert->rate_ = readout.rate;
  expert->normalise_ = readout.normalise;
  expert->nodes_ = 1U << depth;
  uint64_t regions = 1;
  uint32_t woken = 1;
  if (!readout.regions.empty()) {
    GYRUS_ASSIGN_OR_RETURN(const Readable* area, FindReadable(readables, readout.regions));
    if (!area->is_area) {
      return absl::InvalidArgumentError(
          absl::StrCat("regions: \"", readout.regions, "\" is not an area"));
    }
    expert->area_ = area->index;
    regions = area->regions;
    woken = area->woken;
  }
  if (regions * expert->nodes_ > kMaxBlocks) {
    return absl::InvalidArgumentError(absl::StrCat("regions: ", regions, " regions of ",
                                                   expert->nodes_, " nodes are more than ",
                                                   kMaxBlocks, " blocks"));
  }
  GYRUS_ASSIGN_OR_RETURN(BlockLayout layout,
                         BlockLayout::Create({{.name = "w", .columns = length}}));
  expert->weights_ =
      builder->AddTable(spec.name + ".weights", std::move(layout),
                        static_cast<uint32_t>(regions * expert->nodes_), depth * woken);
  if (readout.calibrate) {
    GYRUS_ASSIGN_OR_RETURN(BlockLayout maps, Calibration::MakeLayout());
    expert->calibration_ = builder->AddTable(spec.name + ".calibration", std::move(maps),
                                             expert->nodes_, depth, Calibration::Fill);
  }
  return expert;
}

void ReadoutExpert::Begin(const StepContext& context, std::byte* scratch) const noexcept {
  Scratch& step = *reinterpret_cast<Scratch*>(scratch);
  step.weights = context.view.table(weights_);
  if (calibration_) step.calibration = context.view.table(*calibration_);
  step.activity = context.activity;
  step.regions = {&kOnlyRegion, 1};
  if (area_) {
    const AreaActivity& area = context.activity->areas[*area_];
    step.regions = area.awake ? area.woken : std::span<Woken>();
  }
  const std::span<const float> h =
      sources_.Gather(*context.activity, reinterpret_cast<float*>(&step + 1));
  step.h = h.empty() || step.regions.empty() ? nullptr : h.data();
  step.length = h.size();
  if (step.h != nullptr) step.step = Step(h, step.regions.size());
}

float ReadoutExpert::Step(std::span<const float> h, std::size_t regions) const noexcept {
  const float squares = kernels::SumOfSquares(h);
  if (normalise_) return rate_ / (1.0F + squares / static_cast<float>(sources_.active()));
  return rate_ / std::max(1.0F, 0.25F * rate_ * squares * static_cast<float>(regions));
}

void ReadoutExpert::Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                             std::span<uint32_t>) const noexcept {
  Scratch& step = *reinterpret_cast<Scratch*>(scratch);
  if (step.h == nullptr) {
    std::fill(inputs.begin(), inputs.end(), 0.0F);
    return;
  }
  const std::span<const float> h(step.h, step.length);
  float logit = 0.0F;
  for (const Woken& woken : step.regions) {
    const float* const w = step.weights.As<float>(woken.region * nodes_ + node);
    logit += kernels::Dot({w, step.length}, h);
  }
  inputs[0] = std::clamp(logit, -kMaxEvidence, kMaxEvidence);
  step.logits[std::bit_width(node) - 1] = inputs[0];
  if (calibration_) inputs[1] = step.calibration.As<Calibration>(node)->Refine(inputs[0]);
}

void ReadoutExpert::Learn(const Path& path, std::byte* scratch, Commit* commit) const noexcept {
  for (uint32_t d = 0; d < path.depth; ++d) {
    if (path.decides(d)) LearnNode(path.node(d), path.bit(d), scratch, commit);
  }
}

void ReadoutExpert::LearnNode(uint32_t node, uint32_t bit, std::byte* scratch,
                              Commit* commit) const noexcept {
  const Scratch& step = *reinterpret_cast<const Scratch*>(scratch);
  if (step.h == nullptr) return;
  const float z = step.logits[std::bit_width(node) - 1];
  const float y = static_cast<float>(bit);
  const float residual = kernels::Logistic(z) - y;
  for (const Woken& woken : step.regions) {
    const std::span<float> w(commit->As<float>({weights_, woken.region * nodes_ + node}),
                             step.length);
    sources_.AddGradient(residual, w, step.activity);
    kernels::Axpy(-step.step * residual, {step.h, step.length}, w);
  }
  if (calibration_) commit->As<Calibration>({*calibration_, node})->Learn(z, y);
}

}  // namespace gyrus
