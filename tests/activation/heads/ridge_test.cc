// SPDX-License-Identifier: Apache-2.0
// Ridge heads against the textbook in double precision.
#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <vector>

#include "tests/activation/heads/least_squares_fixture.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::BrainOf;
using test::Doubles;
using test::kFeatures;
using test::LearnAll;
using test::PlanRun;
using test::Predict;
using test::Sample;
using test::Samples;
using test::StatusIs;
using test::ValuesOf;
using testing::HasSubstr;

HeadSpec Ridge(const RidgeHeadSpec& ridge, uint32_t outputs = 2) {
  return {.name = "head", .outputs = outputs, .kind = ridge};
}

// Solves (X^T X + lambda I) w = X^T y by elimination.
Doubles SolveDirectly(const std::vector<Sample>& samples, std::size_t output, double lambda) {
  std::vector<Doubles> a(kFeatures, Doubles(kFeatures + 1));
  for (std::size_t i = 0; i < kFeatures; ++i) a[i][i] = lambda;
  for (const Sample& s : samples) {
    for (std::size_t i = 0; i < kFeatures; ++i) {
      for (std::size_t j = 0; j < kFeatures; ++j) a[i][j] += double{s.x[i]} * s.x[j];
      a[i][kFeatures] += double{s.x[i]} * s.y[output];
    }
  }
  for (std::size_t i = 0; i < kFeatures; ++i) {
    for (std::size_t r = 0; r < kFeatures; ++r) {
      if (r == i) continue;
      const double factor = a[r][i] / a[i][i];
      for (std::size_t j = i; j <= kFeatures; ++j) a[r][j] -= factor * a[i][j];
    }
  }
  Doubles w(kFeatures);
  for (std::size_t i = 0; i < kFeatures; ++i) w[i] = a[i][kFeatures] / a[i][i];
  return w;
}

class RidgeFormTest : public testing::TestWithParam<RidgeForm> {
 protected:
  HeadSpec Head() const {
    return Ridge({.inputs = {"row"}, .form = GetParam(), .lambda = 2, .solve_every = 20});
  }
};

TEST_P(RidgeFormTest, AgreesWithADirectSolve) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run, PlanRun::Create(BrainOf(Head())));
  const std::vector<Sample> samples = Samples(100);
  LearnAll(run.get(), samples);
  const std::vector<float> mean = Predict(run.get(), samples[3]);
  for (std::size_t o = 0; o < 2; ++o) {
    const Doubles w = SolveDirectly(samples, o, 2);
    const double expected = std::inner_product(w.begin(), w.end(), samples[3].x.begin(), 0.0);
    EXPECT_NEAR(mean[o], expected, 1e-3);
  }
}

TEST_P(RidgeFormTest, DoesNotDependOnTheOrderOfTasks) {
  std::vector<Sample> samples = Samples(100);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> as_they_come,
                       PlanRun::Create(BrainOf(Head())));
  LearnAll(as_they_come.get(), samples);
  // One half of the space first, then the other: two tasks in a row.
  std::stable_sort(samples.begin(), samples.end(),
                   [](const Sample& a, const Sample& b) { return a.x[0] < b.x[0]; });
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> in_tasks, PlanRun::Create(BrainOf(Head())));
  LearnAll(in_tasks.get(), samples);
  for (std::size_t i = 0; i < 10; ++i) {
    const std::vector<float> a = Predict(as_they_come.get(), samples[i]);
    const std::vector<float> b = Predict(in_tasks.get(), samples[i]);
    for (std::size_t o = 0; o < 2; ++o) EXPECT_NEAR(a[o], b[o], 1e-3);
  }
}

TEST_P(RidgeFormTest, AllocatesNothing) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run, PlanRun::Create(BrainOf(Head())));
  const std::vector<Sample> samples = Samples(50);
  const std::vector<Value> values = ValuesOf(samples[0]);
  LearnAll(run.get(), samples);
  test::NoAllocScope scope;
  for (int t = 0; t < 40; ++t) {
    run->Forward(values);
    run->Learn(values, {.reals = samples[0].y});
  }
  EXPECT_EQ(scope.count(), 0);
}

INSTANTIATE_TEST_SUITE_P(Forms, RidgeFormTest,
                         testing::Values(RidgeForm::kCovariance, RidgeForm::kInformation));

TEST(RidgeHeadTest, LearnsWhatIsLeftOfTheReference) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run,
                       PlanRun::Create(BrainOf(Ridge({.inputs = {"row"}, .reference = "last"}))));
  std::vector<Sample> samples = Samples(3);
  const std::vector<float> last = {100, -50};
  std::vector<Value> values = ValuesOf(samples[0]);
  values[1] = {.present = true, .reals = last};
  std::vector<float> mean(2);
  Prediction prediction;
  prediction.mean = mean;
  run->Forward(values);
  run->Predict(Want::Kind::kReals, &prediction);
  EXPECT_EQ(mean[0], 100);
  EXPECT_EQ(mean[1], -50);
  const std::vector<float> target = {101, NAN};
  EXPECT_NEAR(run->Learn(values, {.reals = target}), 1, 1e-5);
  run->Predict(Want::Kind::kReals, &prediction);
  EXPECT_GT(mean[0], 100.5F);
  EXPECT_EQ(mean[1], -50);  // A target that is missing teaches nothing.
}

