// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/plan_builder.h"
#include "activation/router.h"
#include "activation/routers/anchor_tree.h"
#include "activation/routers/usage.h"

namespace gyrus {

// Wakes the regions whose anchors, frozen prototypes of unit length, have the greatest cosine with
// the input x. A region without an anchor is not founded and never wakes, unless it is always on.
//
//   gate_r = softmax_r(cos(x, a_r) / temperature), or equal;    an always-on region's: 1 / woken;
//                                                   the others share what is left of 1
//
// Learning from a routed input founds the next region with anchor x / |x| if one is left, no
// anchor has a cosine of `threshold` or more, a coin of `chance` falls its way (drawn from the
// seed and the number of inputs so far), and fewer than settle_after inputs have come. A rising
// threshold goes from `threshold` to 1 in a line over settle_after inputs: inputs unlike all others
// found first, and in the end every region is founded, whatever the inputs.
//
// Up to 64 regions all anchors are compared. Beyond, a tree of groups of anchors is searched
// (anchor_tree.h) at the cost of about as many comparisons, however many regions there are, and at
// the price of now and then missing an anchor.
class AnchorRouter final : public Router {
 public:
  // Returns InvalidArgument if an option is outside its range or every woken region is always on.
  static absl::StatusOr<std::unique_ptr<Router>> Create(const AreaSpec& area, uint32_t inputs,
                                                        uint64_t seed, PlanBuilder* builder);

  std::size_t Route(const View& view, std::span<const float> x,
                    std::span<Woken> woken) const noexcept GYRUS_NONBLOCKING override;
  void Learn(std::span<const float> x, std::span<const Woken> woken, std::span<const float> dgates,
             Commit* commit) const noexcept override;

 private:
  struct Founding {    // One block.
    uint32_t founded;  // Anchors so far: of regions always_on, always_on + 1, ...
    uint32_t inputs;   // Learned from so far.
  };

  AnchorRouter(const AreaSpec& area, RouterUsage usage) : area_(area), usage_(usage) {}

  absl::Status AddTables(uint32_t inputs, PlanBuilder* builder);
  std::size_t Nearest(const View& view, std::span<const float> x,
                      std::span<Woken> best) const noexcept;
  void Found(std::span<const float> x, float inverse_norm, Commit* commit) const noexcept;

  AreaSpec area_;
  AnchorRouterSpec spec_;
  RouterUsage usage_;
  uint64_t seed_ = 0;
  uint32_t limit_ = 0;  // Anchors at most.
  uint32_t founding_ = 0;
  uint32_t anchors_ = 0;  // Without a tree: one block each.
  std::optional<AnchorTree> tree_;
};

}  // namespace gyrus
