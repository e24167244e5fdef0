// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/factories.h"
#include "activation/head.h"
#include "activation/heads/region_readouts.h"
#include "activation/heads/seen_classes.h"

namespace gyrus {

// Ridge regression, one readout S_r per woken region r over features phi_r (see RegionReadouts):
//
//   prediction = reference + sum_r gate_r S_r phi_r
//
// Each readout learns the whole target by itself, y = target - reference, or a class as a one-hot
// vector, in one of two forms (Haykin, Adaptive Filter Theory, 4th ed., chapter 9):
//
//   covariance:   k = P phi;  d = forget / w + phi . k;  S += (y - S phi) k^T / d;
//                 P = (P - k k^T / d) / forget,  P_0 = I / lambda
//   information:  A += w phi phi^T;  b += w y phi^T;  after every solve_every samples of the
//                 region S = b (A + lambda I)^-1, by Cholesky
//
// The weight w of a sample is 1, or, if asked, gate_r times the woken regions: a region then learns
// most from what is nearest to it. Below 0.25 a sample is passed by: it would cost as much as any
// other, and other regions learn it.
// Both are the same least squares, whatever the order of the samples, while forget = 1 and the
// features stand still. The covariance form has new weights after every sample at 3 F^2
// multiplications; the information form costs F^2 / 2, is behind by up to solve_every samples, and
// merges by addition. With forget < 1, P forgets only while its mean diagonal is below 1, whatever
// it began with, so that directions that are never excited do not grow without bound.
//
// With prove_over = T, what the readouts say together, d, is served per output only as far as it
// has been right: it is multiplied by the one weight that would have served best of late,
//
//   trust = u / v in [0, 1], 0 at first;  u = (1 - 1/T) u + d y;  v = (1 - 1/T) v + d^2
//
// so that a fresh head, or one that is lost, says its reference.
//
// Classes get their ids in order of appearance, so rows of S beyond those learned are zero: they
// are neither read nor written, and room for more classes costs nothing but memory.
//
// Classes: the probabilities are the scores, clipped to at least 0.001 and normalised. Reals: a
// target that is NaN is not learned; variance is 0.
class RidgeHead final : public Head {
 public:
  // Returns InvalidArgument if an option is outside its range; at most 1,024 features.
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
  struct Sums;

  RidgeHead(const HeadSpec& spec, RegionReadouts readouts)
      : spec_(std::get<RidgeHeadSpec>(spec.kind)),
        readouts_(std::move(readouts)),
        outputs_(spec.classes > 0 ? spec.classes : spec.outputs),
        classes_(spec.classes > 0) {}

  absl::Status AddTables(const std::string& name, PlanBuilder* builder);
  Scratch ScratchOf(const StepContext& context) const noexcept;
  std::size_t Rows(const View& view) const noexcept;
  std::span<const Woken> Score(const StepContext& context, const Scratch& scratch) const noexcept;
  float Trust(const View& view, std::size_t output) const noexcept;
  float Added(const View& view, const Scratch& scratch, std::size_t output) const noexcept;
  void LearnTrust(const Scratch& scratch, Commit* commit) const noexcept;
  double FillTarget(const StepContext& context, const Target& target,
                    const Scratch& scratch) const noexcept;
  void Probabilities(const Scratch& scratch) const noexcept;
  void LearnCovariance(uint32_t region, const Scratch& scratch, Commit* commit) const noexcept;
  void LearnInformation(uint32_t region, const Scratch& scratch, std::span<std::byte> memory,
                        Commit* commit) const noexcept;
  void Solve(const Sums& sums, std::span<float> factor, std::span<float> s) const noexcept;

  RidgeHeadSpec spec_;
  RegionReadouts readouts_;
  uint32_t outputs_;  // Rows of S.
  bool classes_;
  SeenClasses seen_;             // Of classes.
  uint32_t weights_ = 0;         // Block r: S, (outputs, features).
  uint32_t sums_ = 0;            // Block r, learner: P, or A, b and counts.
  uint32_t trust_ = 0;           // With prove_over: one block, u (outputs,) and v (outputs,).
  std::size_t said_offset_ = 0;  // Of v in a block of trust.
  std::size_t scratch_ = 0;
};

}  // namespace gyrus
