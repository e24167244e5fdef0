// SPDX-License-Identifier: Apache-2.0
#include "activation/experts/readout.h"

#include <algorithm>
#include <bit>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/kernels/mixing.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"

namespace gyrus {

struct ReadoutExpert::Scratch {
  TableView weights;
  const float* h;   // Null: asleep.
  float* gradient;  // Null: nobody wants it.
  std::size_t length;
  float rate;       // Bounded for this step's |h|.
  float logits[9];  // By depth, of the path that was asked last.
};

absl::StatusOr<std::unique_ptr<Expert>> ReadoutExpert::Create(
    const ExpertSpec& spec, uint32_t classes, const std::vector<Readable>& readables,
    PlanBuilder* builder) {
  const auto& readout = std::get<ReadoutExpertSpec>(spec.kind);
  GYRUS_ASSIGN_OR_RETURN(const Readable* input, FindReadable(readables, readout.input));
  if (input->outputs == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("encoder \"", readout.input, "\" makes no vector"));
  }
  if (!(readout.rate > 0.0F && readout.rate <= 10.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("rate must be in (0, 10], got ", readout.rate));
  }
  GYRUS_ASSIGN_OR_RETURN(BlockLayout layout,
                         BlockLayout::Create({{.name = "w", .columns = input->outputs}}));
  const uint32_t depth = std::bit_width(classes - 1);
  const uint32_t weights =
      builder->AddTable(spec.name + ".weights", std::move(layout), 1U << depth, depth);
  return std::unique_ptr<Expert>(
      new ReadoutExpert({.width = 1, .scratch_bytes = sizeof(Scratch), .signal_ranges = {}},
                        {input->is_area, input->index}, weights, readout.rate));
}

ReadoutExpert::ReadoutExpert(ExpertShape shape, Source source, uint32_t weights, float rate)
    : Expert(std::move(shape)), source_(source), weights_(weights), rate_(rate) {}

void ReadoutExpert::Begin(const StepContext& context, std::byte* scratch) const noexcept {
  Scratch& step = *reinterpret_cast<Scratch*>(scratch);
  step.weights = context.view.table(weights_);
  step.h = nullptr;
  step.gradient = nullptr;
  if (source_.is_area) {
    AreaActivity& area = context.activity->areas[source_.index];
    step.length = area.output.size();
    if (area.awake) step.h = area.output.data();
    if (!area.gradient.empty()) step.gradient = area.gradient.data();
  } else {
    const Encoding& encoding = context.activity->encodings[source_.index];
    step.length = encoding.vector.size();
    if (encoding.present) step.h = encoding.vector.data();
  }
  if (step.h == nullptr) return;
  const float norm = kernels::SumOfSquares({step.h, step.length});
  step.rate = rate_ / std::max(1.0F, 0.25F * rate_ * norm);
}

void ReadoutExpert::Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                             std::span<uint32_t>) const noexcept {
  Scratch& step = *reinterpret_cast<Scratch*>(scratch);
  if (step.h == nullptr) {
    inputs[0] = 0.0F;
    return;
  }
  const float logit =
      kernels::Dot({step.weights.As<float>(node), step.length}, {step.h, step.length});
  inputs[0] = std::clamp(logit, -kernels::kMaxLogit, kernels::kMaxLogit);
  step.logits[std::bit_width(node) - 1] = inputs[0];
}

void ReadoutExpert::Learn(uint32_t node, uint32_t bit, std::byte* scratch,
                          Commit* commit) const noexcept {
  const Scratch& step = *reinterpret_cast<const Scratch*>(scratch);
  if (step.h == nullptr) return;
  const float p = kernels::Logistic(step.logits[std::bit_width(node) - 1]);
  const float residual = p - static_cast<float>(bit);
  const std::span<float> w(commit->As<float>({weights_, node}), step.length);
  if (step.gradient != nullptr) kernels::Axpy(residual, w, {step.gradient, step.length});
  kernels::Axpy(-step.rate * residual, {step.h, step.length}, w);
}

}  // namespace gyrus
