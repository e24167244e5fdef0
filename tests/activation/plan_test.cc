// SPDX-License-Identifier: Apache-2.0
#include "activation/plan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::StatusIs;
using testing::HasSubstr;

// Two reals in, one out.
BrainSpec TinyReals() {
  BrainSpec spec;
  spec.name = "tiny reals";
  spec.modalities = {{.name = "two", .kind = ModalityKind::kReals, .size = 2}};
  spec.encoders = {{.name = "reals", .modality = "two", .kind = RealsEncoderSpec{}}};
  spec.heads = {{.name = "out", .outputs = 1, .kind = RidgeHeadSpec{.inputs = {"reals"}}}};
  return spec;
}

TEST(PlanTest, RefusesHeadsThatCannotShareATarget) {
  BrainSpec spec = test::TinyText();
  spec.heads.push_back(spec.heads[0]);
  spec.heads[1].name = "other";
  spec.heads[1].classes = 10;
  EXPECT_THAT(
      Plan::Create(spec).status(),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("head \"other\" has 10 classes and 0 outputs, head \"next\" 256")));
}

TEST(PlanTest, RefusesRealsThatLearningCouldNotSquare) {
  ASSERT_OK_AND_ASSIGN(const auto plan, Plan::Create(TinyReals()));
  const auto check = [&](float second) {
    const float reals[] = {1.0F, second};
    const Value value = {.present = true, .reals = reals};
    return plan->Check(Observation{.values = {&value, 1}});
  };
  EXPECT_THAT(check(1e18F), IsOk());
  EXPECT_THAT(check(std::numeric_limits<float>::quiet_NaN()), IsOk());  // Missing.
  for (const float bad : {2e18F, -1e20F, std::numeric_limits<float>::infinity()}) {
    EXPECT_THAT(check(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("element 1 is")));
    EXPECT_THAT(plan->Check(Target{.reals = {&bad, 1}}),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the limit is 1e+18")));
  }
}

}  // namespace
}  // namespace gyrus
