// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/expert.h"
#include "activation/factories.h"
#include "activation/feature_sources.h"

namespace gyrus {

// Makes features an expert: one weight vector per node of the symbol tree over the vectors h of
// areas and encoders. Evidence: the logit z = clip(w_node . h, 8), and, if asked, z as an adaptive
// map corrects it (experts/calibration.h). Learning, at each node of the path, with
// p = logistic(z) of this expert alone:
//
//   w_node -= step (p - bit) h      dL/dh += (p - bit) w_node
//   step = rate / max(1, regions rate |h|^2 / 4)        by default, or
//        = rate / (1 + |h|^2 / active)                  normalised
//
// The first divisor bounds the step: at the logistic's steepest, one update may not carry the
// prediction past its target. The second makes the step depend on how surprising an input is and
// not on its length; `active` counts the elements that are not mostly zero. dL/dh goes down the
// woken regions of an area.
//
// Regional: one weight vector per node and region of an area; the woken regions' vectors are
// summed in z, and each learns. Nothing woken: no evidence, nothing learned.
class ReadoutExpert final : public Expert {
 public:
  static absl::StatusOr<std::unique_ptr<Expert>> Create(const ExpertSpec& spec, uint32_t classes,
                                                        const std::vector<Readable>& readables,
                                                        PlanBuilder* builder);

  void Begin(const StepContext& context, std::byte* scratch) const noexcept override;
  void Approach(uint32_t, std::byte*) const noexcept override {}
  void Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                std::span<uint32_t> signals) const noexcept override;
  void Learn(const Path& path, std::byte* scratch, Commit* commit) const noexcept override;

 private:
  struct Scratch;

  ReadoutExpert(ExpertShape shape, FeatureSources sources)
      : Expert(std::move(shape)), sources_(std::move(sources)) {}

  float Step(std::span<const float> h, std::size_t regions) const noexcept;

  void LearnNode(uint32_t node, uint32_t bit, std::byte* scratch, Commit* commit) const noexcept;

  FeatureSources sources_;
  std::optional<uint32_t> area_;  // Whose regions each have weights.
  uint32_t nodes_ = 0;
  uint32_t weights_ = 0;                 // Block region * nodes + node.
  std::optional<uint32_t> calibration_;  // Block node.
  float rate_ = 0;
  bool normalise_ = false;
};

}  // namespace gyrus
