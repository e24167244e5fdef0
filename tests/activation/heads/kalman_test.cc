// SPDX-License-Identifier: Apache-2.0
// Kalman heads against the textbook in double precision.
#include <cmath>
#include <memory>
#include <numeric>
#include <optional>
#include <vector>

#include "tests/activation/heads/least_squares_fixture.h"
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

// One output's filter, as the textbook has it.
struct TextbookKalman {
  TextbookKalman(double variance, double process, double noise)
      : s(kFeatures), p(kFeatures, Doubles(kFeatures)), q(process), r(noise) {
    for (std::size_t i = 0; i < kFeatures; ++i) p[i][i] = variance;
  }
  double Mean(const std::vector<float>& x) const {
    return std::inner_product(s.begin(), s.end(), x.begin(), 0.0);
  }
  double Variance(const std::vector<float>& x) const {
    double sum = r;
    for (std::size_t i = 0; i < kFeatures; ++i) {
      for (std::size_t j = 0; j < kFeatures; ++j) {
        sum += x[i] * (p[i][j] + (i == j ? q : 0)) * x[j];
      }
    }
    return sum;
  }
  void Learn(const std::vector<float>& x, double y) {
    for (std::size_t i = 0; i < kFeatures; ++i) p[i][i] += q;
    Doubles k(kFeatures);
    double d = r;
    for (std::size_t i = 0; i < kFeatures; ++i) {
      for (std::size_t j = 0; j < kFeatures; ++j) k[i] += p[i][j] * x[j];
      d += k[i] * x[i];
    }
    const double residual = y - Mean(x);
    for (std::size_t i = 0; i < kFeatures; ++i) {
      s[i] += k[i] * residual / d;
      for (std::size_t j = 0; j < kFeatures; ++j) p[i][j] -= k[i] * k[j] / d;
    }
  }
  Doubles s;
  std::vector<Doubles> p;
  double q;
  double r;
};

TEST(KalmanHeadTest, AgreesWithTheTextbook) {
  constexpr double kNoise = 0.5;
  const KalmanHeadSpec kalman = {.inputs = {"row"},
                                 .lambda = 0.25F,
                                 .process_noise = 0.01F,
                                 .observation_noise = kNoise,
                                 .learn_noise = false};
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run,
                       PlanRun::Create(BrainOf({.name = "head", .outputs = 2, .kind = kalman})));
  // What the head says in units of the noise, the textbook says in the target's.
  std::vector<TextbookKalman> textbook(2, TextbookKalman(4 * kNoise, 0.01 * kNoise, kNoise));
  std::vector<float> mean(2);
  std::vector<float> variance(2);
  Prediction prediction;
  prediction.mean = mean;
  prediction.variance = variance;
  for (const Sample& sample : Samples(200)) {
    run->Forward(ValuesOf(sample));
    run->Predict(Want::Kind::kReals, &prediction);
    for (std::size_t o = 0; o < 2; ++o) {
      ASSERT_NEAR(mean[o], textbook[o].Mean(sample.x), 2e-3);
      ASSERT_NEAR(variance[o] / textbook[o].Variance(sample.x), 1, 2e-3);
      textbook[o].Learn(sample.x, sample.y[o]);
    }
    run->Learn(ValuesOf(sample), {.reals = sample.y});
  }
}

TEST(KalmanHeadTest, LearnsTheNoiseAndGrowsUnsureInSleep) {
  const KalmanHeadSpec kalman = {
      .area = "places", .inputs = {"row"}, .lambda = 0.1F, .process_noise = 1e-4F};
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run,
                       PlanRun::Create(BrainOf({.name = "head", .outputs = 2, .kind = kalman})));
  Rng rng(3);
  const auto draw = [&](float side) {
    Sample sample = {std::vector<float>(kFeatures), {}};
    for (float& value : sample.x) value = side + 0.1F * rng.Normal();
    sample.y = {side + 0.5F * rng.Normal(), 2.0F * rng.Normal()};
    return sample;
  };
  std::vector<float> mean(2);
  std::vector<float> variance(2);
  Prediction prediction;
  prediction.mean = mean;
  prediction.variance = variance;
  const auto variance_at = [&](const Sample& sample) {
    run->Forward(ValuesOf(sample));
    run->Predict(Want::Kind::kReals, &prediction);
    return variance;
  };
  for (int t = 0; t < 2000; ++t) LearnAll(run.get(), {draw(1)});
  const Sample probe = draw(1);
  const std::vector<float> before = variance_at(probe);
  EXPECT_NEAR(before[0], 0.25, 0.1);
  EXPECT_NEAR(before[1], 4, 1.5);
  for (int t = 0; t < 2000; ++t) LearnAll(run.get(), {draw(-1)});  // The other region.
  EXPECT_GT(variance_at(probe)[0], 1.5F * before[0]);
}

