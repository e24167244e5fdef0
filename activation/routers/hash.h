// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/plan_builder.h"
#include "activation/router.h"
#include "activation/routers/usage.h"

namespace gyrus {

// Locality-sensitive hashing (p-stable, Datar et al. 2004, along axes): the regions behind the
// always-on ones are dealt into as many parts as are to be woken; part j wakes the region
//
//   hash(j, floor(x[d_j1] / width + b_j1), floor(x[d_j2] / width + b_j2), ...) mod its size
//
// with inputs d and offsets b in [0, 1) drawn from the seed. Gates are equal. Costs O(woken),
// however many regions there are. Learns nothing but usage.
class HashRouter final : public Router {
 public:
  // Returns InvalidArgument if an option is outside its range or every woken region is always on.
  static absl::StatusOr<std::unique_ptr<Router>> Create(const AreaSpec& area, uint32_t inputs,
                                                        uint64_t seed, PlanBuilder* builder);

  std::size_t Route(const View& view, std::span<const float> x,
                    std::span<Woken> woken) const noexcept GYRUS_NONBLOCKING override;
  void Learn(std::span<const float> x, std::span<const Woken> woken, std::span<const float> dgates,
             Commit* commit) const noexcept override;

 private:
  struct Digit {
    uint32_t input;
    float offset;
  };

  HashRouter(const AreaSpec& area, RouterUsage usage) : area_(area), usage_(usage) {}

  AreaSpec area_;
  HashRouterSpec spec_;
  RouterUsage usage_;
  std::vector<Digit> digits_;  // (parts, dimensions)
};

}  // namespace gyrus
