// SPDX-License-Identifier: Apache-2.0
#include "activation/heads/softmax.h"

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "activation/brain_spec.h"
#include "core/rng.h"
#include "tests/support/blocks.h"
#include "tests/support/gradient_check.h"
#include "tests/support/no_alloc.h"
#include "tests/support/plan_run.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::PlanRun;
using test::StatusIs;
using testing::HasSubstr;

constexpr std::size_t kSize = 4;
constexpr std::size_t kClasses = 3;

BrainSpec BrainOf(const SoftmaxHeadSpec& softmax) {
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = kSize}};
  spec.encoders = {{"row", "row", HeldEncoderSpec{}}};
  AreaSpec area = {.name = "same", .inputs = {"row"}, .outputs = kSize};
  area.cell = SubsetCellSpec{};
  spec.areas = {area};
  spec.heads = {{.name = "class", .classes = kClasses, .kind = softmax}};
  return spec;
}

const float* Parameters(PlanRun* run) {
  for (uint32_t t = 0; t < run->plan().tables().size(); ++t) {
    if (run->plan().tables()[t].spec.name != "class.weights") continue;
    return run->store().Draft().table(t).As<float>(0);
  }
  return nullptr;
}

// z = W h + b.
std::vector<double> LogitsOf(std::span<const double> w, std::span<const double> x) {
  std::vector<double> z(kClasses);
  for (std::size_t c = 0; c < kClasses; ++c) {
    z[c] = w[kClasses * kSize + c];
    for (std::size_t j = 0; j < kSize; ++j) z[c] += w[c * kSize + j] * x[j];
  }
  return z;
}

double LossOf(std::span<const double> w, std::span<const double> x, uint32_t label) {
  const std::vector<double> z = LogitsOf(w, x);
  double sum = 0;
  for (const double logit : z) sum += std::exp(logit);
  return std::log(sum) - z[label];
}

double SquaredLogits(std::span<const double> w, std::span<const double> x) {
  double sum = 0;
  for (const double logit : LogitsOf(w, x)) sum += logit * logit;
  return sum;
}

TEST(SoftmaxHeadTest, FollowsItsGradientAndSendsItDown) {
  constexpr float kRate = 1e-3F;
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<PlanRun> run,
      PlanRun::Create(BrainOf({.input = "same", .rate = kRate, .optimiser = Optimiser::kSgd})));
  const std::vector<float> row = {0.5F, -1, 2, 0.1F};
  const std::vector<Value> values = {{.present = true, .reals = row}};
  // W lies at the block's start, b behind it, where a whole cache line is no smaller.
  const std::size_t bias = 16;
  const auto parameters = [&] {
    const float* const block = Parameters(run.get());
    std::vector<double> all(block, block + kClasses * kSize);
    const std::size_t at = kClasses * kSize < bias ? kClasses * kSize : bias;
    all.insert(all.end(), block + at, block + at + kClasses);
    return all;
  };
  for (int t = 0; t < 200; ++t) {  // Away from the symmetric start.
    run->Forward(values);
    run->Learn(values, {.symbol = static_cast<uint32_t>(t % 5 == 0)});
  }
  const std::vector<double> x(row.begin(), row.end());
  const std::vector<double> before = parameters();
  run->Forward(values);
  const double loss = run->Learn(values, {.symbol = 2});
  EXPECT_NEAR(loss, LossOf(before, x, 2), 1e-5);
  const std::vector<double> after = parameters();
  std::vector<double> gradient(before.size());
  for (std::size_t i = 0; i < before.size(); ++i) gradient[i] = (before[i] - after[i]) / kRate;
  EXPECT_TRUE(test::GradientMatches([&](std::span<const double> w) { return LossOf(w, x, 2); },
                                    before, gradient, {.relative = 1e-3, .absolute = 1e-3}));
  const std::span<const float> down = run->activity().areas[0].gradient;
  EXPECT_TRUE(test::GradientMatches([&](std::span<const double> h) { return LossOf(before, h, 2); },
                                    x, std::vector<double>(down.begin(), down.end()),
                                    {.relative = 1e-3, .absolute = 1e-6}));
}

// W and b, one after the other.
std::vector<double> AllParameters(PlanRun* run) {
  // W lies at the block's start, b behind it.
  const float* const block = Parameters(run);
  return {block, block + kClasses * kSize + kClasses};
}