TEST(KalmanHeadTest, ClockAndSamplesOutlive32Bits) {
  const KalmanHeadSpec kalman = {.inputs = {"row"}, .process_noise = 0.01F};
  const auto predictions = [&](uint32_t steps, uint32_t samples) {
    const auto run = *PlanRun::Create(BrainOf({.name = "head", .outputs = 2, .kind = kalman}));
    const auto& tables = run->plan().tables();
    for (uint32_t t = 0; t < tables.size(); ++t) {
      // Of the filter: when it last learned, in two elements, and how often.
      const bool filter = tables[t].spec.name == "head.filters";
      if (!filter && tables[t].spec.name != "head.clock") continue;
      std::optional<Commit> commit = run->Begin();
      auto* const count = reinterpret_cast<uint32_t*>(
          commit->Write({t, 0}) + (filter ? tables[t].spec.layout.offset(3) : 0));
      count[0] = steps;
      if (filter) count[2] = samples;
    }
    std::vector<float> all;
    std::vector<float> mean(2);
    std::vector<float> variance(2);
    Prediction prediction;
    prediction.mean = mean;
    prediction.variance = variance;
    for (const Sample& sample : Samples(40)) {
      run->Forward(ValuesOf(sample));
      run->Predict(Want::Kind::kReals, &prediction);
      all.push_back(mean[0]);
      all.push_back(variance[0]);
      run->Learn(ValuesOf(sample), {.reals = sample.y});
    }
    return all;
  };
  EXPECT_EQ(predictions(UINT32_MAX - 20, UINT32_MAX - 20), predictions(0, 1000000));
}

TEST(KalmanHeadTest, SaysSoIfItsPredictionIsNotFinite) {
  const KalmanHeadSpec kalman = {.inputs = {"row"}};
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run,
                       PlanRun::Create(BrainOf({.name = "head", .outputs = 2, .kind = kalman})));
  const Sample sample = Samples(1)[0];
  for (uint32_t t = 0; t < run->plan().tables().size(); ++t) {
    if (run->plan().tables()[t].spec.name != "head.filters") continue;
    run->Begin()->As<float>({t, 0})[0] = NAN;
  }
  run->Forward(ValuesOf(sample));
  EXPECT_TRUE(std::isnan(run->Learn(ValuesOf(sample), {.reals = sample.y})));
  const std::vector<float> gap = {NAN, NAN};
  EXPECT_EQ(run->Learn(ValuesOf(sample), {.reals = gap}), 0.0);
}

TEST(KalmanHeadTest, RefusesWhatIsBeyondAnyUseAndCountsIt) {
  const KalmanHeadSpec kalman = {.inputs = {"row"}};
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run,
                       PlanRun::Create(BrainOf({.name = "head", .outputs = 2, .kind = kalman})));
  const std::vector<Sample> samples = Samples(400);
  const auto learn = [&](const Sample& sample) {
    run->Forward(ValuesOf(sample));
    run->Learn(ValuesOf(sample), {.reals = sample.y});
  };
  const auto error = [&] {
    double sum = 0;
    for (std::size_t i = 300; i < 400; ++i) {
      const std::vector<float> mean = Predict(run.get(), samples[i]);
      for (std::size_t o = 0; o < 2; ++o) sum += std::pow(mean[o] - samples[i].y[o], 2);
    }
    return sum / 200;
  };
  for (std::size_t i = 0; i < 200; ++i) learn(samples[i]);
  const double before = error();

  Sample huge = samples[200];
  huge.x[0] = 1e20F;
  learn(huge);
  EXPECT_EQ(run->activity().refused, 1U);
  Sample far = samples[201];
  far.y[0] = INFINITY;
  learn(far);
  EXPECT_EQ(run->activity().refused, 2U);
  for (std::size_t i = 202; i < 300; ++i) learn(samples[i]);

  EXPECT_EQ(run->activity().refused, 2U);
  EXPECT_LT(error(), 1.2 * before);
}

TEST(KalmanHeadTest, RefusesWhatIsOutsideItsRange) {
  const auto refuses = [](const KalmanHeadSpec& kalman, uint32_t outputs, const char* message) {
    EXPECT_THAT(Plan::Create(BrainOf({.name = "head", .outputs = outputs, .kind = kalman})),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses({.inputs = {"row"}}, 0, "outputs in [1, 65536]");
  refuses({.inputs = {"row"}, .lambda = 0}, 1, "lambda must be above 0, got 0");
  refuses({.inputs = {"row"}, .process_noise = -1}, 1, "process_noise must be at least 0, got -1");
  refuses({.inputs = {"row"}, .observation_noise = 0}, 1, "observation_noise must be above 0");
}

}  // namespace
}  // namespace gyrus
