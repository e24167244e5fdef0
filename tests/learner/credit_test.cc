// SPDX-License-Identifier: Apache-2.0
#include "learner/credit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "core/kernels/dispatch.h"
#include "tests/learner/small_network.h"
#include "tests/support/gradient_check.h"
#include "tests/support/no_alloc.h"

namespace gyrus {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr uint32_t kInputs = 4;

template <typename CellSpec>
AreaSpec Area(const std::string& name, CellSpec cell, uint32_t chunk) {
  AreaSpec spec;
  spec.name = name;
  spec.outputs = kInputs;
  spec.regions = 3;
  spec.woken = 2;
  spec.cell = cell;
  spec.learning.chunk = chunk;
  return spec;
}

constexpr McsdCellSpec kMcsd = {.units = 4, .channels = 2};
constexpr GluCellSpec kGlu = {.hidden = 3};

// Expects the gradient that the walk gives to be that of the whole loss. The difference is
// float32's, and that of reading a gradient off a change of weights of order 1.
void ExpectWholeGradient(test::SmallNetwork* network,
                         const std::vector<test::ScriptedStep>& script) {
  ASSERT_TRUE(network->Start().ok());
  const test::Doubles parameters = network->Parameters();
  const auto loss = [&](std::span<const double> p) { return network->Loss(script, p); };
  EXPECT_TRUE(test::GradientMatches(loss, parameters, network->Gradient(script),
                                    {.relative = 1e-4, .absolute = 2e-5}));
}

class StackedAreasTest : public testing::TestWithParam<std::size_t> {};

TEST_P(StackedAreasTest, ConcatenatedAreasGetTheWholeGradient) {
  const auto steps = static_cast<uint32_t>(GetParam());
  test::SmallNetwork network(kInputs);
  network.Add(Area("first", kMcsd, steps), {-1});
  network.Add(Area("second", kGlu, steps), {-1, 0});
  network.Add(Area("third", kMcsd, steps), {1, 0});
  ExpectWholeGradient(&network, network.Script(steps, 1));
}

TEST_P(StackedAreasTest, ResidualSumsGetTheWholeGradient) {
  const auto steps = static_cast<uint32_t>(GetParam());
  test::SmallNetwork network(kInputs);
  AreaSpec first = Area("first", kGlu, steps);
  first.residual = true;
  AreaSpec second = Area("second", kMcsd, steps);
  second.residual = true;
  second.combine = Combine::kSum;
  network.Add(first, {-1});
  network.Add(second, {0, -1});
  second.name = "third";
  network.Add(second, {1});
  ExpectWholeGradient(&network, network.Script(steps, 2));
}

// Regions sleep in between; chunks of one step are the path without a copy.
INSTANTIATE_TEST_SUITE_P(Steps, StackedAreasTest, testing::Values(1, 2, 7, 12));

TEST(AreaCreditTest, TracesCarryCreditAcrossChunksAndSleep) {
  for (const uint32_t chunk : {1U, 2U, 5U}) {
    test::SmallNetwork network(kInputs);
    AreaSpec recurrent = Area("recurrent", kMcsd, chunk);
    recurrent.learning.trace = Trace::kFactored;
    network.Add(recurrent, {-1});
    network.Add(Area("above", kGlu, chunk), {0});
    ExpectWholeGradient(&network, network.Script(11, 3));
  }
}

// Against a reference that lets zero inputs pass through a region asleep.
TEST(AreaCreditTest, CreditDecaysOverSleepAsTheStateDoes) {
  for (const uint32_t chunk : {1U, 2U, 5U, 13U}) {
    test::SmallNetwork network(kInputs);
    AreaSpec recurrent = Area("recurrent", kMcsd, chunk);
    recurrent.asleep = Asleep::kDecay;
    recurrent.learning.trace = Trace::kFactored;
    network.Add(recurrent, {-1});
    network.Add(Area("above", kGlu, chunk), {0});
    ExpectWholeGradient(&network, network.Script(13, 8));
  }
}

TEST(AreaCreditTest, WithoutTracesCreditEndsAtTheChunk) {
  test::SmallNetwork network(kInputs);
  network.Add(Area("recurrent", kMcsd, 2), {-1});
  const std::vector<test::ScriptedStep> script = network.Script(11, 3);
  ASSERT_TRUE(network.Start().ok());
  const auto loss = [&](std::span<const double> p) { return network.Loss(script, p); };
  EXPECT_FALSE(test::GradientMatches(loss, network.Parameters(), network.Gradient(script),
                                     {.relative = 1e-2, .absolute = 1e-3}));
}

TEST(AreaCreditTest, LearnedRoutersGetTheGradientOfTheirGates) {
  test::SmallNetwork network(kInputs);
  AreaSpec routed = Area("routed", kGlu, 3);
  routed.router = LearnedRouterSpec{};
  network.Add(routed, {-1});
  network.Add(Area("above", kMcsd, 3), {0});
  std::vector<test::ScriptedStep> script = network.Script(3, 4);
  for (test::ScriptedStep& step : script) {
    for (test::ScriptedArea& area : step.areas) area.awake = true;
  }
  ASSERT_TRUE(network.Start().ok());
  const test::Doubles parameters = network.Parameters();
  network.Gradient(script);

  ASSERT_THAT(network.dgates(0), SizeIs(3 * 2));
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t k = 0; k < 2; ++k) {
      constexpr float kStep = 0.0078125F;  // Exact in float32, as gates are.
      std::vector<test::ScriptedStep> moved = script;
      moved[t].areas[0].woken[k].gate += kStep;
      const double above = network.Loss(moved, parameters);
      moved[t].areas[0].woken[k].gate -= 2.0F * kStep;
      const double below = network.Loss(moved, parameters);
      EXPECT_NEAR(network.dgates(0)[t * 2 + k], (above - below) / (2.0 * kStep), 1e-3);
    }
  }
  EXPECT_THAT(network.dgates(1), IsEmpty());
}

