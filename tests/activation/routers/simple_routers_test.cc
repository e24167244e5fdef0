// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "activation/routers/all.h"
#include "activation/routers/hash.h"
#include "activation/routers/learned.h"
#include "tests/activation/routers/router_fixture.h"
#include "tests/support/gradient_check.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::RandomVector;
using test::RoutedArea;
using test::StatusIs;
using testing::HasSubstr;

template <typename RouterSpec>
AreaSpec AreaOf(uint32_t regions, uint32_t woken, const RouterSpec& router) {
  AreaSpec area = {.name = "area", .regions = regions, .woken = woken};
  area.router = router;
  return area;
}

TEST(AllRouterTest, WakesEveryRegionEqually) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area,
                       RoutedArea::Create(AreaOf(4, 4, AllRouterSpec{}), 1));
  const std::span<const Woken> woken = area->Route(std::vector<float>{0});
  ASSERT_EQ(woken.size(), 4U);
  for (uint32_t r = 0; r < 4; ++r) {
    EXPECT_EQ(woken[r].region, r);
    EXPECT_EQ(woken[r].gate, 0.25F);
  }
  EXPECT_THAT(AllRouter::Create(AreaOf(4, 3, AllRouterSpec{})),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("regions = 4, got 3")));
}

TEST(HashRouterTest, WakesDistinctRegionsEvenly) {
  AreaSpec spec = AreaOf(101, 6, HashRouterSpec{.dimensions = 3, .width = 0.5F});
  spec.always_on = 1;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area, RoutedArea::Create(spec, 8));
  Rng rng(1);
  for (int t = 0; t < 4000; ++t) {
    const std::vector<float> x = RandomVector(8, &rng);
    const std::span<const Woken> woken = area->Route(x);
    ASSERT_EQ(woken.size(), 6U);
    ASSERT_EQ(woken[0].region, 0U);
    std::set<uint32_t> distinct;
    for (const Woken& w : woken) distinct.insert(w.region);
    ASSERT_EQ(distinct.size(), 6U);
    ASSERT_LT(*distinct.rbegin(), 101U);
    area->Learn(x, woken);
  }
  EXPECT_EQ(area->Load().max, 4000U);                              // The one that is always on.
  EXPECT_NEAR(static_cast<double>(area->Load().median), 200, 60);  // 4000 * 5 / 100.
  EXPECT_GT(area->Load().min, 0U);
}

TEST(RouterUsageTest, CountsBeyond32Bits) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area,
                       RoutedArea::Create(AreaOf(9, 1, HashRouterSpec{}), 1));
  const std::vector<float> x = {0.5F};
  const std::vector<Woken> last = {{.region = 8}};
  area->store().Begin()->As<uint32_t>({0, 1})[0] = UINT32_MAX - 1;
  for (int t = 0; t < 3; ++t) area->Learn(x, last);
  EXPECT_EQ(area->Load().max, (uint64_t{1} << 32) + 1);
  EXPECT_EQ(area->Load().median, 0U);
}

TEST(HashRouterTest, NearInputsWakeTheSameRegionsMostly) {
  ASSERT_OK_AND_ASSIGN(
      const std::unique_ptr<RoutedArea> area,
      RoutedArea::Create(AreaOf(1000, 8, HashRouterSpec{.dimensions = 2, .width = 1}), 8));
  Rng rng(1);
  int same = 0;
  for (int t = 0; t < 100; ++t) {
    std::vector<float> x = RandomVector(8, &rng);
    const std::span<const Woken> woken = area->Route(x);
    const std::vector<Woken> before(woken.begin(), woken.end());
    for (float& value : x) value += 0.01F;
    const std::span<const Woken> after = area->Route(x);
    for (std::size_t i = 0; i < 8; ++i) same += before[i].region == after[i].region ? 1 : 0;
  }
  EXPECT_GT(same, 700);
}

