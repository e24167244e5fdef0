// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/expert.h"
#include "activation/factories.h"

namespace gyrus {

// "The label stays as it was": many streams are won by that. Over a category encoder of the last
// known label. One input: on the path of that label towards its bit,
//
//   +-logit(clip(r_run, 0.001, 0.999)),   0 elsewhere or with no label known
//
// with r, per depth and run, how often the bit came true; run, at most 15, how many steps the
// label has stood in a row before this one. r starts at 1/2; r += max(0.01, 1 / (visits + 1.5))
// (came true - r). The label before and its run are session state.
class RepeatExpert final : public Expert {
 public:
  // Returns InvalidArgument if the encoder does not carry the head's classes.
  static absl::StatusOr<std::unique_ptr<Expert>> Create(const ExpertSpec& spec, uint32_t classes,
                                                        const std::vector<Readable>& readables,
                                                        PlanBuilder* builder);

  void Begin(const StepContext& context, std::byte* scratch) const noexcept override;
  void Approach(uint32_t, std::byte*) const noexcept override {}
  void Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                std::span<uint32_t> signals) const noexcept override;
  void Learn(const Path& path, std::byte* scratch, Commit* commit) const noexcept override;

 private:
  struct State;
  struct Scratch;

  RepeatExpert(ExpertShape shape, uint32_t encoder, uint32_t depth)
      : Expert(std::move(shape)), encoder_(encoder), depth_(depth) {}

  // Returns whether `node` lies on the path of the last label, and puts its bit there in *bit.
  bool OnPath(const Scratch& step, uint32_t node, uint32_t* bit) const noexcept;

  void LearnNode(uint32_t node, uint32_t bit, std::byte* scratch, Commit* commit) const noexcept;

  uint32_t encoder_;
  uint32_t depth_;
  uint32_t rates_ = 0;  // One block: r, then visits, each (depth, runs).
  std::size_t state_offset_ = 0;
};

}  // namespace gyrus
