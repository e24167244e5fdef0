// SPDX-License-Identifier: Apache-2.0
#include "activation/experts/repeat.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kRuns = 16;

uint32_t PlaceOf(uint32_t node, uint32_t run) {
  return (static_cast<uint32_t>(std::bit_width(node)) - 1) * kRuns + run;
}

}  // namespace

struct RepeatExpert::State {
  uint32_t last;  // Plus 1; 0: none yet.
  uint32_t run;
};

struct RepeatExpert::Scratch {
  const float* r;  // Null: no label is known.
  uint32_t leaf;   // Of the last label.
  uint32_t run;
};

absl::StatusOr<std::unique_ptr<Expert>> RepeatExpert::Create(const ExpertSpec& spec,
                                                             uint32_t classes,
                                                             const std::vector<Readable>& readables,
                                                             PlanBuilder* builder) {
  const auto& repeat = std::get<RepeatExpertSpec>(spec.kind);
  GYRUS_ASSIGN_OR_RETURN(const Readable* encoder, FindReadable(readables, repeat.encoder));
  const std::vector<uint32_t>& ranges = encoder->encoding.selector_ranges;
  if (ranges.size() != 1 || ranges[0] != classes) {
    return absl::InvalidArgumentError(absl::StrCat("encoder \"", repeat.encoder,
                                                   "\" does not carry the head's ", classes,
                                                   " classes as one category"));
  }
  const uint32_t depth = std::bit_width(classes - 1);
  const uint32_t cells = depth * kRuns;
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout layout,
      BlockLayout::Create({{.name = "r", .columns = cells},
                           {.name = "visits", .columns = cells, .merge = Merge::kNever}}));
  std::unique_ptr<RepeatExpert> expert(new RepeatExpert(
      {.width = 1, .scratch_bytes = sizeof(Scratch), .signal_ranges = {}}, encoder->index, depth));
  expert->rates_ = builder->AddTable(spec.name + ".rates", std::move(layout), 1, 1,
                                     [cells](uint32_t, std::span<std::byte> block) {
                                       float* const r = reinterpret_cast<float*>(block.data());
                                       std::fill(r, r + cells, 0.5F);
                                     });
  expert->state_offset_ = builder->AddState(sizeof(State));
  return expert;
}

void RepeatExpert::Begin(const StepContext& context, std::byte* scratch) const noexcept {
  Scratch& step = *reinterpret_cast<Scratch*>(scratch);
  step.r = nullptr;
  const Encoding& encoding = context.activity->encodings[encoder_];
  if (!encoding.present) return;
  State& state = *reinterpret_cast<State*>(context.state + state_offset_);
  const uint32_t label = encoding.selectors[0];
  state.run = state.last == label + 1 ? std::min(state.run + 1, kRuns - 1) : 0;
  state.last = label + 1;
  step.r = context.view.table(rates_).As<float>(0);
  step.leaf = 1U << depth_ | label;
  step.run = state.run;
}

bool RepeatExpert::OnPath(const Scratch& step, uint32_t node, uint32_t* bit) const noexcept {
  if (step.r == nullptr) return false;
  const uint32_t left = depth_ + 1 - static_cast<uint32_t>(std::bit_width(node));
  *bit = step.leaf >> (left - 1) & 1U;
  return step.leaf >> left == node;
}

void RepeatExpert::Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                            std::span<uint32_t>) const noexcept {
  const Scratch& step = *reinterpret_cast<const Scratch*>(scratch);
  inputs[0] = 0.0F;
  uint32_t expected = 0;
  if (!OnPath(step, node, &expected)) return;
  const float r = std::clamp(step.r[PlaceOf(node, step.run)], 0.001F, 0.999F);
  inputs[0] = (expected != 0 ? 1.0F : -1.0F) * std::log(r / (1.0F - r));
}

void RepeatExpert::Learn(const Path& path, std::byte* scratch, Commit* commit) const noexcept {
  for (uint32_t d = 0; d < path.depth; ++d) {
    if (path.decides(d)) LearnNode(path.node(d), path.bit(d), scratch, commit);
  }
}

void RepeatExpert::LearnNode(uint32_t node, uint32_t bit, std::byte* scratch,
                             Commit* commit) const noexcept {
  const Scratch& step = *reinterpret_cast<const Scratch*>(scratch);
  uint32_t expected = 0;
  if (!OnPath(step, node, &expected)) return;
  float* const r = commit->As<float>({rates_, 0});
  float* const visits = r + depth_ * kRuns;
  const uint32_t cell = PlaceOf(node, step.run);
  const float rate = std::max(0.01F, 1.0F / (visits[cell] + 1.5F));
  visits[cell] += 1.0F;
  r[cell] += rate * ((expected == bit ? 1.0F : 0.0F) - r[cell]);
}

}  // namespace gyrus
