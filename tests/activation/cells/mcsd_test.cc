// SPDX-License-Identifier: Apache-2.0
#include "activation/cells/mcsd.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "core/kernels/dispatch.h"
#include "tests/activation/cells/cell_fixture.h"
#include "tests/activation/cells/reference_cells.h"
#include "tests/activation/cells/reference_gradients.h"
#include "tests/support/no_alloc.h"

namespace gyrus {
namespace {

using testing::HasSubstr;

struct Sizes {
  uint32_t inputs, units, channels, outputs;
};

class McsdCellTest : public testing::TestWithParam<Sizes> {
 protected:
  static constexpr std::size_t kSteps = 6;

  McsdCellTest()
      : cell_(*McsdCell::Create({.units = GetParam().units, .channels = GetParam().channels},
                                GetParam().inputs, GetParam().outputs)),
        reference_(GetParam().inputs, GetParam().units, GetParam().outputs,
                   McsdDecays(GetParam().channels)),
        block_(*cell_, 7) {
    Rng rng(11);
    point_ = {.parameters = block_.parameters(),
              .x = test::RandomSequence(kSteps, GetParam().inputs, &rng),
              .state = test::RandomSequence(1, GetParam().units, &rng)[0],
              .dy = test::RandomSequence(kSteps, GetParam().outputs, &rng),
              .dstate = test::RandomSequence(1, GetParam().units, &rng)[0]};
  }

  test::CellGradients Expected() const {
    return reference_.Backward(point_.parameters.data(), point_.x, point_.state, point_.dy,
                               point_.dstate);
  }

  // As if the sequence were all there ever was, with all of it in the loss.
  void StartFromNothing() {
    point_.state.assign(point_.state.size(), 0.0);
    point_.dstate.assign(point_.dstate.size(), 0.0);
  }

  std::unique_ptr<Cell> cell_;
  test::ReferenceMcsd reference_;
  test::Block block_;
  test::CellPoint point_;
};

using McsdReferenceTest = McsdCellTest;

TEST_P(McsdReferenceTest, AgreesWithFiniteDifferences) {
  test::ExpectReferenceMatchesDifferences(reference_, point_);
}

TEST_P(McsdCellTest, AgreesWithTheReferenceOverAChunk) {
  test::CellRun run(*cell_, &block_);
  run.state = test::ToFloats(point_.state);
  run.dstate = test::ToFloats(point_.dstate);
  run.Run(point_.x, point_.dy, kSteps, false);

  test::Doubles state = point_.state;
  const test::Sequence y = reference_.Forward(point_.parameters.data(), point_.x, &state);
  const test::CellGradients expected = Expected();
  for (std::size_t t = 0; t < kSteps; ++t) {
    EXPECT_LT(test::WorstOf(run.y[t], y[t]), 1e-5);
    EXPECT_LT(test::WorstOf(run.dx[t], expected.dx[t]), 1e-5);
  }
  EXPECT_LT(test::WorstOf({run.state.begin(), run.state.end()}, state), 1e-5);
  EXPECT_LT(test::WorstOf({run.dstate.begin(), run.dstate.end()}, expected.dstate), 1e-5);
  EXPECT_LT(test::WorstOf(test::ToDoubles(run.recorder.gradients()), expected.parameters), 1e-5);
}

TEST_P(McsdCellTest, TracesAcrossChunksGiveTheWholeGradient) {
  StartFromNothing();
  const test::CellGradients expected = Expected();
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{2}, std::size_t{4}}) {
    test::CellRun run(*cell_, &block_);
    run.Run(point_.x, point_.dy, chunk, true);
    EXPECT_LT(test::WorstOf(test::ToDoubles(run.recorder.gradients()), expected.parameters), 1e-5)
        << "chunks of " << chunk;
  }
}

TEST_P(McsdCellTest, WithoutTracesTheGradientStopsAtTheChunk) {
  StartFromNothing();
  test::CellRun run(*cell_, &block_);
  run.Run(point_.x, point_.dy, 2, false);
  EXPECT_GT(test::WorstOf(test::ToDoubles(run.recorder.gradients()), Expected().parameters), 1e-3);
}

INSTANTIATE_TEST_SUITE_P(SmallSizes, McsdReferenceTest,
                         testing::Values(Sizes{5, 8, 4, 3}, Sizes{9, 12, 2, 10}));
INSTANTIATE_TEST_SUITE_P(Sizes, McsdCellTest,
                         testing::Values(Sizes{2, 2, 2, 1}, Sizes{5, 8, 4, 3}, Sizes{9, 12, 2, 10},
                                         Sizes{200, 128, 8, 96}));

TEST(McsdCellTest, ChannelsSpanSlopeAndDecay) {
  const std::vector<float> decays = McsdDecays(8);
  const auto tau = [&](int c) { return -1.0 / std::log(double{decays[c]}); };
  EXPECT_GT(tau(0), 1.0);
  EXPECT_LT(tau(3), 32.0);
  EXPECT_GT(tau(4), 32.0);
  EXPECT_LT(tau(7), 4096.0);
  for (int c = 1; c < 8; ++c) {
    if (c == 4) continue;
    EXPECT_NEAR(tau(c) / tau(c - 1), c < 4 ? std::pow(32.0, 0.25) : std::pow(128.0, 0.25), 1e-3);
  }
}

TEST(McsdCellTest, SlowStatesStayWithinTheirInput) {
  const auto cell = *McsdCell::Create({.units = 8, .channels = 8}, 3, 2);
  test::Block block(*cell, 1);
  const std::vector<float> x = {1.0F, -2.0F, 0.5F};
  std::vector<float> state(8), y(2);
  for (int t = 0; t < 20000; ++t) cell->Forward(block.data(), x, state.data(), y, nullptr);

  const test::Doubles parameters = block.parameters();
  const test::Doubles v = test::Times(parameters.data() + 8 * 3, 8, {1.0, -2.0, 0.5});
  for (std::size_t j = 0; j < 8; ++j) EXPECT_NEAR(state[j], v[j], 0.02 * std::abs(v[j]));
}

TEST(McsdCellTest, StepsWithoutAllocation) {
  kernels::Warmup();
  const auto cell = *McsdCell::Create({.units = 16, .channels = 4}, 6, 5);
  test::Block block(*cell, 1);
  GradientRecorder recorder(cell->layout());
  recorder.Begin(block.data());
  const CellShape& shape = cell->shape();
  std::vector<float> x(6, 0.5F), state(16), y(5), dy(5, 1.0F), dx(6), dstate(16);
  std::vector<float> tape(shape.tape_floats), traces(shape.trace_floats);

  const test::NoAllocScope scope;
  cell->Forward(block.data(), x, state.data(), y, tape.data());
  cell->Backward({block.data(), x, tape.data(), traces.data(), dy, dx, dstate.data()}, &recorder);
  cell->Trace(block.data(), x, tape.data(), traces.data());
  EXPECT_EQ(scope.count(), 0);
}

TEST(McsdCellTest, RefusesUnevenChannels) {
  const auto message = [](uint32_t units, uint32_t channels) {
    return std::string(
        McsdCell::Create({.units = units, .channels = channels}, 4, 4).status().message());
  };
  EXPECT_THAT(message(0, 2), HasSubstr("units must be in [1, 1024], got 0"));
  EXPECT_THAT(message(12, 3), HasSubstr("channels must be even and at least 2"));
  EXPECT_THAT(message(12, 8), HasSubstr("channels must divide units = 12, got 8"));
}

}  // namespace
}  // namespace gyrus
