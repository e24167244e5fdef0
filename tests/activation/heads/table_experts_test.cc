// SPDX-License-Identifier: Apache-2.0
// The experts of a table and the mixing head over them, against a double-precision brain written
// out plainly.
#include <cmath>
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

BrainSpec BrainOf(std::vector<ExpertSpec> experts, uint32_t classes) {
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = 3},
                     {.name = "label", .kind = ModalityKind::kSymbol, .size = classes}};
  spec.encoders = {{"row", "row", HeldEncoderSpec{}}, {"label", "label", CategoryEncoderSpec{}}};
  AreaSpec places = {.name = "places", .inputs = {"row"}, .outputs = 1, .regions = 4, .woken = 2};
  places.router = AnchorRouterSpec{.threshold = 1, .temperature = 0};
  places.cell = SubsetCellSpec{};
  spec.areas = {places};
  MixingHeadSpec mixing;
  mixing.experts = std::move(experts);
  mixing.sets = {{{"node"}}};
  spec.heads = {{.name = "class", .classes = classes, .kind = mixing}};
  return spec;
}

std::vector<float> Weights(PlanRun* run, const char* table, uint32_t block) {
  const auto& tables = run->plan().tables();
  for (uint32_t t = 0; t < tables.size(); ++t) {
    if (tables[t].spec.name != table) continue;
    const float* const w = run->store().Draft().table(t).As<float>(block);
    return {w, w + 3};
  }
  ADD_FAILURE() << "no table " << table;
  return {};
}

TEST(ReadoutExpertTest, LearnsAsItsFormulaSays) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<PlanRun> run,
      PlanRun::Create(
          BrainOf({{"dense", ReadoutExpertSpec{.inputs = {"row"}, .rate = 0.3F}},
                   {"normal",
                    ReadoutExpertSpec{
                        .inputs = {"row"}, .rate = 0.3F, .normalise = true, .calibrate = true}}},
                  2)));
  Rng rng(1);
  std::vector<double> dense(3);
  std::vector<double> normal(3);
  const auto learn = [](std::vector<double>* w, const std::vector<float>& x, double step,
                        double bit) {
    double z = 0;
    for (int j = 0; j < 3; ++j) z += (*w)[j] * x[j];
    z = std::clamp(z, -8.0, 8.0);
    for (int j = 0; j < 3; ++j) (*w)[j] += step * (bit - 1 / (1 + std::exp(-z))) * x[j];
  };
  for (int t = 0; t < 50; ++t) {
    const std::vector<float> x = {rng.Normal(), 3 * rng.Normal(), 1};
    const uint32_t label = t == 0 ? 0 : t == 1 ? 1 : x[0] + x[1] > 0;
    const std::vector<Value> values = {{.present = true, .reals = x}, {}};
    run->Forward(values);
    run->Learn(values, {.symbol = label});
    if (t == 0) continue;  // One class alone is nothing to tell apart.
    double squares = 0;
    for (const float v : x) squares += static_cast<double>(v) * v;
    learn(&dense, x, 0.3 / std::max(1.0, 0.25 * 0.3 * squares), label);
    learn(&normal, x, 0.3 / (1 + squares / 3), label);
  }
  for (int j = 0; j < 3; ++j) {
    EXPECT_NEAR(Weights(run.get(), "dense.weights", 1)[j], dense[j], 1e-4);
    EXPECT_NEAR(Weights(run.get(), "normal.weights", 1)[j], normal[j], 1e-4);
  }
}

TEST(ReadoutExpertTest, LearnsOnlyTheWokenRegions) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<PlanRun> run,
      PlanRun::Create(
          BrainOf({{"regional", ReadoutExpertSpec{.inputs = {"row"}, .regions = "places"}}}, 2)));
  const std::vector<std::vector<float>> rows = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {-1, 0, 0}};
  std::vector<Value> values(2);
  for (const auto& row : rows) {  // Founds the regions; one class only.
    values[0] = {.present = true, .reals = row};
    run->Forward(values);
    run->Learn(values, {.symbol = 0});
  }
  const std::vector<float> x = {1, 0.5F, 0};
  values[0].reals = x;
  run->Forward(values);
  run->Learn(values, {.symbol = 1});
  for (const uint32_t region : {0U, 1U}) {
    EXPECT_NEAR(Weights(run.get(), "regional.weights", region * 2 + 1)[0], 0.01, 1e-6) << region;
  }
  for (const uint32_t region : {2U, 3U}) {
    EXPECT_EQ(Weights(run.get(), "regional.weights", region * 2 + 1)[0], 0) << region;
  }
}

