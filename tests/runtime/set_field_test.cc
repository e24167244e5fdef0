// SPDX-License-Identifier: Apache-2.0
#include "runtime/set_field.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "runtime/brain_text.h"
#include "runtime/presets.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SetFieldTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(spec_, Preset("table"));
    before_ = FormatBrain(spec_);
  }

  void ExpectMistake(absl::string_view assignment, const std::string& message) {
    EXPECT_THAT(SetField(&spec_, assignment),
                test::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
    EXPECT_EQ(FormatBrain(spec_), before_) << assignment;
  }

  BrainSpec spec_;
  std::string before_;
};

TEST_F(SetFieldTest, FindsAnElementByPlaceAndByName) {
  EXPECT_THAT(SetField(&spec_, "seed=7"), test::IsOk());
  EXPECT_EQ(spec_.seed, 7U);
  EXPECT_THAT(SetField(&spec_, "areas[0].regions=32"), test::IsOk());
  EXPECT_EQ(spec_.areas[0].regions, 32U);
  EXPECT_THAT(SetField(&spec_, "areas.places.regions = 33"), test::IsOk());
  EXPECT_EQ(spec_.areas[0].regions, 33U);
  EXPECT_THAT(SetField(&spec_, "heads.class.mixing.experts.fast.readout.rate=0.25"), test::IsOk());
  const auto& mixing = std::get<MixingHeadSpec>(spec_.heads[0].kind);
  EXPECT_EQ(std::get<ReadoutExpertSpec>(mixing.experts[1].kind).rate, 0.25F);
}

TEST_F(SetFieldTest, TakesEveryKindOfValue) {
  EXPECT_THAT(SetField(&spec_, "areas.places.learning.optimiser=sgd"), test::IsOk());
  EXPECT_EQ(spec_.areas[0].learning.optimiser, Optimiser::kSgd);
  EXPECT_THAT(SetField(&spec_, "areas.places.residual=true"), test::IsOk());
  EXPECT_TRUE(spec_.areas[0].residual);
  EXPECT_THAT(SetField(&spec_, "name=my \"own\" brain"), test::IsOk());
  EXPECT_EQ(spec_.name, "my \"own\" brain");
  EXPECT_THAT(SetField(&spec_, "encoders.trails.reals.trails=2,8.5"), test::IsOk());
  EXPECT_THAT(std::get<RealsEncoderSpec>(spec_.encoders[1].kind).trails, ElementsAre(2.0F, 8.5F));
  EXPECT_THAT(SetField(&spec_, "areas.places.inputs=[row, trails]"), test::IsOk());
  EXPECT_THAT(spec_.areas[0].inputs, ElementsAre("row", "trails"));
  EXPECT_THAT(SetField(&spec_, "areas.places.cell={ glu { hidden: 5 } }"), test::IsOk());
  EXPECT_EQ(std::get<GluCellSpec>(spec_.areas[0].cell).hidden, 5U);
}

TEST_F(SetFieldTest, NamesThePartThatIsWrongAndTheNearest) {
  ExpectMistake("areas.places.regoins=3",
                "areas.places.regoins: Area has no field \"regoins\"; did you mean \"regions\"?");
  ExpectMistake("areas.place.regions=3",
                "areas has no element \"place\"; did you mean \"places\"?");
  ExpectMistake("areas[1].regions=3", "areas has 1 elements, got [1]");
  ExpectMistake("areas.places.learning.optimiser=rmsprob", "must be one of SGD, RMSPROP");
}

TEST_F(SetFieldTest, RefusesAValueThatDoesNotFit) {
  ExpectMistake("seed", "expected path=value");
  ExpectMistake("seed=x", "seed: expected integer, got: x");
  ExpectMistake("seed=", "expected one value");
  ExpectMistake("seed=1 name: \"x\"", "expected one value");
  ExpectMistake("areas={}", "say which of areas");
  ExpectMistake("areas.places=3", "name a field of it");
  ExpectMistake("name.first=3", "name has no fields");
  ExpectMistake("areas.places.cell=glu", "expected { fields }");
  ExpectMistake("areas.places.cell={}", "must have one of expansion, subset, glu, mcsd, dense");
}

TEST_F(SetFieldTest, DoesNotThrowAwayTheKindThatIsThere) {
  ExpectMistake("areas.places.router.hash.width=2", "this router is anchor, not hash");
}

}  // namespace
}  // namespace gyrus
