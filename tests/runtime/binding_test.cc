// SPDX-License-Identifier: Apache-2.0
#include "runtime/binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "activation/plan.h"
#include "runtime/brain_text.h"
#include "runtime/presets.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// price (number), colour (category), demand (number), up (the target).
InputSchema Market() {
  InputSchema input;
  input.kind = InputSchema::Kind::kTable;
  input.columns = {{.name = "price"},
                   {.name = "colour", .type = ColumnType::kCategory, .categories = {"red", "blue"}},
                   {.name = "demand"},
                   {.name = "up", .type = ColumnType::kCategory, .categories = {"yes"}}};
  input.target = "up";
  return input;
}

BrainSpec Bound(const InputSchema& input) {
  const auto spec = Bind(*Preset("table"), input);
  EXPECT_THAT(spec, test::IsOk());
  return spec.ok() ? *spec : BrainSpec();
}

const ReadoutExpertSpec& Readout(const BrainSpec& spec, int expert) {
  const auto& mixing = std::get<MixingHeadSpec>(spec.heads[0].kind);
  return std::get<ReadoutExpertSpec>(mixing.experts[static_cast<std::size_t>(expert)].kind);
}

TEST(BindTest, FixesColumnsTypesTargetAndClasses) {
  const BrainSpec spec = Bound(Market());
  EXPECT_TRUE(IsBound(spec));
  EXPECT_THAT(Plan::Create(spec), test::IsOk());
  ASSERT_EQ(spec.modalities.size(), 3U);
  EXPECT_EQ(spec.modalities[0].size, 2U);  // price, demand
  EXPECT_EQ(spec.modalities[1].name, "column_colour");
  EXPECT_EQ(spec.modalities[1].size, 8U);
  EXPECT_EQ(spec.modalities[2].size, 64U);  // label
  EXPECT_EQ(spec.heads[0].classes, 64U);
  EXPECT_EQ(spec.schema.target, "up");
  EXPECT_EQ(spec.schema.columns.size(), 4U);
  EXPECT_THAT(spec.schema.class_names, ElementsAre("yes"));
}

TEST(BindTest, ExpandsTheOpenCategoryEncoder) {
  EXPECT_THAT(Readout(Bound(Market()), 1).inputs, ElementsAre("row", "column_colour", "trails"));
  InputSchema numbers = Market();
  numbers.columns.erase(numbers.columns.begin() + 1);
  const BrainSpec spec = Bound(numbers);
  EXPECT_THAT(Readout(spec, 1).inputs, ElementsAre("row", "trails"));
  EXPECT_THAT(Plan::Create(spec), test::IsOk());
}

TEST(BindTest, KeepsWhatItBoundInTheText) {
  const BrainSpec spec = Bound(Market());
  const auto again = ParseBrain(FormatBrain(spec), "brain.textproto");
  ASSERT_THAT(again, test::IsOk());
  EXPECT_TRUE(IsBound(*again));
  EXPECT_THAT(CheckSchema(*again, Market()), test::IsOk());
  EXPECT_THAT(again->schema.columns[1].categories, ElementsAre("red", "blue"));
}

TEST(BindTest, HashesCategoriesBeyondTheMost) {
  InputSchema input = Market();
  for (int i = 0; i < 65; ++i) input.columns[1].categories.push_back(absl::StrCat("shade ", i));
  BrainSpec spec = Bound(input);
  EXPECT_EQ(spec.modalities[1].size, 64U);
  EXPECT_TRUE(spec.schema.columns[1].hashed);
  EXPECT_TRUE(spec.schema.columns[1].categories.empty());
  const uint32_t id = CategoryId("shade 3", 64, &spec.schema.columns[1]);
  EXPECT_LT(id, 64U);
  EXPECT_EQ(CategoryId("shade 3", 64, &spec.schema.columns[1]), id);
}

TEST(BindTest, BindsATableWithoutNumbers) {
  InputSchema input = Market();
  std::erase_if(input.columns, [](const ColumnSpec& c) { return c.type == ColumnType::kReal; });
  const BrainSpec spec = Bound(input);
  EXPECT_EQ(spec.modalities[0].size, 1U);
  EXPECT_THAT(Plan::Create(spec), test::IsOk());
}

