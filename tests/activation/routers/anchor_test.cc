// SPDX-License-Identifier: Apache-2.0
#include "activation/routers/anchor.h"

#include "tests/activation/routers/router_fixture.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::RandomVector;
using test::RoutedArea;
using test::StatusIs;
using testing::HasSubstr;

AreaSpec AreaOf(uint32_t regions, uint32_t woken, const AnchorRouterSpec& router) {
  AreaSpec area = {.name = "area", .regions = regions, .woken = woken};
  area.router = router;
  return area;
}

TEST(AnchorRouterTest, FoundsWhereNothingIsNear) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area,
                       RoutedArea::Create(AreaOf(4, 4, {.threshold = 0.9F}), 2));
  const std::vector<std::vector<float>> inputs = {{1, 0}, {2, 0.1F}, {0, 3}, {0.1F, 5}, {-1, 0}};
  const std::vector<std::size_t> founded_after = {1, 1, 2, 2, 3};
  for (std::size_t t = 0; t < inputs.size(); ++t) {
    area->Learn(inputs[t], area->Route(inputs[t]));
    EXPECT_EQ(area->Route(inputs[t]).size(), founded_after[t]) << t;
  }
}

TEST(AnchorRouterTest, StepsRoutedBeforeAnyWasLearnedFoundOnce) {
  for (const uint32_t regions : {8U, 100U}) {  // Compared all, and in a tree.
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area,
                         RoutedArea::Create(AreaOf(regions, 4, {.threshold = 0.9F}), 2));
    area->Learn(std::vector<float>{0, 1}, {});
    const std::vector<float> x = {1, 0};
    const std::span<const Woken> routed = area->Route(x);
    const std::vector<Woken> woken(routed.begin(), routed.end());
    for (int step = 0; step < 3; ++step) area->Learn(x, woken);  // A chunk of three.
    EXPECT_EQ(area->Route(x).size(), 2U) << regions;
  }
}

TEST(AnchorRouterTest, FoundsByChanceUntilNoRegionIsLeft) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<RoutedArea> area,
      RoutedArea::Create(AreaOf(40, 40, {.threshold = 1, .chance = 0.1F, .settle_after = 0}), 3));
  Rng rng(1);
  int inputs = 0;
  std::size_t after_100 = 0;
  while (inputs < 2000) {
    const std::vector<float> x = RandomVector(3, &rng);
    area->Learn(x, area->Route(x));
    if (++inputs == 100) after_100 = area->Route(x).size();
  }
  EXPECT_NEAR(static_cast<double>(after_100), 10, 8);
  EXPECT_EQ(area->Route(RandomVector(3, &rng)).size(), 40U);
}

TEST(AnchorRouterTest, FoundsEveryRegionInTimeIfTheThresholdRises) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<RoutedArea> area,
      RoutedArea::Create(AreaOf(8, 8, {.threshold = 0.5F, .rising = true, .settle_after = 50}), 2));
  std::size_t half_way = 0;
  for (int t = 0; t < 50; ++t) {
    const std::vector<float> x = {1.0F, 0.001F * static_cast<float>(t)};  // Hardly unlike.
    area->Learn(x, area->Route(x));
    if (t == 25) half_way = area->Route(x).size();
  }
  EXPECT_EQ(half_way, 1U);
  EXPECT_EQ(area->Route(std::vector<float>{1.0F, 0.0F}).size(), 2U);
}

TEST(AnchorRouterTest, SettlesAfterItsInputs) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area,
                       RoutedArea::Create(AreaOf(40, 40, {.threshold = 1, .settle_after = 5}), 3));
  Rng rng(1);
  for (int t = 0; t < 20; ++t) area->Learn(RandomVector(3, &rng), {});
  EXPECT_EQ(area->Route(RandomVector(3, &rng)).size(), 5U);
}

