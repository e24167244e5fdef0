// SPDX-License-Identifier: Apache-2.0
#include "activation/encoders/reals.h"

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "activation/brain_spec.h"
#include "core/rng.h"
#include "tests/support/no_alloc.h"
#include "tests/support/plan_run.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::PlanRun;
using test::StatusIs;
using testing::HasSubstr;

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

BrainSpec BrainOf(const RealsEncoderSpec& reals, uint32_t size) {
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = size},
                     {.name = "bit", .kind = ModalityKind::kSymbol, .size = 2}};
  spec.encoders = {{"row", "row", reals}, {"bit", "bit", CategoryEncoderSpec{}}};
  MixingHeadSpec mixing;
  mixing.experts = {{"repeat", RepeatExpertSpec{"bit"}}};
  mixing.sets = {{{"node"}}};
  spec.heads = {{.name = "class", .classes = 2, .kind = mixing}};
  return spec;
}

std::vector<Value> Row(const std::vector<float>& reals) {
  return {{.present = true, .reals = reals}, {}};
}

// Statistics over everything learned, from scratch, in double.
struct Moments {
  double mean = 0;
  double deviation = 0;
};
Moments MomentsOf(const std::vector<std::vector<float>>& rows, std::size_t j) {
  double sum = 0;
  double squares = 0;
  double n = 0;
  for (const auto& row : rows) {
    if (std::isnan(row[j])) continue;
    sum += row[j];
    squares += static_cast<double>(row[j]) * row[j];
    n += 1;
  }
  const double mean = sum / n;
  return {mean, std::sqrt(squares / n - mean * mean) + 1e-6};
}

TEST(RealsEncoderTest, StandardisesByEverythingLearned) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<PlanRun> run,
      PlanRun::Create(BrainOf(
          {.settle_after = 0, .rate = 0, .clip = 4, .missing_indicators = true, .constant = true},
          2)));
  Rng rng(1);
  std::vector<std::vector<float>> learned;
  for (int t = 0; t < 200; ++t) {
    const std::vector<float> row = {100 + rng.Normal(), t % 3 == 0 ? kMissing : rng.Normal()};
    run->Forward(Row(row));
    const std::span<const float> x = run->activity().encodings[0].vector;
    ASSERT_EQ(x.size(), 5U);
    for (std::size_t j = 0; t > 10 && j < 2; ++j) {
      const Moments m = MomentsOf(learned, j);
      const double z = std::isnan(row[j]) ? 0 : (row[j] - m.mean) / m.deviation;
      ASSERT_NEAR(x[j], std::clamp(z, -4.0, 4.0), 1e-3);
    }
    ASSERT_EQ(x[2], 0.0F);
    ASSERT_EQ(x[3], t % 3 == 0 ? 1.0F : 0.0F);
    ASSERT_EQ(x[4], 1.0F);
    run->Learn(Row(row), {.symbol = 0});
    learned.push_back(row);
  }
}

TEST(RealsEncoderTest, IsZeroUntilTwoValuesAreLearned) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run,
                       PlanRun::Create(BrainOf({.trails = {2}}, 1)));
  for (const float v : {5.0F, 7.0F}) {
    run->Forward(Row({v}));
    EXPECT_EQ(run->activity().encodings[0].vector[0], 0.0F);
    EXPECT_EQ(run->activity().encodings[0].vector[1], 0.0F);
    run->Learn(Row({v}), {});
  }
  run->Forward(Row({8.0F}));
  EXPECT_NEAR(run->activity().encodings[0].vector[0], 2.0F, 1e-5F);
}

TEST(RealsEncoderTest, SettlesAndThenWritesNothing) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run,
                       PlanRun::Create(BrainOf({.settle_after = 3}, 1)));
  for (const float v : {1.0F, 2.0F, 3.0F, 100.0F}) run->Learn(Row({v}), {});
  run->Forward(Row({2.0F}));
  EXPECT_NEAR(run->activity().encodings[0].vector[0], 0.0F, 1e-6F);
}

TEST(RealsEncoderTest, TrailsAndLagsFollowTheSessionNotTheLearner) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<PlanRun> run,
      PlanRun::Create(
          BrainOf({.settle_after = 2, .clip = 1e6, .values = false, .lags = 2, .trails = {4}}, 1)));
  run->Learn(Row({-1.0F}), {});
  run->Learn(Row({1.0F}), {});  // Mean 0, deviation 1.
  double e = 0;
  double n = 0;
  std::vector<float> past = {0, 0};
  for (const float v : {3.0F, -2.0F, kMissing, 5.0F, 8.0F, 1.0F, 0.5F}) {
    run->Forward(Row({v}));
    const std::span<const float> x = run->activity().encodings[0].vector;
    EXPECT_NEAR(x[0], past[0], 1e-4F);
    EXPECT_NEAR(x[1], past[1], 1e-4F);
    EXPECT_NEAR(x[2], n == 0 || std::isnan(v) ? 0 : v - e, 1e-4);
    past = {std::isnan(v) ? 0 : v, past[0]};
    if (std::isnan(v)) continue;
    n += 1;
    e += std::max(1 / n, 0.25) * (v - e);
  }
}

TEST(RealsEncoderTest, BinsFillEvenlyAndMissingHasItsOwn) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run,
                       PlanRun::Create(BrainOf({.values = false, .bins = 4}, 1)));
  Rng rng(2);
  for (int t = 0; t < 1000; ++t) run->Learn(Row({rng.Normal()}), {});
  std::vector<int> counts(5);
  for (int t = 0; t < 4000; ++t) {
    run->Forward(Row({rng.Normal()}));
    ++counts[run->activity().encodings[0].selectors[0]];
  }
  EXPECT_EQ(counts[0], 0);
  for (int bin = 1; bin <= 4; ++bin) EXPECT_NEAR(counts[bin], 1000, 150);
  run->Forward(Row({kMissing}));
  EXPECT_EQ(run->activity().encodings[0].selectors[0], 0U);
}

TEST(RealsEncoderTest, AllocatesNothing) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<PlanRun> run,
      PlanRun::Create(BrainOf({.lags = 1, .trails = {2, 32}, .constant = true, .bins = 8}, 3)));
  const std::vector<float> reals = {1, 2, kMissing};
  const std::vector<Value> row = Row(reals);
  run->Learn(row, {});
  test::NoAllocScope scope;
  run->Forward(row);
  run->Learn(row, {});
  EXPECT_EQ(scope.count(), 0);
}

TEST(RealsEncoderTest, RefusesWhatIsOutsideItsRange) {
  const auto refuses = [](const RealsEncoderSpec& spec, const char* message) {
    EXPECT_THAT(Plan::Create(BrainOf(spec, 1)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses({.rate = -1}, "rate must be in [0, 1), got -1");
  refuses({.clip = 0}, "clip must be above 0, got 0");
  refuses({.lags = 65}, "lags must be in [0, 64], got 65");
  refuses({.trails = {0.5F}}, "trails must be at least 1 step, got 0.5");
  refuses({.bins = 256}, "bins must be in [0, 255], got 256");
  refuses({.values = false}, "must make a vector or bins");
}

}  // namespace
}  // namespace gyrus