TEST(BindTest, TakesNumbersAsClassesAndRaisesIndicatorsWhereNumbersAreMissing) {
  InputSchema input = Market();
  input.columns[3] = {.name = "up"};
  input.missing = true;
  const BrainSpec spec = Bound(input);
  EXPECT_EQ(spec.schema.columns[3].type, ColumnType::kCategory);
  EXPECT_EQ(spec.modalities[0].size, 2U);
  EXPECT_TRUE(std::get<RealsEncoderSpec>(spec.encoders[0].kind).missing_indicators);
  EXPECT_FALSE(std::get<RealsEncoderSpec>(spec.encoders[1].kind).missing_indicators);
  EXPECT_THAT(CheckSchema(spec, input), test::IsOk());
}

TEST(BindTest, PredictsANumberOfTheRowOrTheNextRow) {
  InputSchema input = Market();
  input.columns = {{.name = "a"}, {.name = "b"}, {.name = "c"}};
  input.target = "b";
  ASSERT_OK_AND_ASSIGN(BrainSpec spec, Bind(*Preset("series"), input));
  EXPECT_EQ(spec.heads[0].outputs, 1U);
  EXPECT_EQ(spec.heads[0].classes, 0U);
  EXPECT_EQ(spec.modalities[0].size, 2U);
  EXPECT_EQ(spec.modalities[1].size, 1U);
  EXPECT_EQ(spec.target_next, 0U);
  EXPECT_EQ(spec.last_target_modality, "last");
  EXPECT_THAT(Plan::Create(spec), test::IsOk());
  input.target = "";
  ASSERT_OK_AND_ASSIGN(spec, Bind(*Preset("series"), input));
  EXPECT_EQ(spec.heads[0].outputs, 3U);
  EXPECT_EQ(spec.target_next, 1U);
  EXPECT_EQ(spec.target_modality, "row");
  EXPECT_EQ(spec.modalities.size(), 1U);
  EXPECT_THAT(std::get<RidgeHeadSpec>(spec.heads[0].kind).inputs, ElementsAre("row"));
  EXPECT_THAT(Plan::Create(spec), test::IsOk());
}

TEST(BindTest, RefusesACategoryWhereNumbersArePredicted) {
  EXPECT_THAT(Bind(*Preset("series"), Market()),
              test::StatusIs(kInvalid, HasSubstr("target column \"up\" is a category")));
}

TEST(BindTest, SaysWhichPresetPredictsANumber) {
  InputSchema input = Market();
  input.target = "price";
  for (int i = 0; i < 65; ++i) input.columns[0].categories.push_back(std::to_string(i) + ".5");
  EXPECT_THAT(Bind(*Preset("table"), input),
              test::StatusIs(kInvalid, HasSubstr("by a brain of --preset series")));
  // There its numbers are no names to keep.
  ASSERT_OK_AND_ASSIGN(const BrainSpec spec, Bind(*Preset("series"), input));
  EXPECT_TRUE(spec.schema.columns[0].categories.empty());
  EXPECT_TRUE(spec.schema.class_names.empty());
  EXPECT_FALSE(spec.schema.columns[0].hashed);
}

TEST(BindTest, TakesTheSizeOfImages) {
  const BrainSpec open = *Preset("images");
  InputSchema input;
  input.kind = InputSchema::Kind::kImages;
  input.image_rows = 28;
  input.image_columns = 30;
  ASSERT_OK_AND_ASSIGN(BrainSpec spec, Bind(open, input));
  EXPECT_THAT(Plan::Create(spec), test::IsOk());
  EXPECT_EQ(spec.modalities[0].rows, 28U);
  EXPECT_EQ(spec.modalities[0].columns, 30U);
  EXPECT_EQ(spec.heads[0].classes, 64U);
  EXPECT_THAT(CheckSchema(spec, input), test::IsOk());
  input.image_rows = 32;
  EXPECT_THAT(
      CheckSchema(spec, input),
      test::StatusIs(kInvalid, HasSubstr("expected images of 28 x 30 pixels, got 32 x 30")));
  input.classes = 10;
  ASSERT_OK_AND_ASSIGN(spec, Bind(open, input));
  EXPECT_EQ(spec.heads[0].classes, 10U);
}