TEST(SoftmaxHeadTest, FollowsTheGradientOfALesson) {
  constexpr float kRate = 1e-3F;
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<PlanRun> run,
      PlanRun::Create(BrainOf({.input = "same", .rate = kRate, .optimiser = Optimiser::kSgd})));
  const std::vector<float> row = {0.5F, -1, 2, 0.1F};
  const std::vector<Value> values = {{.present = true, .reals = row}};
  for (int t = 0; t < 200; ++t) {
    run->Forward(values);
    run->Learn(values, {.symbol = static_cast<uint32_t>(t % 5 == 0)});
  }
  const std::vector<double> x(row.begin(), row.end());
  const std::vector<uint8_t> rivals = {0, 1, 1};
  const std::vector<float> then = {0.3F, -0.7F, 1.1F};
  std::vector<float> now(kClasses);
  const Lesson lesson = {.kind = Lesson::Kind::kReplayed,
                         .target = {.symbol = 2},
                         .rivals = rivals,
                         .logits_then = then,
                         .dark = 0.4F,
                         .logits_now = now};
  const auto loss = [&](std::span<const double> w, std::span<const double> h) {
    const std::vector<double> z = LogitsOf(w, h);
    double distance = 0;
    for (std::size_t c = 0; c < kClasses; ++c) distance += (z[c] - then[c]) * (z[c] - then[c]);
    return std::log(std::exp(z[1]) + std::exp(z[2])) - z[2] + double{0.4F} / kClasses * distance;
  };
  const std::vector<double> before = AllParameters(run.get());
  run->Forward(values);
  {
    std::optional<Commit> commit = run->Begin();
    const double told = run->plan().heads()[0]->LearnLesson(run->context(), lesson, &*commit);
    EXPECT_NEAR(told, LossOf(before, x, 2), 1e-5);
  }
  const std::vector<double> after = AllParameters(run.get());
  std::vector<double> gradient(before.size());
  for (std::size_t i = 0; i < before.size(); ++i) gradient[i] = (before[i] - after[i]) / kRate;
  EXPECT_TRUE(test::GradientMatches([&](std::span<const double> w) { return loss(w, x); }, before,
                                    gradient, {.relative = 1e-3, .absolute = 1e-3}));
  const std::span<const float> down = run->activity().areas[0].gradient;
  EXPECT_TRUE(test::GradientMatches([&](std::span<const double> h) { return loss(before, h); }, x,
                                    std::vector<double>(down.begin(), down.end()),
                                    {.relative = 1e-3, .absolute = 1e-6}));
  const std::vector<double> z = LogitsOf(before, x);
  for (std::size_t c = 0; c < kClasses; ++c) EXPECT_NEAR(now[c], z[c], 1e-5);
}

TEST(SoftmaxHeadTest, SendsSensitivityDownAndLearnsNothing) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<PlanRun> run,
      PlanRun::Create(BrainOf({.input = "same", .rate = 0.05F, .optimiser = Optimiser::kSgd})));
  const std::vector<float> row = {0.5F, -1, 2, 0.1F};
  const std::vector<Value> values = {{.present = true, .reals = row}};
  for (int t = 0; t < 50; ++t) {
    run->Forward(values);
    run->Learn(values, {.symbol = static_cast<uint32_t>(t % 3 == 0)});
  }
  const std::vector<double> before = AllParameters(run.get());
  run->Forward(values);
  {
    std::optional<Commit> commit = run->Begin();
    run->plan().heads()[0]->LearnLesson(run->context(), {.kind = Lesson::Kind::kSensitivity},
                                        &*commit);
  }
  EXPECT_EQ(AllParameters(run.get()), before);
  const std::span<const float> down = run->activity().areas[0].gradient;
  EXPECT_TRUE(test::GradientMatches(
      [&](std::span<const double> h) { return SquaredLogits(before, h); },
      std::vector<double>(row.begin(), row.end()), std::vector<double>(down.begin(), down.end()),
      {.relative = 1e-4, .absolute = 1e-5}));
}

class SoftmaxOptimiserTest : public testing::TestWithParam<Optimiser> {};

TEST_P(SoftmaxOptimiserTest, LearnsToTellClassesApart) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<PlanRun> run,
      PlanRun::Create(BrainOf({.input = "row", .rate = 0.05F, .optimiser = GetParam()})));
  Rng rng(1);
  int right = 0;
  for (int t = 0; t < 600; ++t) {
    const auto label = static_cast<uint32_t>(rng.Below(kClasses));
    std::vector<float> row(kSize);
    for (float& value : row) value = 0.3F * rng.Normal();
    row[label] += 1.5F;
    const std::vector<Value> values = {{.present = true, .reals = row}};
    Prediction prediction;
    run->Forward(values);
    run->Predict(Want::Kind::kBest, &prediction);
    if (t >= 300) right += prediction.best == label ? 1 : 0;
    test::NoAllocScope scope;
    run->Learn(values, {.symbol = label});
    ASSERT_EQ(scope.count(), 0);
  }
  EXPECT_GT(right, 285);
}

// |h|^2 beyond the range of a float: the mean square would become infinite, and then not a number.
TEST_P(SoftmaxOptimiserTest, RefusesWhatIsBeyondAnyUseAndCountsIt) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<PlanRun> run,
      PlanRun::Create(BrainOf({.input = "same", .rate = 0.05F, .optimiser = GetParam()})));
  const auto learn = [&](const std::vector<float>& row, uint32_t label) {
    const std::vector<Value> values = {{.present = true, .reals = row}};
    run->Forward(values);
    run->Learn(values, {.symbol = label});
  };
  learn({0.5F, -1, 2, 0.1F}, 1);
  const std::string before = test::Blocks(&run->store());

  learn({3e19F, 3e19F, 1, 0}, 2);
  EXPECT_EQ(run->activity().refused, 1U);
  EXPECT_EQ(test::Blocks(&run->store()), before);
  for (const float gradient : run->activity().areas[0].gradient) EXPECT_EQ(gradient, 0.0F);
  learn({0.5F, -1, 2, 0.1F}, 2);
  EXPECT_EQ(run->activity().refused, 1U);
  const std::vector<double> after = AllParameters(run.get());
  for (const double parameter : after) EXPECT_TRUE(std::isfinite(parameter));
}

INSTANTIATE_TEST_SUITE_P(Optimisers, SoftmaxOptimiserTest,
                         testing::Values(Optimiser::kSgd, Optimiser::kRmsprop));

TEST(SoftmaxHeadTest, RefusesWhatIsOutsideItsRange) {
  const auto refuses = [](const SoftmaxHeadSpec& softmax, const char* message) {
    EXPECT_THAT(Plan::Create(BrainOf(softmax)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses({.input = "rwo"}, "\"rwo\"");
  refuses({.input = "row", .rate = 0}, "rate must be in (0, 10], got 0");
  refuses({.input = "row", .beta = 1}, "beta must be in [0, 1), got 1");
}

}  // namespace
}  // namespace gyrus