TEST(HashRouterTest, RefusesWhatIsOutsideItsRange) {
  EXPECT_THAT(RoutedArea::Create(AreaOf(4, 2, HashRouterSpec{.dimensions = 0}), 2),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("dimensions must be in [1, 64], got 0")));
  EXPECT_THAT(
      RoutedArea::Create(AreaOf(4, 2, HashRouterSpec{.width = 0}), 2),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("width must be above 0, got 0")));
  EXPECT_THAT(RoutedArea::Create(AreaOf(1U << 20, 1U << 20, HashRouterSpec{.dimensions = 64}), 2),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got 67108864")));
}

TEST(LearnedRouterTest, BalancesLoads) {
  const auto spread_of = [](float balance) {
    auto area =
        RoutedArea::Create(AreaOf(16, 2, LearnedRouterSpec{.rate = 0, .balance = balance}), 4);
    Rng rng(2);
    for (int t = 0; t < 4000; ++t) {
      // A one-sided stream: without balancing a few regions would take it all.
      std::vector<float> x = RandomVector(4, &rng);
      x[0] += 3;
      (*area)->Learn(x, (*area)->Route(x));
    }
    return static_cast<double>((*area)->Load().max - (*area)->Load().min);
  };
  EXPECT_LT(spread_of(0.01F), spread_of(0.0F) / 4);
}

TEST(LearnedRouterTest, FollowsTheGradientOfItsGates) {
  constexpr std::size_t kInputs = 3;
  AreaSpec spec = AreaOf(3, 3, LearnedRouterSpec{.rate = 1e-3F, .balance = 0});
  spec.always_on = 1;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area, RoutedArea::Create(spec, kInputs));
  const auto weights = [&] {
    std::vector<double> all;
    for (uint32_t r = 0; r < 2; ++r) {
      const float* const w = area->view().table(1).As<float>(r);
      all.insert(all.end(), w, w + kInputs);
    }
    return all;
  };
  const std::vector<float> x = {0.5F, -1, 0.8F};
  const std::vector<float> dgates = {0.3F, 1.5F, -0.7F};
  const std::span<const Woken> routed = area->Route(x);
  const std::vector<Woken> woken(routed.begin(), routed.end());
  // By region, not by place among the woken.
  std::vector<double> dgate_of(3);
  for (std::size_t i = 0; i < 3; ++i) dgate_of[woken[i].region] = dgates[i];
  const auto loss = [&](std::span<const double> w) {
    double s[2];
    for (std::size_t r = 0; r < 2; ++r) {
      double z = 0;
      for (std::size_t j = 0; j < kInputs; ++j) z += w[r * kInputs + j] * x[j];
      s[r] = 1 / (1 + std::exp(-z));
    }
    const double scale = 2.0 / 3.0 / (s[0] + s[1]);
    return dgate_of[1] * s[0] * scale + dgate_of[2] * s[1] * scale;
  };
  const std::vector<double> before = weights();
  area->Learn(x, woken, dgates);
  const std::vector<double> after = weights();
  std::vector<double> gradient(before.size());
  for (std::size_t i = 0; i < before.size(); ++i) gradient[i] = (before[i] - after[i]) / 1e-3;
  EXPECT_TRUE(test::GradientMatches(loss, before, gradient, {.relative = 1e-3, .absolute = 1e-4}));
}

TEST(LearnedRouterTest, GatesOfTheWokenSumToOne) {
  AreaSpec spec = AreaOf(32, 5, LearnedRouterSpec{});
  spec.always_on = 2;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area, RoutedArea::Create(spec, 4));
  Rng rng(1);
  for (int t = 0; t < 10; ++t) {
    double sum = 0;
    for (const Woken& w : area->Route(RandomVector(4, &rng))) sum += w.gate;
    EXPECT_NEAR(sum, 1, 1e-5);
  }
}

TEST(LearnedRouterTest, AllocatesNothing) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<RoutedArea> area,
                       RoutedArea::Create(AreaOf(32, 2, LearnedRouterSpec{}), 4));
  const std::vector<float> x = {1, 2, 3, 4};
  const std::vector<float> dgates = {0.1F, 0.2F};
  area->Learn(x, area->Route(x), dgates);
  test::NoAllocScope scope;
  area->Learn(x, area->Route(x), dgates);
  EXPECT_EQ(scope.count(), 0);
}

}  // namespace
}  // namespace gyrus
