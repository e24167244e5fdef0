// SPDX-License-Identifier: Apache-2.0
#include "activation/heads/softmax.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "activation/heads/class_answer.h"
#include "activation/updates.h"
#include "core/kernels/activations.h"
#include "core/kernels/matrix.h"
#include "core/kernels/update.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr float kOutOfRace = -1e30F;  // The logit of a class that does not compete.

}  // namespace

absl::StatusOr<std::unique_ptr<Head>> SoftmaxHead::Create(const HeadSpec& spec,
                                                          const std::vector<Readable>& readables,
                                                          PlanBuilder* builder) {
  const auto& softmax = std::get<SoftmaxHeadSpec>(spec.kind);
  if (spec.classes < 2 || spec.classes > 256) {
    return absl::InvalidArgumentError(
        absl::StrCat("a softmax head needs 2 to 256 classes, got ", spec.classes));
  }
  if (!(softmax.rate > 0.0F && softmax.rate <= 10.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("rate must be in (0, 10], got ", softmax.rate));
  }
  if (!(softmax.beta >= 0.0F && softmax.beta < 1.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("beta must be in [0, 1), got ", softmax.beta));
  }
  GYRUS_ASSIGN_OR_RETURN(FeatureSources source, FeatureSources::Create({softmax.input}, readables));
  std::unique_ptr<SoftmaxHead> head(new SoftmaxHead(spec, std::move(source)));
  GYRUS_ASSIGN_OR_RETURN(
      const BlockLayout weights,
      BlockLayout::Create({{.name = "w", .rows = spec.classes, .columns = head->source_.length()},
                           {.name = "b", .columns = spec.classes}}));
  head->bias_offset_ = weights.offset(1);
  head->weights_ = builder->AddTable(spec.name + ".weights", weights, 1, 1);
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout accumulators,
      BlockLayout::Create(
          {{.name = "mean_square_and_steps", .columns = spec.classes + 1, .merge = Merge::kNever}},
          TensorReader::kLearner));
  head->accumulators_ =
      builder->AddTable(spec.name + ".accumulators", std::move(accumulators), 1, 1);
  head->scratch_ = builder->AddHeadScratch(2 * spec.classes * sizeof(float));
  return head;
}

std::span<float> SoftmaxHead::Scratch(const StepContext& context, std::size_t part) const noexcept {
  auto* const floats = reinterpret_cast<float*>(context.activity->head_scratch.data() + scratch_);
  return {floats + part * classes_, classes_};
}

std::span<const float> SoftmaxHead::Logits(const StepContext& context,
                                           std::span<float> z) const noexcept {
  const std::span<const float> h = source_.Gather(*context.activity, nullptr);
  const std::byte* const block = context.view.table(weights_).Read(0);
  const auto* const bias = reinterpret_cast<const float*>(block + bias_offset_);
  std::copy(bias, bias + classes_, z.begin());
  if (!h.empty()) {
    kernels::MatVecAdd({reinterpret_cast<const float*>(block), classes_ * h.size()}, h, z);
  }
  return h;
}

void SoftmaxHead::Predict(const StepContext& context, const Want& want,
                          Prediction* prediction) const noexcept {
  if (want.kind == Want::Kind::kNothing) return;
  const std::span<float> p = Scratch(context, 0);
  Logits(context, p);
  kernels::Softmax(p, p);
  AnswerClasses(p, want, prediction);
}

double SoftmaxHead::LearnLesson(const StepContext& context, const Lesson& lesson,
                                Commit* commit) const noexcept {
  const std::span<float> z = Scratch(context, 1);
  const std::span<const float> h = Logits(context, z);
  if (lesson.kind == Lesson::Kind::kSensitivity) {
    Sensitivity(context, z);
    return 0.0;
  }
  std::copy_n(z.begin(), lesson.logits_now.size(), lesson.logits_now.begin());
  const std::span<float> dz = Scratch(context, 0);
  kernels::Softmax(z, dz);
  const uint32_t label = lesson.target.symbol;
  const double loss = -std::log(std::max(static_cast<double>(dz[label]), 1e-30));
  if (h.empty()) return loss;
  if (!lesson.rivals.empty()) {
    for (std::size_t c = 0; c < classes_; ++c) dz[c] = lesson.rivals[c] != 0 ? z[c] : kOutOfRace;
    kernels::Softmax(dz, dz);
  }
  dz[label] -= 1.0F;
  // A squared logit is steeper than a softmax.
  float steepest = 0.5F;
  if (!lesson.logits_then.empty()) {
    const float pull = 2.0F * lesson.dark / static_cast<float>(classes_);
    steepest += pull;
    for (std::size_t c = 0; c < classes_; ++c) dz[c] += pull * (z[c] - lesson.logits_then[c]);
  }
  // False for NaN.
  if (kernels::SumOfSquares(dz) * (kernels::SumOfSquares(h) + 1.0F) < kLargestGradient) {
    Descend(context, dz, h, steepest, commit);
  } else {
    ++context.activity->refused;
  }
  return loss;
}

void SoftmaxHead::Sensitivity(const StepContext& context, std::span<const float> z) const noexcept {
  const std::span<float> dh = source_.Gradient(context.activity);
  if (dh.empty()) return;
  const std::span<float> dz = Scratch(context, 0);
  for (std::size_t c = 0; c < classes_; ++c) dz[c] = 2.0F * z[c];
  const float* const w = context.view.table(weights_).As<float>(0);
  kernels::TransposedMatVecAdd({w, classes_ * dh.size()}, dz, dh);
}

void SoftmaxHead::Descend(const StepContext& context, std::span<const float> dz,
                          std::span<const float> h, float steepest, Commit* commit) const noexcept {
  const std::span<float> w(commit->As<float>({weights_, 0}), classes_ * h.size());
  float* const bias = reinterpret_cast<float*>(commit->Write({weights_, 0}) + bias_offset_);
  const std::span<float> dh = source_.Gradient(context.activity);
  const float rate = spec_.rate * context.rate_factor;
  if (spec_.optimiser == Optimiser::kSgd) {
    const float most = steepest * rate * (kernels::SumOfSquares(h) + 1.0F);
    const float step = rate / std::max(1.0F, most);
    kernels::SgdOuter(step, dz, h, w, dh);
    kernels::Axpy(-step, dz, {bias, classes_});
    return;
  }
  const std::span<float> squares(commit->As<float>({accumulators_, 0}), classes_);
  float& steps = squares.data()[classes_];
  steps += 1.0F;
  kernels::RmspropStep step = {.rate = rate, .beta = spec_.beta};
  step.bias_correction = 1.0F / (1.0F - std::pow(spec_.beta, steps));
  kernels::RmspropOuter(step, dz, h, w, squares, dh);
  for (std::size_t c = 0; c < classes_; ++c) {
    const float root = std::sqrt(squares[c] * step.bias_correction) + step.epsilon;
    bias[c] -= rate / root * dz[c];
  }
}

}  // namespace gyrus
