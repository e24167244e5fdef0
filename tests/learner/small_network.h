// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "activation/plan.h"
#include "core/store.h"
#include "learner/credit.h"
#include "tests/activation/cells/reference_cells.h"
#include "tests/learner/scripted_step.h"

// A small network of areas run twice: in float32 as a learner does, with AreaCredit, and plainly in
// double precision, so that the gradient of the whole loss can be taken by finite differences.
namespace gyrus::test {

class SmallNetwork {
 public:
  static constexpr float kRate = 0.5F;  // Of SGD: a gradient is a change of weights over -kRate.

  explicit SmallNetwork(uint32_t inputs) : inputs_(inputs) {}

  // Adds an area that reads `from` (areas before it; -1 is the encoder).
  void Add(const AreaSpec& spec, const std::vector<int>& from);

  // Random inputs, gates and gradients for `steps` steps; every area sleeps at times.
  std::vector<ScriptedStep> Script(std::size_t steps, uint64_t seed) const;

  // Makes the store and the credits. Returns the first status that is not OK.
  absl::Status Start();

  // Runs the script and returns the gradient of all parameters, summed over chunks at constant
  // weights: after each chunk the weights go back to what they were.
  Doubles Gradient(const std::vector<ScriptedStep>& script);

  // One step of the script in float32, up to the heads' gradients.
  void Forward(const ScriptedStep& step);

  // Records the step, and walks back if the chunk is full or `flush`.
  void Learn(bool flush);

  // The loss of the whole script in double precision.
  double Loss(const std::vector<ScriptedStep>& script, std::span<const double> parameters) const;

  // Of all areas and regions, in order.
  Doubles Parameters() const;

  const std::vector<float>& dgates(std::size_t area) const {
    return static_cast<const GateRecorder&>(*areas_[area].router).dgates_;
  }
  std::span<AreaActivity> activities() { return activities_; }
  AreaCredit& credit(std::size_t area) { return *credits_[area]; }
  Store& store() { return *store_; }

 private:
  // One awake area's part of the loss; moves its states and writes its output.
  double LossOfArea(std::size_t a, const ScriptedStep& step, const double* parameters,
                    Sequence* states, Sequence* outputs) const;
  void Restore(const Doubles& parameters);

  static Doubles Input(const AreaPlan& plan, const Doubles& x, const Sequence& outputs);

  std::span<float> Take(const Doubles& values);

  void ForwardArea(std::size_t a, const ScriptedStep& step);

  uint32_t inputs_;
  std::vector<AreaPlan> areas_;
  std::vector<std::unique_ptr<ReferenceCell>> references_;
  std::unique_ptr<Store> store_;
  std::vector<std::unique_ptr<AreaCredit>> credits_;
  std::vector<std::vector<float>> states_;  // By area: (regions, state_floats).
  std::vector<AreaActivity> activities_;
  std::deque<ScriptedArea> scripted_;       // What activities_ points into.
  std::deque<std::vector<float>> buffers_;  // Likewise.
};

}  // namespace gyrus::test