TEST(AreaCreditTest, WritesNoBlockThatNoErrorReaches) {
  for (const uint32_t chunk : {1U, 2U}) {
    test::SmallNetwork network(kInputs);
    network.Add(Area("quiet", kMcsd, chunk), {-1});
    ASSERT_TRUE(network.Start().ok());
    std::vector<test::ScriptedStep> script = network.Script(2, 5);
    const SnapshotNumber before = network.store().Publish();
    for (test::ScriptedStep& step : script) {
      step.areas[0].gradient.assign(kInputs, 0.0);
      for (test::Doubles& own : step.areas[0].gradients) own.assign(kInputs, 0.0);
      network.Forward(step);
      network.Learn(false);
    }
    EXPECT_EQ(network.store().Publish(), before);
  }
}

TEST(AreaCreditTest, LearnsWithoutAllocation) {
  kernels::Warmup();
  for (const uint32_t chunk : {1U, 2U}) {
    test::SmallNetwork network(kInputs);
    AreaSpec recurrent = Area("recurrent", kMcsd, chunk);
    recurrent.learning.trace = Trace::kFactored;
    network.Add(recurrent, {-1});
    ASSERT_TRUE(network.Start().ok());
    std::optional<Commit> commit = Commit::TryBegin(&network.store(), {});
    for (const test::ScriptedStep& step : network.Script(4, 7)) {
      network.Forward(step);
      const test::NoAllocScope scope;
      network.credit(0).Record(network.activities()[0]);
      if (network.credit(0).full()) network.credit(0).Backward(&*commit);
      EXPECT_EQ(scope.count(), 0);
    }
  }
}

TEST(AreaCreditTest, RefusesToHandGradientsToAnotherChunk) {
  test::SmallNetwork network(kInputs);
  network.Add(Area("below", kGlu, 4), {-1});
  network.Add(Area("above", kGlu, 2), {0});
  EXPECT_THAT(std::string(network.Start().message()),
              HasSubstr("area \"above\".learning.chunk must equal the 4 of area \"below\""));
}

}  // namespace
}  // namespace gyrus