TEST(BindTest, RefusesAnInputOfAnotherKind) {
  EXPECT_THAT(Bind(*Preset("table"), InputSchema()),
              test::StatusIs(kInvalid, HasSubstr("learns from a table; this input is bytes")));
  EXPECT_THAT(CheckSchema(*Preset("text"), Market()),
              test::StatusIs(kInvalid, HasSubstr("learns from bytes; this input is a table")));
  EXPECT_THAT(CheckSchema(*Preset("text"), InputSchema()), test::IsOk());
}

TEST(BindTest, NeedsATargetColumnThatIsThere) {
  InputSchema input = Market();
  input.target = "";
  EXPECT_THAT(Bind(*Preset("table"), input),
              test::StatusIs(kInvalid, HasSubstr("(columns: price, colour, demand, up)")));
  input.target = "upp";
  EXPECT_THAT(Bind(*Preset("table"), input),
              test::StatusIs(kInvalid, HasSubstr("\"upp\" is not there; did you mean \"up\"?")));
  input = Market();
  input.columns[2].name = "price";
  EXPECT_THAT(Bind(*Preset("table"), input), test::StatusIs(kInvalid, HasSubstr("two columns")));
}

TEST(BindTest, RefusesMoreClassesThanThereIsRoomFor) {
  InputSchema crowd = Market();
  for (int i = 0; i < 64; ++i) crowd.columns[3].categories.push_back(std::to_string(i));
  EXPECT_THAT(Bind(*Preset("table"), crowd),
              test::StatusIs(kInvalid, HasSubstr("\"up\" has at least 65 classes")));
}

TEST(BindTest, BindsOnce) {
  EXPECT_THAT(Bind(Bound(Market()), Market()),
              test::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("already")));
}

TEST(CheckSchemaTest, TakesColumnsInAnotherOrderAndWithoutTheTarget) {
  const BrainSpec spec = Bound(Market());
  InputSchema input = Market();
  std::swap(input.columns[0], input.columns[2]);
  EXPECT_THAT(CheckSchema(spec, input), test::IsOk());
  input.columns.pop_back();
  input.target = "";
  EXPECT_THAT(CheckSchema(spec, input), test::IsOk());
}

TEST(CheckSchemaTest, NamesTheColumnThatDoesNotFit) {
  const BrainSpec spec = Bound(Market());
  InputSchema input = Market();
  input.columns[0].name = "prise";
  EXPECT_THAT(CheckSchema(spec, input),
              test::StatusIs(kInvalid,
                             HasSubstr("column \"price\" is not there; did you mean \"prise\"?")));
  input = Market();
  input.columns[1].type = ColumnType::kReal;
  EXPECT_THAT(
      CheckSchema(spec, input),
      test::StatusIs(kInvalid, HasSubstr("column \"colour\" was a category, got a number")));
  input = Market();
  input.columns.push_back({.name = "extra"});
  EXPECT_THAT(CheckSchema(spec, input), test::StatusIs(kInvalid, HasSubstr("\"extra\"")));
  input = Market();
  input.target = "price";
  EXPECT_THAT(CheckSchema(spec, input),
              test::StatusIs(kInvalid, HasSubstr("\"up\", got \"price\"")));
}

TEST(SchemaIdsTest, ComeInOrderOfFirstAppearance) {
  SchemaSpec schema;
  EXPECT_THAT(ClassId("b", 2, &schema), test::IsOkAndHolds(0U));
  EXPECT_THAT(ClassId("a", 2, &schema), test::IsOkAndHolds(1U));
  EXPECT_THAT(ClassId("b", 2, &schema), test::IsOkAndHolds(0U));
  EXPECT_EQ(FindClass("a", schema), 1U);
  EXPECT_EQ(FindClass("c", schema), std::nullopt);
  EXPECT_THAT(ClassId("c", 2, &schema),
              test::StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("class \"c\"")));
  ColumnSpec column = {.name = "colour", .type = ColumnType::kCategory};
  EXPECT_EQ(CategoryId("red", 2, &column), 0U);
  EXPECT_EQ(CategoryId("blue", 2, &column), 1U);
  EXPECT_LT(CategoryId("green", 2, &column), 2U);
  EXPECT_THAT(column.categories, ElementsAre("red", "blue"));
}

}  // namespace
}  // namespace gyrus
