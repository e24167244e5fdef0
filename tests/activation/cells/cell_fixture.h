// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "activation/cell.h"
#include "activation/tensor.h"
#include "core/rng.h"
#include "learner/gradient_recorder.h"
#include "tests/activation/cells/reference_cells.h"
#include "tests/activation/cells/reference_gradients.h"

namespace gyrus::test {

// Vectors of float32 values, held as doubles.
inline Sequence RandomSequence(std::size_t steps, std::size_t size, Rng* rng) {
  Sequence sequence(steps, Doubles(size));
  for (Doubles& x : sequence) {
    for (double& value : x) value = rng->Normal();
  }
  return sequence;
}

inline std::vector<float> ToFloats(const Doubles& x) { return {x.begin(), x.end()}; }

template <typename T>
Doubles ToDoubles(std::span<const T> x) {
  return {x.begin(), x.end()};
}

// Largest |actual - expected| relative to the largest |expected|.
inline double WorstOf(const Doubles& actual, const Doubles& expected) {
  EXPECT_EQ(actual.size(), expected.size());
  double worst = 0.0;
  double largest = 1e-30;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(actual[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return worst / largest;
}

// One block of a cell.
class Block {
 public:
  Block(const Cell& cell, uint64_t seed) : cell_(cell), lines_(cell.layout().block_bytes() / 64) {
    Rng rng(seed);
    cell.Initialise(&rng, bytes());
  }

  std::span<std::byte> bytes() { return std::as_writable_bytes(std::span(lines_)); }
  const std::byte* data() { return bytes().data(); }

  // All parameters, tensor after tensor. Requires: all are kF32.
  Doubles parameters() {
    Doubles all;
    for (std::size_t t = 0; t < cell_.layout().tensors().size(); ++t) {
      const std::span<const float> tensor = FloatsOf(cell_.layout(), t, data());
      all.insert(all.end(), tensor.begin(), tensor.end());
    }
    return all;
  }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  const Cell& cell_;
  std::vector<Line> lines_;
};

// Runs a cell over a sequence in chunks, as a learner does: forward, backward, trace.
class CellRun {
 public:
  CellRun(const Cell& cell, Block* block)
      : recorder(cell.layout()),
        state(cell.shape().state_floats),
        dstate(cell.shape().state_floats),
        cell_(cell),
        block_(block),
        traces_(cell.shape().trace_floats) {
    recorder.Begin(block->data());
  }

  // Runs all of x forwards, chunk by chunk, and each chunk backwards. Adds to recorder, y and dx.
  void Run(const Sequence& x, const Sequence& dy, std::size_t chunk, bool use_traces) {
    for (std::size_t first = 0; first < x.size(); first += chunk) {
      const std::size_t count = std::min(chunk, x.size() - first);
      if (first > 0) std::fill(dstate.begin(), dstate.end(), 0.0F);
      RunChunk({x.data() + first, count}, {dy.data() + first, count}, use_traces);
    }
  }

  GradientRecorder recorder;
  std::vector<float> state;
  std::vector<float> dstate;  // In: at the end of the first chunk; out: at the start of the last.
  Sequence y;
  Sequence dx;

 private:
  void RunChunk(std::span<const Doubles> x, std::span<const Doubles> dy, bool use_traces) {
    const CellShape& shape = cell_.shape();
    std::vector<std::vector<float>> xs, tapes;
    for (const Doubles& input : x) {
      std::vector<float> output(shape.outputs);
      xs.push_back(ToFloats(input));
      tapes.emplace_back(shape.tape_floats);
      cell_.Forward(block_->data(), xs.back(), state.data(), output, tapes.back().data());
      y.emplace_back(output.begin(), output.end());
    }
    Sequence chunk_dx;
    for (std::size_t t = x.size(); t-- > 0;) {
      std::vector<float> step_dx(shape.inputs);
      const std::vector<float> step_dy = ToFloats(dy[t]);
      cell_.Backward({.weights = block_->data(),
                      .x = xs[t],
                      .tape = tapes[t].data(),
                      .traces = use_traces && t == 0 ? traces_.data() : nullptr,
                      .dy = step_dy,
                      .dx = step_dx,
                      .dstate = dstate.data()},
                     &recorder);
      chunk_dx.insert(chunk_dx.begin(), Doubles(step_dx.begin(), step_dx.end()));
    }
    dx.insert(dx.end(), chunk_dx.begin(), chunk_dx.end());
    for (std::size_t t = 0; t < x.size(); ++t) {
      cell_.Trace(block_->data(), xs[t], tapes[t].data(), traces_.data());
    }
  }

  const Cell& cell_;
  Block* block_;
  std::vector<float> traces_;
};

// Expects a cell without state to agree with its reference in outputs and all gradients.
inline void ExpectCellMatchesReference(const Cell& cell, const ReferenceCell& reference,
                                       const CellPoint& point, Block* block) {
  CellRun run(cell, block);
  run.Run(point.x, point.dy, 1, false);

  const Sequence y = reference.Forward(point.parameters.data(), point.x, nullptr);
  const CellGradients expected =
      reference.Backward(point.parameters.data(), point.x, {}, point.dy, {});
  for (std::size_t t = 0; t < y.size(); ++t) {
    EXPECT_LT(WorstOf(run.y[t], y[t]), 1e-5);
    EXPECT_LT(WorstOf(run.dx[t], expected.dx[t]), 1e-5);
  }
  EXPECT_LT(WorstOf(ToDoubles(run.recorder.gradients()), expected.parameters), 1e-5);
}

}  // namespace gyrus::test
