// SPDX-License-Identifier: Apache-2.0
// The series preset end to end: bound, run, saved and gone on with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/binding.h"
#include "runtime/presets.h"
#include "runtime/runtime.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::StatusIs;

std::unique_ptr<Runtime> MakeSeries(const std::string& target) {
  InputSchema input;
  input.kind = InputSchema::Kind::kTable;
  input.columns = {{.name = "noise"}, {.name = "walk"}};
  input.target = target;
  auto spec = Bind(*Preset("series"), input);
  EXPECT_THAT(spec, IsOk());
  auto runtime = Runtime::Create(*spec, {});
  EXPECT_THAT(runtime, IsOk());
  return *std::move(runtime);
}

// A walk of steps of 1, up or down, and noise that says nothing about it.
struct Walk {
  std::vector<float> walk = {1000.0F};
  std::vector<float> noise = {0.0F};

  explicit Walk(int steps) {
    uint32_t random = 12345;
    for (int i = 1; i < steps; ++i) {
      random = random * 1664525U + 1013904223U;
      walk.push_back(walk.back() + ((random >> 31) != 0 ? 1.0F : -1.0F));
      noise.push_back(static_cast<float>((random >> 16) & 255U));
    }
  }
};

// Predicts the walk from the noise and the walk so far; the mean squared residual.
double Follow(Session* session, const Walk& walk, std::size_t from, std::size_t to) {
  double sum = 0;
  for (std::size_t t = from; t < to; ++t) {
    float mean = 0;
    float variance = 0;
    Prediction prediction;
    prediction.mean = {&mean, 1};
    prediction.variance = {&variance, 1};
    const std::vector<Value> values = {{.present = true, .reals = {&walk.noise[t], 1}}, {}};
    const auto step = session->Step({.values = values}, {.kind = Want::Kind::kReals}, &prediction);
    EXPECT_THAT(step, IsOk());
    if (!step.ok()) return 0;
    const Target target{.reals = {&walk.walk[t], 1}};
    const bool learns = session->mode() == Mode::kInline;
    EXPECT_THAT(learns ? session->Learn(*step, target) : session->Know(target), IsOk());
    sum += (mean - walk.walk[t]) * (mean - walk.walk[t]);
  }
  return sum / static_cast<double>(to - from);
}

TEST(SeriesTest, StaysNearTheLastKnownTarget) {
  const Walk walk(600);
  const auto runtime = MakeSeries("walk");
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  Follow(session.get(), walk, 0, 400);

  // 1 is what the last known target alone reaches, and nothing can do better.
  EXPECT_LT(Follow(session.get(), walk, 400, 600), 2.0);
}

TEST(SeriesTest, SavesTheLastKnownTarget) {
  const Walk walk(120);
  const auto straight = MakeSeries("walk");
  const auto stopped = MakeSeries("walk");
  ASSERT_OK_AND_ASSIGN(const auto one, straight->OpenSession({}));
  ASSERT_OK_AND_ASSIGN(const auto before, stopped->OpenSession({}));
  Follow(one.get(), walk, 0, 60);
  Follow(before.get(), walk, 0, 60);
  ASSERT_OK_AND_ASSIGN(const auto other,
                       stopped->OpenSession({.name = "other", .position = before->Save()}));

  EXPECT_EQ(Follow(one.get(), walk, 60, 120), Follow(other.get(), walk, 60, 120));
}

TEST(SeriesTest, FrozenStaysNearTheLastKnownTarget) {
  const Walk walk(600);
  const auto runtime = MakeSeries("walk");
  ASSERT_OK_AND_ASSIGN(const auto learner, runtime->OpenSession({}));
  Follow(learner.get(), walk, 0, 400);
  ASSERT_OK_AND_ASSIGN(
      const auto frozen,
      runtime->OpenSession({.name = "frozen", .mode = Mode::kFrozen, .position = learner->Save()}));

  EXPECT_LT(Follow(frozen.get(), walk, 400, 500), 2.0);
  ASSERT_OK_AND_ASSIGN(
      const auto other,
      runtime->OpenSession({.name = "other", .mode = Mode::kFrozen, .position = frozen->Save()}));
  EXPECT_EQ(Follow(frozen.get(), walk, 500, 600), Follow(other.get(), walk, 500, 600));
}

TEST(SeriesTest, RefusesToKnowWhatIsNoTarget) {
  const auto runtime = MakeSeries("walk");
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({.mode = Mode::kFrozen}));
  const std::vector<float> two = {1.0F, 2.0F};
  const float nan = std::nanf("");

  EXPECT_THAT(session->Know({.reals = two}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(session->Know({.reals = {&nan, 1}}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SeriesTest, PredictsTheNextRowWithoutATarget) {
  const Walk walk(400);
  const auto runtime = MakeSeries("");
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  std::vector<float> mean(2);
  std::vector<float> variance(2);
  Prediction prediction;
  prediction.mean = mean;
  prediction.variance = variance;
  double sum = 0;
  for (std::size_t t = 0; t + 1 < walk.walk.size(); ++t) {
    const std::vector<float> row = {walk.noise[t], walk.walk[t]};
    const Value value = {.present = true, .reals = row};
    ASSERT_THAT(session->Step({.values = {&value, 1}}, {.kind = Want::Kind::kReals}, &prediction),
                IsOk());
    const double residual = mean[1] - walk.walk[t + 1];
    if (t >= 300) sum += residual * residual;
  }

  EXPECT_LT(sum / 99, 2.0);
}

TEST(SeriesTest, AGapIsNoTarget) {
  const Walk walk(60);
  const auto runtime = MakeSeries("");
  ASSERT_OK_AND_ASSIGN(const auto session, runtime->OpenSession({}));
  const auto step = [&](float noise, float value) {
    const std::vector<float> row = {noise, value};
    const Value observed = {.present = true, .reals = row};
    return session->Step({.values = {&observed, 1}});
  };
  for (std::size_t t = 0; t < 60; ++t) {
    const bool gap = t == 30;
    ASSERT_THAT(step(walk.noise[t], gap ? std::nanf("") : walk.walk[t]), IsOk());
  }
  EXPECT_THAT(step(0, INFINITY), StatusIs(absl::StatusCode::kInvalidArgument));

  EXPECT_EQ(session->steps(), 60U);
  EXPECT_EQ(session->learner()->counts().learned, 58U);
  EXPECT_EQ(session->learner()->counts().unlabelled, 1U);
}

}  // namespace
}  // namespace gyrus
