// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/expert.h"
#include "activation/factories.h"

namespace gyrus {

// Makes regions an expert: one weight vector per node of the symbol tree over the vector h of an
// area or an encoder. Evidence, one input: the logit w_node . h. Learning, at each node of the
// path, with p = logistic(w_node . h) of this expert alone:
//
//   w_node -= rate (p - bit) h / max(1, rate |h|^2 / 4)      dL/dh += (p - bit) w_node
//
// The divisor bounds the step: at the logistic's steepest, one update may not carry the
// prediction past its target. dL/dh goes down the woken regions of an area.
class ReadoutExpert final : public Expert {
 public:
  static absl::StatusOr<std::unique_ptr<Expert>> Create(const ExpertSpec& spec, uint32_t classes,
                                                        const std::vector<Readable>& readables,
                                                        PlanBuilder* builder);

  void Begin(const StepContext& context, std::byte* scratch) const noexcept override;
  void Approach(uint32_t, std::byte*) const noexcept override {}
  void Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                std::span<uint32_t> signals) const noexcept override;
  void Learn(uint32_t node, uint32_t bit, std::byte* scratch,
             Commit* commit) const noexcept override;

 private:
  struct Scratch;
  struct Source {
    bool is_area;
    uint32_t index;
  };

  ReadoutExpert(ExpertShape shape, Source source, uint32_t weights, float rate);

  Source source_;
  uint32_t weights_;
  float rate_;
};

}  // namespace gyrus
