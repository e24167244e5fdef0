// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/expert.h"
#include "activation/factories.h"
#include "activation/head.h"
#include "activation/heads/seen_classes.h"

namespace gyrus {

// Gated linear mixing: decides a symbol bit by bit, from the root of the symbol tree to a leaf.
// At each node the experts' evidence x, in the logit domain, is weighed by a few weight vectors,
// which small contexts pick; a last vector, picked likewise, weighs their results; adaptive
// probability maps correct the outcome:
//
//   z_s = w_s[context_s] . x      z = v[context] . z_s      p = (logistic(z) + mean of maps) / 2
//
// Learning at each node of the target's path, from the probabilities before any update:
//   w_s += rate(visits) (bit - logistic(z_s)) x     rate(n) = last + (first - last) / (1 + n / N)
//   v   += final_rate (bit - logistic(z)) z_s
//   map cells on both sides of z += rate (bit - cell), shared by nearness; z within 8
//
// Nodes that have met labels on one side only are passed by; see SeenClasses.
//
// No backward pass. Each weight vector's problem is convex (Mattern 2012; Veness et al. 2017).
class MixingHead final : public Head {
 public:
  static absl::StatusOr<std::unique_ptr<Head>> Create(const HeadSpec& spec,
                                                      const std::vector<Readable>& readables,
                                                      PlanBuilder* builder);

  void Begin(const StepContext& context) const noexcept override;
  void Predict(const StepContext& context, const Want& want,
               Prediction* prediction) const noexcept override;
  double Learn(const StepContext& context, const Target& target,
               Commit* commit) const noexcept override;

 private:
  struct Step;
  struct Frontier;

  // One number that takes part in picking a weight vector or a map's row.
  struct Factor {
    enum class Kind : uint8_t { kSelector, kSignal, kNode, kDepth };
    Kind kind;
    uint32_t source;  // kSelector: encoder; kSignal: place among all experts' signals.
    uint32_t which;   // kSelector: of the encoder.
    uint32_t range;
  };
  // A factor's place in the number that all of a gate's make, as digits of mixed base.
  struct Term {
    Factor factor;
    uint64_t weight;
  };
  // A table of vectors, one of which the factors together pick.
  struct Gate {
    std::vector<Term> selectors;
    std::vector<Term> signals;
    uint64_t node_weight = 0;
    uint64_t depth_weight = 0;
    uint32_t table = 0;
    uint32_t rows =
        0;  // Product of the ranges (0: too many), or the table's size where it is hashed.
    bool hashed = false;
    bool early() const { return signals.empty(); }  // Known before the evidence is.
  };
  // What a gate picked at each decision, from what all decisions share.
  struct Picked {
    uint64_t prefix;
    uint32_t* rows;
    const float** blocks;
  };
  struct Member {
    std::unique_ptr<Expert> expert;
    uint32_t first_input;
    uint32_t first_signal;
    std::size_t scratch;  // Offset from this head's scratch.
  };

  explicit MixingHead(const HeadSpec& spec);

  absl::Status AddExperts(const std::vector<Readable>& readables, PlanBuilder* builder);
  absl::Status AddGates(const std::string& name, const std::vector<Readable>& readables,
                        PlanBuilder* builder);
  absl::Status AddMaps(const std::string& name, const std::vector<Readable>& readables,
                       PlanBuilder* builder);
  absl::StatusOr<Factor> ParseFactor(const std::string& text,
                                     const std::vector<Readable>& readables) const;
  absl::StatusOr<Gate> ParseGate(const std::vector<std::string>& factors,
                                 const std::vector<Readable>& readables) const;
  absl::StatusOr<Gate> ParseSet(const std::vector<std::string>& factors,
                                const std::vector<Readable>& readables) const;
  std::byte* Scratch(const StepContext& context) const noexcept;
  Step* At(const StepContext& context) const noexcept;
  float* Inputs(const StepContext& context, uint32_t depth) const noexcept;
  uint64_t Prefix(const Gate& gate, const Activity& activity) const noexcept;
  template <typename Number>
  static void Count(const Gate& gate, uint64_t prefix, const Step& step, Number* numbers) noexcept;
  static void Pick(const Gate& gate, uint64_t prefix, const Step& step, uint32_t* rows) noexcept;
  void Find(const StepContext& context, Step* step) const noexcept;
  template <typename Visit>
  void ForEachGate(Step* step, Visit visit) const noexcept;
  void Ask(const StepContext& context, uint32_t n, uint32_t node, uint32_t evidence) const noexcept;
  void Approach(const StepContext& context, const Path& path) const noexcept;
  float Decide(const StepContext& context, uint32_t node) const noexcept;
  void Mix(Step* step) const noexcept;
  Path PathTo(uint32_t symbol, const SeenClasses::Now& seen) const noexcept;
  double Probability(const StepContext& context, const Path& path) const noexcept;
  void LearnDecisions(const StepContext& context, const Path& path, Commit* commit) const noexcept;
  void LearnMaps(const Step& step, const float* bits, Commit* commit) const noexcept;
  void Best(const StepContext& context, Prediction* prediction) const noexcept;
  void Distribution(const StepContext& context, Prediction* prediction) const noexcept;

  MixingHeadSpec spec_;
  std::string name_;
  uint32_t classes_;
  uint32_t depth_;      // Decisions per symbol.
  uint32_t width_ = 0;  // Inputs, padded to whole vectors; the last is the visits' place.
  uint32_t signals_ = 0;
  uint32_t bias_ = 0;  // The input that is always one constant.
  std::vector<Member> members_;
  std::vector<Gate> sets_;
  std::vector<Gate> maps_;
  SeenClasses seen_;
  Gate last_;
  std::size_t scratch_ = 0;  // Offset in the activity's head scratch.
};

}  // namespace gyrus
