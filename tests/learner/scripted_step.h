// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "activation/activity.h"
#include "activation/router.h"
#include "core/store.h"
#include "tests/activation/cells/reference_cells.h"

// What drives a SmallNetwork: steps whose routing and losses a test writes down itself.
namespace gyrus::test {

// Keeps the gradients of the gates it is given, step after step; routes nothing.
class GateRecorder final : public Router {
 public:
  GateRecorder() { dgates_.reserve(1024); }

  std::size_t Route(const View&, std::span<const float>, std::span<Woken>) const noexcept override {
    return 0;
  }
  void Learn(std::span<const float>, std::span<const Woken>, std::span<const float> dgates,
             Commit*) const noexcept override {
    dgates_.insert(dgates_.end(), dgates.begin(), dgates.end());
  }

  mutable std::vector<float> dgates_;
};

// One area's part in one step. The loss is linear: `gradient` . output plus, for each woken region,
// `gradients` . its own output.
struct ScriptedArea {
  bool awake = false;
  std::vector<Woken> woken = {};
  Doubles gradient = {};
  Sequence gradients = {};
};

struct ScriptedStep {
  Doubles x = {};                        // The encoder's vector.
  std::vector<ScriptedArea> areas = {};  // By area.
};

}  // namespace gyrus::test
