// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <span>
#include <vector>

#include "tests/activation/cells/reference_cells.h"
#include "tests/support/gradient_check.h"

namespace gyrus::test {

// A point at which a cell's gradients are taken. The loss is linear in what the cell makes:
// L = sum_t dy_t . y_t + dstate . state after the last step.
struct CellPoint {
  Doubles parameters = {};
  Sequence x = {};
  Doubles state = {};  // Before the first step.
  Sequence dy = {};
  Doubles dstate = {};
};

inline double LossAt(const ReferenceCell& cell, const CellPoint& point) {
  Doubles state = point.state;
  const Sequence y = cell.Forward(point.parameters.data(), point.x, &state);
  double loss = 0.0;
  for (std::size_t t = 0; t < y.size(); ++t) {
    for (std::size_t i = 0; i < y[t].size(); ++i) loss += point.dy[t][i] * y[t][i];
  }
  for (std::size_t j = 0; j < state.size(); ++j) loss += point.dstate[j] * state[j];
  return loss;
}

// Expects the reference's own gradients of parameters, inputs and first state to agree with
// central finite differences to 1e-6.
inline void ExpectReferenceMatchesDifferences(const ReferenceCell& cell, const CellPoint& point) {
  const CellGradients gradients =
      cell.Backward(point.parameters.data(), point.x, point.state, point.dy, point.dstate);
  CellPoint moved = point;
  const auto by_parameters = [&](std::span<const double> p) {
    moved.parameters.assign(p.begin(), p.end());
    return LossAt(cell, moved);
  };
  EXPECT_TRUE(GradientMatches(by_parameters, point.parameters, gradients.parameters));
  moved = point;
  for (std::size_t t = 0; t < point.x.size(); ++t) {
    const auto by_input = [&](std::span<const double> x) {
      moved.x[t].assign(x.begin(), x.end());
      return LossAt(cell, moved);
    };
    EXPECT_TRUE(GradientMatches(by_input, point.x[t], gradients.dx[t])) << "x at step " << t;
    moved = point;
  }
  if (point.state.empty()) return;
  const auto by_state = [&](std::span<const double> h) {
    moved.state.assign(h.begin(), h.end());
    return LossAt(cell, moved);
  };
  EXPECT_TRUE(GradientMatches(by_state, point.state, gradients.dstate));
}

}  // namespace gyrus::test