// One output's recursive least squares with forgetting, as the header has it.
struct TextbookRls {
  TextbookRls(double lambda, double forget_by)
      : forget(forget_by), s(kFeatures), p(kFeatures, Doubles(kFeatures)) {
    for (std::size_t i = 0; i < kFeatures; ++i) p[i][i] = 1 / lambda;
  }
  double Mean(const std::vector<float>& x) const {
    return std::inner_product(s.begin(), s.end(), x.begin(), 0.0);
  }
  void Learn(const std::vector<float>& x, double y) {
    Doubles k(kFeatures);
    double d = forget;
    double trace = 0;
    for (std::size_t i = 0; i < kFeatures; ++i) {
      k[i] = std::inner_product(x.begin(), x.end(), p[i].begin(), 0.0);
      d += k[i] * x[i];
      trace += p[i][i];
    }
    const bool forgets = trace < kFeatures;
    forgot += forgets ? 1 : 0;
    const double residual = y - Mean(x);
    for (std::size_t i = 0; i < kFeatures; ++i) {
      s[i] += k[i] * residual / d;
      for (std::size_t j = 0; j < kFeatures; ++j) {
        p[i][j] = (p[i][j] - k[i] * k[j] / d) / (forgets ? forget : 1);
      }
    }
  }
  double forget;
  Doubles s;
  std::vector<Doubles> p;
  int forgot = 0;
};

TEST(RidgeHeadTest, ForgetsAsTheTextbookDoesWhilePIsSmall) {
  const RidgeHeadSpec ridge = {.inputs = {"row"}, .lambda = 0.5F, .forget = 0.8F};
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(BrainOf(Ridge(ridge))));
  std::vector<TextbookRls> textbook(2, TextbookRls(0.5, 0.8F));
  std::vector<Sample> samples = Samples(120);
  for (std::size_t t = 30; t < 90; ++t) samples[t].x[2] = 0;  // Not excited: P grows there.
  for (const Sample& sample : samples) {
    const std::vector<float> mean = Predict(run.get(), sample);
    for (std::size_t o = 0; o < 2; ++o) {
      EXPECT_NEAR(mean[o], textbook[o].Mean(sample.x), 1e-3);
      textbook[o].Learn(sample.x, sample.y[o]);
    }
    run->Learn(ValuesOf(sample), {.reals = sample.y});
  }
  EXPECT_GT(textbook[0].forgot, 30);
  EXPECT_LT(textbook[0].forgot, 110);
}

// Of one output, as the header has it.
struct TextbookTrust {
  double trust() const { return right > 0 ? std::min(right / said, 1.0) : 0.0; }
  void Learn(double d, double y) {
    right = (1 - 1 / over) * right + d * y;
    said = (1 - 1 / over) * said + d * d;
  }
  double over;
  double right = 0;
  double said = 0;
};

TEST(RidgeHeadTest, SaysOnlyWhatHasProvedRight) {
  const RidgeHeadSpec plain = {.inputs = {"row"}};
  RidgeHeadSpec proving = plain;
  proving.prove_over = 5;
  ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(BrainOf(Ridge(plain))));
  ASSERT_OK_AND_ASSIGN(const auto proving_run, PlanRun::Create(BrainOf(Ridge(proving))));
  std::vector<TextbookTrust> trust(2, {.over = 5});
  std::vector<Sample> samples = Samples(60);
  Rng rng(3);
  for (std::size_t t = 20; t < 40; ++t) samples[t].y[1] = 9 * rng.Normal();  // Nothing to learn.
  samples[50].y[0] = NAN;
  for (const Sample& sample : samples) {
    const std::vector<float> all = Predict(run.get(), sample);
    const std::vector<float> proved = Predict(proving_run.get(), sample);
    double loss = 0;
    for (std::size_t o = 0; o < 2; ++o) {
      const double served = trust[o].trust() * all[o];
      EXPECT_NEAR(proved[o], served, 1e-4 * (1 + std::abs(all[o])));
      if (std::isnan(sample.y[o])) continue;
      loss += (sample.y[o] - served) * (sample.y[o] - served);
      trust[o].Learn(all[o], sample.y[o]);
    }
    run->Learn(ValuesOf(sample), {.reals = sample.y});
    EXPECT_NEAR(proving_run->Learn(ValuesOf(sample), {.reals = sample.y}), loss, 1e-3 * (1 + loss));
  }
}

TEST(RidgeHeadTest, TrustOutlivesAnAbsurdTarget) {
  ASSERT_OK_AND_ASSIGN(const auto run,
                       PlanRun::Create(BrainOf(Ridge({.inputs = {"row"}, .prove_over = 50}))));
  std::vector<Sample> samples = Samples(400);
  samples[100].y[0] = 3e38F;
  LearnAll(run.get(), samples);
  EXPECT_TRUE(std::isfinite(Predict(run.get(), samples[0])[0]));
}

