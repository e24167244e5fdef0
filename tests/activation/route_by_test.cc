// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/plan_run.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::PlanRun;
using test::StatusIs;
using testing::HasSubstr;

constexpr uint32_t kWarmup = 8;

// Regions that read patches, which settle, and are routed by the raw image, which need not.
BrainSpec Brain(const std::string& route_by) {
  BrainSpec brain;
  brain.modalities = {{.name = "eye", .kind = ModalityKind::kImage, .rows = 4, .columns = 4}};
  brain.encoders = {
      {.name = "patches",
       .modality = "eye",
       .kind = ImageEncoderSpec{.banks = {{.patch_size = 2, .patches = 3, .grid = 1}},
                                .raw_grid = 1,
                                .draw_from = kWarmup}},
      {.name = "coarse", .modality = "eye", .kind = ImageEncoderSpec{.banks = {}, .raw_grid = 2}}};
  AreaSpec area = {.name = "vision", .inputs = {"patches"}, .outputs = 2, .regions = 4, .woken = 2};
  area.route_by = route_by;
  area.router = AnchorRouterSpec{.threshold = 1, .settle_after = 0};
  area.cell = SubsetCellSpec{};
  brain.areas = {area};
  brain.heads = {{.name = "class", .classes = 2, .kind = RidgeHeadSpec{.area = "vision"}}};
  return brain;
}

TEST(RouteByTest, SettlesRoutesWhileTheInputIsStillAbsent) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<PlanRun> run, PlanRun::Create(Brain("coarse")));
  const AreaActivity& area = run->activity().areas[0];
  for (uint32_t i = 0; i <= kWarmup; ++i) {
    std::vector<uint8_t> pixels(16, static_cast<uint8_t>(i));
    pixels[i] = 250;
    const Value value{.present = true, .pixels = pixels};
    run->Forward({&value, 1});
    EXPECT_TRUE(area.routed);
    EXPECT_EQ(area.awake, i >= kWarmup);
    EXPECT_EQ(area.routing.size(), 4U);
    EXPECT_EQ(area.woken.size(), std::min<std::size_t>(i, 2));
    run->Learn({&value, 1}, {.symbol = i % 2});
  }
}

TEST(RouteByTest, NeedsAnEncoderWithAVector) {
  EXPECT_THAT(PlanRun::Create(Brain("nowhere")),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("area \"vision\".route_by: there is no encoder with a vector "
                                 "named \"nowhere\"")));
}

}  // namespace
}  // namespace gyrus