TEST(ReadoutExpertTest, RefusesWhatIsNotThere) {
  const auto refuses = [](const ReadoutExpertSpec& readout, const char* message) {
    EXPECT_THAT(Plan::Create(BrainOf({{"readout", readout}}, 2)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses({.inputs = {}}, "inputs is empty");
  refuses({.inputs = {"rwo"}}, "\"rwo\"");
  refuses({.inputs = {"row"}, .regions = "row"}, "\"row\" is not an area");
  refuses({.inputs = {"row"}, .rate = 0}, "rate must be in (0, 10], got 0");
}

TEST(RepeatExpertTest, LearnsHowLongLabelsStand) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run,
                       PlanRun::Create(BrainOf({{"repeat", RepeatExpertSpec{"label"}}}, 2)));
  // Labels stand for exactly three steps.
  const std::vector<float> row = {0, 0, 0};
  std::vector<Value> values = {{.present = true, .reals = row}, {}};
  std::vector<float> distribution(2);
  Prediction prediction = {.distribution = distribution};
  for (int t = 0; t < 3000; ++t) {
    const uint32_t label = t / 3 % 2;
    run->Forward(values);
    run->Predict(Want::Kind::kDistribution, &prediction);
    if (t > 2000) {
      ASSERT_EQ(prediction.best, label) << t;
      ASSERT_GT(prediction.best_probability, 0.9F) << t;
    }
    run->Learn(values, {.symbol = label});
    values[1] = {.present = true, .symbol = label};
  }
}

TEST(MixingHeadTest, KeepsRoomForClassesNeverSeen) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run,
                       PlanRun::Create(BrainOf({{"repeat", RepeatExpertSpec{"label"}}}, 40)));
  const std::vector<float> row = {0, 0, 0};
  std::vector<Value> values = {{.present = true, .reals = row}, {}};
  std::vector<float> distribution(40);
  Prediction prediction = {.distribution = distribution};
  const auto predict = [&] {
    run->Forward(values);
    run->Predict(Want::Kind::kDistribution, &prediction);
    double sum = 0;
    for (const float p : distribution) sum += p;
    EXPECT_NEAR(sum, 1, 1e-5);
    Prediction best;
    run->Predict(Want::Kind::kBest, &best);
    EXPECT_EQ(best.best, prediction.best);
    EXPECT_NEAR(best.best_probability, prediction.best_probability, 1e-6);
  };
  predict();
  EXPECT_NEAR(distribution[7], 1.0 / 40, 1e-6);
  EXPECT_NEAR(run->Learn(values, {.symbol = 7}), std::log(40.0), 1e-5);
  predict();
  EXPECT_EQ(prediction.best, 7U);
  EXPECT_NEAR(distribution[7], 2.0 / 3 + 1.0 / 3 / 40, 1e-6);
  EXPECT_NEAR(distribution[8], 1.0 / 3 / 40, 1e-6);
  EXPECT_NEAR(run->Learn(values, {.symbol = 8}), std::log(120.0), 1e-5);
  predict();
  EXPECT_NEAR(distribution[7] + distribution[8], 3.0 / 4 + 2.0 / 4 / 40, 1e-6);
}

TEST(MixingHeadTest, AllocatesNothingOverTableExperts) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<PlanRun> run,
      PlanRun::Create(
          BrainOf({{"two", ReadoutExpertSpec{.inputs = {"row", "label"}, .calibrate = true}},
                   {"regional", ReadoutExpertSpec{.inputs = {"row"}, .regions = "places"}},
                   {"repeat", RepeatExpertSpec{"label"}}},
                  5)));
  const std::vector<float> row = {1, 2, 3};
  const std::vector<Value> values = {{.present = true, .reals = row},
                                     {.present = true, .symbol = 1}};
  std::vector<float> distribution(5);
  Prediction prediction = {.distribution = distribution};
  run->Forward(values);
  run->Learn(values, {.symbol = 3});
  test::NoAllocScope scope;
  for (uint32_t label = 0; label < 5; ++label) {
    run->Forward(values);
    run->Predict(Want::Kind::kDistribution, &prediction);
    run->Learn(values, {.symbol = label});
  }
  EXPECT_EQ(scope.count(), 0);
}

}  // namespace
}  // namespace gyrus
