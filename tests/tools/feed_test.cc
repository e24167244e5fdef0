// SPDX-License-Identifier: Apache-2.0
#include "tools/feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "runtime/presets.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::IsOk;
using ::testing::ElementsAre;
using Column = Schema::Column;
using Type = Schema::Type;

Schema Table() {
  return {.kind = Schema::Kind::kTable,
          .columns = {Column{"size", Type::kReal}, Column{"kind", Type::kCategory},
                      Column{"label", Type::kCategory}, Column{"weight", Type::kReal}}};
}

Field Number(double value) { return {.text = "", .value = value, .missing = false}; }
Field Text(absl::string_view text) { return {.text = text, .value = 0, .missing = false}; }
Field Missing() { return {.text = "", .value = 0, .missing = true}; }

Record Row(double size, absl::string_view kind, absl::string_view label) {
  Record record;
  record.fields = {Number(size), Text(kind), Text(label), Missing()};
  return record;
}

BrainSpec BoundTable() {
  const std::vector<Record> first = {Row(1, "a", "yes"), Row(2, "b", "no")};
  absl::StatusOr<BrainSpec> spec = Preset("table");
  EXPECT_THAT(spec.status(), IsOk());
  spec = Bind(*spec, DescribeInput(Table(), first, "label"));
  EXPECT_THAT(spec.status(), IsOk());
  return *spec;
}

const Value& ValueOf(const BrainSpec& spec, const Feed& feed, absl::string_view modality) {
  for (std::size_t m = 0; m < spec.modalities.size(); ++m) {
    if (spec.modalities[m].name == modality) return feed.observation().values[m];
  }
  ADD_FAILURE() << modality;
  return feed.observation().values[0];
}

TEST(FeedTest, DescribesATableByItsFirstRows) {
  const std::vector<Record> first = {Row(1, "a", "yes"), Row(2, "b", "no"), Row(2, "a", "no")};
  const InputSchema schema = DescribeInput(Table(), first, "label");
  EXPECT_EQ(schema.target, "label");
  EXPECT_TRUE(schema.missing);
  EXPECT_THAT(schema.columns[1].categories, ElementsAre("a", "b"));
  EXPECT_THAT(schema.columns[2].categories, ElementsAre("yes", "no"));
}

TEST(FeedTest, TurnsRowsIntoNumbersCategoriesAndClasses) {
  BrainSpec spec = BoundTable();
  ASSERT_OK_AND_ASSIGN(const auto feed, Feed::Create(&spec, Table(), true));
  EXPECT_THAT(feed->Read(Row(7, "b", "no")), IsOk());
  const Value& row = feed->observation().values[0];
  ASSERT_EQ(row.reals.size(), 2U);
  EXPECT_EQ(row.reals[0], 7.0F);
  EXPECT_TRUE(std::isnan(row.reals[1]));
  EXPECT_EQ(ValueOf(spec, *feed, "column_kind").symbol, 1U);
  EXPECT_TRUE(feed->labelled());
  EXPECT_EQ(feed->target().symbol, 1U);
  EXPECT_FALSE(feed->schema_grew());
}

TEST(FeedTest, FindsColumnsByNameInAnyOrder) {
  BrainSpec spec = BoundTable();
  const Schema other = {.kind = Schema::Kind::kTable,
                        .columns = {Column{"weight", Type::kReal}, Column{"kind", Type::kCategory},
                                    Column{"size", Type::kReal}}};
  ASSERT_OK_AND_ASSIGN(const auto feed, Feed::Create(&spec, other, true));
  Record record;
  record.fields = {Number(5), Text("a"), Number(9)};
  EXPECT_THAT(feed->Read(record), IsOk());
  EXPECT_THAT(feed->observation().values[0].reals, ElementsAre(9.0F, 5.0F));
  EXPECT_FALSE(feed->labelled());
}

TEST(FeedTest, NewNamesJoinTheSchemaOnlyWhileLearning) {
  BrainSpec spec = BoundTable();
  ASSERT_OK_AND_ASSIGN(const auto frozen, Feed::Create(&spec, Table(), false));
  EXPECT_THAT(frozen->Read(Row(7, "c", "perhaps")), IsOk());
  EXPECT_FALSE(ValueOf(spec, *frozen, "column_kind").present);
  EXPECT_EQ(frozen->target().symbol, Feed::kUnknownClass);
  ASSERT_OK_AND_ASSIGN(const auto feed, Feed::Create(&spec, Table(), true));
  EXPECT_THAT(feed->Read(Row(7, "c", "perhaps")), IsOk());
  EXPECT_EQ(ValueOf(spec, *feed, "column_kind").symbol, 2U);
  EXPECT_EQ(feed->target().symbol, 2U);
  EXPECT_TRUE(feed->schema_grew());
  EXPECT_THAT(spec.schema.class_names, ElementsAre("yes", "no", "perhaps"));
}

TEST(FeedTest, ARowWithoutItsTargetHasNoLabel) {
  BrainSpec spec = BoundTable();
  ASSERT_OK_AND_ASSIGN(const auto feed, Feed::Create(&spec, Table(), true));
  Record record = Row(7, "a", "");
  record.fields[2] = Missing();
  EXPECT_THAT(feed->Read(record), IsOk());
  EXPECT_FALSE(feed->labelled());
}

TEST(FeedTest, LeavesTheLastTargetToTheSession) {
  BrainSpec spec = BoundTable();
  spec.modalities.push_back({.name = "last", .kind = ModalityKind::kReals, .size = 1});
  spec.last_target_modality = "last";
  ASSERT_OK_AND_ASSIGN(const auto feed, Feed::Create(&spec, Table(), true));
  EXPECT_THAT(feed->Read(Row(7, "a", "no")), IsOk());
  EXPECT_FALSE(ValueOf(spec, *feed, "last").present);
  EXPECT_EQ(feed->observation().values[0].reals[0], 7.0F);
}

TEST(FeedTest, BytesAreSymbols) {
  ASSERT_OK_AND_ASSIGN(BrainSpec spec, Preset("text"));
  EXPECT_EQ(TaskOf(spec), Task::kNextSymbol);
  ASSERT_OK_AND_ASSIGN(const auto feed, Feed::Create(&spec, Schema{}, true));
  Record record;
  record.symbol = 'g';
  EXPECT_THAT(feed->Read(record), IsOk());
  EXPECT_EQ(feed->taught().symbol, uint32_t{'g'});
  EXPECT_FALSE(feed->labelled());
}

}  // namespace
}  // namespace gyrus
