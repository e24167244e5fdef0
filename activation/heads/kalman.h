// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/factories.h"
#include "activation/head.h"
#include "activation/heads/region_readouts.h"

namespace gyrus {

// Linear regression whose weights wander (a Kalman filter with a random walk of the weights;
// Haykin, Adaptive Filter Theory, 4th ed., chapter 10): for targets that drift, with honest
// variances. One filter per woken region over its features phi (see RegionReadouts); all outputs of
// a region share P, which is in units of each output's observation noise R_o:
//
//   P += Q dt I            Q: times StepContext::rate_factor; dt: steps learned by the head since
//   this region last learned k = P phi;  d = 1 + phi . k;  e = target - reference - S phi S += e
//   k^T / d;  P -= k k^T / d;  P_0 = I / lambda R_o += max(1 / (n + 10), 0.002) (e_o^2 / d - R_o)
//   where learned, after n samples
//
// A region says m = S phi with variance v_o = R_o (1 + phi . (P + Q dt I) phi). The prediction is
// the mixture of the woken regions' by their gates: its mean, and its variance
// sum gate (v + m^2) - mean^2, over the sum of the gates.
class KalmanHead final : public Head {
 public:
  // Returns InvalidArgument if an option is outside its range; at most 512 features.
  static absl::StatusOr<std::unique_ptr<Head>> Create(const HeadSpec& spec,
                                                      const std::vector<Readable>& readables,
                                                      PlanBuilder* builder);

  void Begin(const StepContext&) const noexcept override {}
  void Predict(const StepContext& context, const Want& want,
               Prediction* prediction) const noexcept override;
  double Learn(const StepContext& context, const Target& target,
               Commit* commit) const noexcept override;

 private:
  struct Scratch;

  KalmanHead(const HeadSpec& spec, RegionReadouts readouts)
      : spec_(std::get<KalmanHeadSpec>(spec.kind)),
        readouts_(std::move(readouts)),
        outputs_(spec.outputs) {}

  absl::Status AddTables(const std::string& name, PlanBuilder* builder);
  Scratch ScratchOf(const StepContext& context) const noexcept;
  void Mix(const StepContext& context, bool with_variance, const Scratch& scratch) const noexcept;
  // Returns how much of it was refused.
  uint64_t LearnRegion(uint32_t region, uint64_t now, float process_noise, const Scratch& scratch,
                       Commit* commit) const noexcept;

  KalmanHeadSpec spec_;
  RegionReadouts readouts_;
  uint32_t outputs_;
  uint32_t filters_ = 0;  // Block r.
  uint32_t clock_ = 0;    // One block: steps learned.
  std::size_t scratch_ = 0;
  // Within a filter: S, P, R, and the clock when it last learned with how often it has.
  std::size_t offsets_[4] = {};
};

}  // namespace gyrus