TEST(RidgeHeadTest, KeepsAReadoutPerRegion) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run,
                       PlanRun::Create(BrainOf(Ridge({.area = "places", .lambda = 0.01F}))));
  std::vector<Sample> samples(2);
  samples[0] = {{1, 1, 1, 1, 1, 1}, {1, 0}};
  samples[1] = {{-1, -1, -1, -1, -1, -1}, {1, 5}};
  // The second sample's first visit founds its region, and is learned by the first one's.
  for (int t = 0; t < 200; ++t) LearnAll(run.get(), samples);
  // One linear map could not say 1 on both sides of the origin.
  for (const Sample& sample : samples) {
    const std::vector<float> mean = Predict(run.get(), sample);
    EXPECT_NEAR(mean[0], sample.y[0], 0.02);
    EXPECT_NEAR(mean[1], sample.y[1], 0.05);
  }
}

// A sample's two regions, by the temperature of their gates; returns how many learned it.
int ExpectLearnedByWeight(float temperature) {
  BrainSpec brain = BrainOf(Ridge({.area = "places", .lambda = 2, .weigh_by_gate = true}));
  brain.areas[0].woken = 2;
  brain.areas[0].router =
      AnchorRouterSpec{.threshold = 1, .temperature = temperature, .settle_after = 2};
  const std::unique_ptr<PlanRun> run = *PlanRun::Create(brain);
  for (const float sign : {1.0F, -1.0F}) {
    const std::vector<float> anchor = {1, 1, 1, sign, sign, sign};
    std::optional<Commit> commit = run->Begin();
    run->plan().areas()[0].router->Learn(anchor, {}, {}, &*commit);
  }
  const Sample sample = {{1, 1, 1, 0.5F, 0.4F, 0.3F}, {3, -1}};
  const AreaActivity& area = run->activity().areas[0];
  run->Forward(ValuesOf(sample));
  run->Learn(ValuesOf(sample), {.reals = sample.y});
  // One sample of weight w from P = I / lambda: S phi = y |phi|^2 / (lambda / w + |phi|^2).
  double share = 0.0;
  int learned = 0;
  EXPECT_GT(area.woken[0].gate, 0.6F);
  for (std::size_t k = 0; k < area.woken.size(); ++k) {
    if (2 * area.woken[k].gate < 0.25F) continue;
    ++learned;
    const std::span<const float> phi = area.outputs.subspan(3 * k, 3);
    const double squares = std::inner_product(phi.begin(), phi.end(), phi.begin(), 0.0);
    const double gate = area.woken[k].gate;
    share += gate * squares / (2 / (2 * gate) + squares);
  }
  const std::vector<float> mean = Predict(run.get(), sample);
  EXPECT_NEAR(mean[0], 3 * share, 1e-5);
  EXPECT_NEAR(mean[1], -share, 1e-5);
  return learned;
}

TEST(RidgeHeadTest, WeighsASampleByItsGateIfAsked) { EXPECT_EQ(ExpectLearnedByWeight(0.5F), 2); }

TEST(RidgeHeadTest, PassesByASampleThatCountsLittle) { EXPECT_EQ(ExpectLearnedByWeight(0.1F), 1); }

TEST(RidgeHeadTest, TellsClassesApart) {
  HeadSpec head = {.name = "head", .classes = 3, .kind = RidgeHeadSpec{.inputs = {"row"}}};
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run, PlanRun::Create(BrainOf(head)));
  Rng rng(1);
  std::vector<float> distribution(3);
  Prediction prediction = {.distribution = distribution};
  int right = 0;
  for (int t = 0; t < 300; ++t) {
    const auto label = static_cast<uint32_t>(rng.Below(3));
    Sample sample = {std::vector<float>(kFeatures), {}};
    for (float& value : sample.x) value = 0.2F * rng.Normal();
    sample.x[label] += 1;
    run->Forward(ValuesOf(sample));
    run->Predict(Want::Kind::kDistribution, &prediction);
    if (t >= 100) right += prediction.best == label ? 1 : 0;
    EXPECT_NEAR(std::accumulate(distribution.begin(), distribution.end(), 0.0), 1, 1e-5);
    run->Learn(ValuesOf(sample), {.symbol = label});
  }
  EXPECT_GT(right, 190);
}

TEST(RidgeHeadTest, RefusesWhatIsOutsideItsRange) {
  const auto refuses = [](const RidgeHeadSpec& ridge, const char* message) {
    EXPECT_THAT(Plan::Create(BrainOf(Ridge(ridge))),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses({}, "inputs is empty");
  refuses({.inputs = {"row"}, .lambda = 0}, "lambda must be above 0, got 0");
  refuses({.inputs = {"row"}, .forget = 1.5F}, "forget must be in (0, 1], got 1.5");
  refuses({.inputs = {"row"}, .form = RidgeForm::kInformation, .forget = 0.9F}, "forget = 1");
  refuses({.inputs = {"row"}, .prove_over = 1000001}, "prove_over must be at most 1000000");
  refuses({.area = "row"}, "\"row\" is not an area");
  refuses({.inputs = {"row"}, .reference = "places"}, "\"places\" is not an encoder");
}

}  // namespace
}  // namespace gyrus
