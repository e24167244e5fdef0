// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/plan_builder.h"
#include "activation/router.h"
#include "activation/routers/usage.h"

namespace gyrus {

// Sigmoid scores, balanced without a loss (Wang et al. 2024, arXiv 2408.15664). Of the N regions
// behind the always-on ones it wakes the k of the greatest s_e + b_e:
//
//   s_e = logistic(w_e . x)      gate_e = s_e / sum of the woken s, times k / woken
//
// (an always-on region's gate is 1 / woken). Learning, with load_e the share of steps that woke e:
//
//   w_e -= rate dL/ds_e s_e (1 - s_e) x / max(1, rate |x|^2 / 16)    for the woken regions
//   load_e += 0.01 (woken_e - load_e)      b_e += balance (k / N - load_e)
//
// so that a region which is never woken rises until it is. Costs O(N inputs): for N up to some
// thousands. The divisor keeps one step from overshooting.
class LearnedRouter final : public Router {
 public:
  // Returns InvalidArgument if an option is outside its range or every woken region is always on.
  static absl::StatusOr<std::unique_ptr<Router>> Create(const AreaSpec& area, uint32_t inputs,
                                                        uint64_t seed, PlanBuilder* builder);

  std::size_t Route(const View& view, std::span<const float> x,
                    std::span<Woken> woken) const noexcept GYRUS_NONBLOCKING override;
  void Learn(std::span<const float> x, std::span<const Woken> woken, std::span<const float> dgates,
             Commit* commit) const noexcept override;

 private:
  LearnedRouter(const AreaSpec& area, RouterUsage usage) : area_(area), usage_(usage) {}

  float Score(const TableView& weights, uint32_t region, std::span<const float> x) const noexcept;
  void LearnScores(std::span<const float> x, std::span<const Woken> woken,
                   std::span<const float> dgates, Commit* commit) const noexcept;

  AreaSpec area_;
  LearnedRouterSpec spec_;
  RouterUsage usage_;
  uint32_t weights_ = 0;  // One block per region behind the always-on ones.
  uint32_t balance_ = 0;  // One block: biases, then loads, of those regions.
};

}  // namespace gyrus
