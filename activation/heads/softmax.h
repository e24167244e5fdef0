// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/factories.h"
#include "activation/feature_sources.h"
#include "activation/head.h"

namespace gyrus {

// A distribution over classes from the vector h of an area or an encoder, all classes at once:
//
//   p = softmax(W h + b),  dL/dh += W^T (p - y),  W -= step (p - y) h^T,  b -= step (p - y)
//
// with y one-hot. SGD: step = rate / max(1, rate (|h|^2 + 1) / 2), which bounds it where the loss
// is steepest. RMSprop: rate over the root mean square of each row's gradient, as
// core/kernels/update.h says, with bias correction. The gradient goes down the woken regions of an
// area.
//
// A lesson (activation/lesson.h) may leave classes out of p, and add to the loss `dark` / classes
// times the squared distance of the logits z = W h + b from others: dL/dz += 2 dark / classes
// (z - then).
class SoftmaxHead final : public Head {
 public:
  // Returns InvalidArgument if an option is outside its range.
  static absl::StatusOr<std::unique_ptr<Head>> Create(const HeadSpec& spec,
                                                      const std::vector<Readable>& readables,
                                                      PlanBuilder* builder);

  void Begin(const StepContext&) const noexcept override {}
  void Predict(const StepContext& context, const Want& want,
               Prediction* prediction) const noexcept override;
  double Learn(const StepContext& context, const Target& target,
               Commit* commit) const noexcept override {
    return LearnLesson(context, {.target = target}, commit);
  }
  double LearnLesson(const StepContext& context, const Lesson& lesson,
                     Commit* commit) const noexcept override;

 private:
  SoftmaxHead(const HeadSpec& spec, FeatureSources source)
      : spec_(std::get<SoftmaxHeadSpec>(spec.kind)),
        source_(std::move(source)),
        classes_(spec.classes) {}

  // Returns h, empty if absent, and writes z.
  std::span<const float> Logits(const StepContext& context, std::span<float> z) const noexcept;
  void Sensitivity(const StepContext& context, std::span<const float> z) const noexcept;
  void Descend(const StepContext& context, std::span<const float> dz, std::span<const float> h,
               float steepest, Commit* commit) const noexcept;
  std::span<float> Scratch(const StepContext& context, std::size_t part) const noexcept;

  SoftmaxHeadSpec spec_;
  FeatureSources source_;
  uint32_t classes_;
  uint32_t weights_ = 0;         // One block: W (classes, length), b (classes,).
  uint32_t accumulators_ = 0;    // One block, learner: a mean square per class, and the steps.
  std::size_t bias_offset_ = 0;  // Within the block.
  std::size_t scratch_ = 0;      // (2, classes)
};

}  // namespace gyrus