TEST(AnchorRouterTest, WakesTheNearestAndTheAlwaysOnWithGatesThatSumToOne) {
  AreaSpec spec = AreaOf(21, 5, {.threshold = 1, .temperature = 0.2F});
  spec.always_on = 2;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area, RoutedArea::Create(spec, 4));
  Rng rng(3);
  std::vector<std::vector<float>> anchors;
  for (int a = 0; a < 19; ++a) {
    anchors.push_back(RandomVector(4, &rng));
    area->Learn(anchors.back(), {});
  }
  const std::vector<float> x = RandomVector(4, &rng);
  std::vector<std::pair<double, uint32_t>> expected;
  for (uint32_t a = 0; a < 19; ++a) expected.push_back({-test::Cosine(anchors[a], x), a + 2});
  std::sort(expected.begin(), expected.end());
  const std::span<const Woken> woken = area->Route(x);
  ASSERT_EQ(woken.size(), 5U);
  double sum = 0;
  for (std::size_t i = 0; i < 3; ++i) sum += std::exp(-expected[i].first / 0.2);
  EXPECT_EQ(woken[0].region, 0U);
  EXPECT_EQ(woken[1].region, 1U);
  EXPECT_NEAR(woken[0].gate, 0.2, 1e-6);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(woken[i + 2].region, expected[i].second);
    EXPECT_NEAR(woken[i + 2].gate, 0.6 * std::exp(-expected[i].first / 0.2) / sum, 1e-5);
  }
}

TEST(AnchorRouterTest, WakesTheNearestOfManyInATreeOnceSettledForGood) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<RoutedArea> area,
      RoutedArea::Create(AreaOf(2000, 4, {.threshold = 0.98F, .settle_after = 1000}), 4));
  Rng rng(5);
  std::vector<std::vector<float>> anchors;
  for (int t = 0; t < 1000; ++t) {
    const std::vector<float> x = RandomVector(4, &rng);
    const std::size_t woken = area->Route(x).size();
    const bool near = woken > 0 && test::Cosine(anchors[area->Route(x)[0].region], x) >= 0.98;
    area->Learn(x, area->Route(x));
    if (!near) anchors.push_back(x);
  }
  ASSERT_GT(anchors.size(), 200U);
  ASSERT_LT(anchors.size(), 900U);
  int nearest = 0;
  for (int q = 0; q < 100; ++q) {
    const std::vector<float> x = RandomVector(4, &rng);
    const std::span<const Woken> now = area->Route(x);
    const std::vector<Woken> before(now.begin(), now.end());
    ASSERT_EQ(before.size(), 4U);
    double best = -1;
    for (const std::vector<float>& a : anchors) best = std::max(best, test::Cosine(a, x));
    nearest += test::Cosine(anchors[before[0].region], x) > best - 1e-6 ? 1 : 0;
    area->Learn(RandomVector(4, &rng), {});
    const std::span<const Woken> after = area->Route(x);
    for (std::size_t i = 0; i < 4; ++i) {
      EXPECT_EQ(after[i].region, before[i].region);
      EXPECT_EQ(after[i].gate, before[i].gate);
    }
  }
  EXPECT_GE(nearest, 90);
}

TEST(AnchorRouterTest, IgnoresAnInputOfZeros) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area,
                       RoutedArea::Create(AreaOf(4, 4, {.threshold = 1}), 2));
  area->Learn(std::vector<float>{0, 0}, {});
  EXPECT_TRUE(area->Route(std::vector<float>{0, 0}).empty());
}

TEST(AnchorRouterTest, AllocatesNothing) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area,
                       RoutedArea::Create(AreaOf(300, 4, {.threshold = 1}), 3));
  Rng rng(1);
  const std::vector<float> x = RandomVector(3, &rng);
  area->Learn(x, area->Route(x));
  test::NoAllocScope scope;
  for (int t = 0; t < 100; ++t) area->Learn(x, area->Route(x));
  EXPECT_EQ(scope.count(), 0);
}

TEST(AnchorRouterTest, RefusesWhatIsOutsideItsRange) {
  const auto refuses = [](const AnchorRouterSpec& router, const char* message) {
    EXPECT_THAT(RoutedArea::Create(AreaOf(4, 2, router), 2),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses({.threshold = -1}, "threshold must be in (-1, 1], got -1");
  refuses({.chance = 0}, "chance must be in (0, 1], got 0");
  refuses({.temperature = -1}, "temperature must be at least 0, got -1");
  AreaSpec fixed = AreaOf(4, 2, {});
  fixed.always_on = 2;
  EXPECT_THAT(RoutedArea::Create(fixed, 2),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("woken above always_on = 2")));
}

}  // namespace
}  // namespace gyrus
