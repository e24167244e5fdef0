// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/csv_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<std::unique_ptr<CsvInput>> Open(const std::string& text, int inference_rows = 1000) {
  return CsvInput::Create(ByteReader::FromString("file.csv", text),
                          {.inference_rows = inference_rows});
}

// The texts of all rows, or the first error.
absl::StatusOr<std::vector<std::vector<std::string>>> ReadAll(const std::string& text,
                                                              int inference_rows = 1000) {
  GYRUS_ASSIGN_OR_RETURN(const auto input, Open(text, inference_rows));
  std::vector<std::vector<std::string>> rows;
  Record record;
  for (;;) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, input->Next(&record));
    if (!more) return rows;
    rows.emplace_back();
    for (const Field& field : record.fields) rows.back().emplace_back(field.text);
  }
}

std::vector<std::string> Names(const Schema& schema) {
  std::vector<std::string> names;
  for (const Schema::Column& column : schema.columns) names.push_back(column.name);
  return names;
}

TEST(CsvInputTest, ReadsNumbersCategoriesAndTheirText) {
  ASSERT_OK_AND_ASSIGN(const auto input, Open("price,kind\n1.50,red\n-2e3,blue\n"));
  Record record;

  ASSERT_THAT(input->Next(&record), test::IsOkAndHolds(true));

  EXPECT_EQ(input->schema().kind, Schema::Kind::kTable);
  EXPECT_THAT(Names(input->schema()), ElementsAre("price", "kind"));
  EXPECT_EQ(input->schema().columns[0].type, Schema::Type::kReal);
  EXPECT_EQ(input->schema().columns[1].type, Schema::Type::kCategory);
  EXPECT_EQ(input->schema().Find("kind"), 1);
  EXPECT_EQ(input->schema().Find("colour"), std::nullopt);
  EXPECT_EQ(record.fields[0].value, 1.5);
  EXPECT_EQ(record.fields[0].text, "1.50");
  EXPECT_EQ(record.fields[1].text, "red");
  EXPECT_THAT(input->Next(&record), test::IsOkAndHolds(true));
  EXPECT_EQ(record.fields[0].value, -2000);
  EXPECT_THAT(input->Next(&record), test::IsOkAndHolds(false));
  EXPECT_EQ(input->size_hint(), 2U);
}

TEST(CsvInputTest, ReadsEveryDialect) {
  struct Case {
    std::string text;
    std::vector<std::vector<std::string>> rows;
  };
  const Case cases[] = {
      {"a,b\r\n1,2\r\n", {{"1", "2"}}},
      {"a,b\n1,2", {{"1", "2"}}},
      {"a,b\r\n1,2\r", {{"1", "2"}}},
      {"a;b\n1,5;2\n", {{"1,5", "2"}}},
      {"a\tb\n1\t2\n", {{"1", "2"}}},
      {"\"x,y,z\";b\n1;2\n", {{"1", "2"}}},
      {"\xEF\xBB\xBF"
       "a,b\n1,2\n",
       {{"1", "2"}}},
      {"\n\r\na,b\n\n1,2\n\r\n\n3,4\n\n", {{"1", "2"}, {"3", "4"}}},
      {"a,b\n\"1\",\"\"\"so\"\", he said\"\n", {{"1", "\"so\", he said"}}},
      {"a,b\n\"two\nlines\",\"\"\n", {{"two\nlines", ""}}},
      {"a,b\r\n\"1\",\"2\"\r\n", {{"1", "2"}}},
      {"a,b\n 1 , x\"y \n", {{"1", "x\"y"}}},
      {"a\n1\n2\n", {{"1"}, {"2"}}},
      {"a,b\n,\n", {{"", ""}}},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(ReadAll(c.text), test::IsOkAndHolds(c.rows)) << c.text;
  }
}

TEST(CsvInputTest, TakesTheUsualWordsForMissingValues) {
  const std::string words[] = {"", "NA", "NaN", "nan", "-nan", "?", "null", "NULL", "\"\"", " "};
  for (const std::string& word : words) {
    ASSERT_OK_AND_ASSIGN(const auto input, Open(absl::StrCat("a,b\n1,x\n", word, ",x\n")));
    Record record;
    ASSERT_THAT(input->Next(&record), IsOk());
    EXPECT_FALSE(record.fields[0].missing);

    ASSERT_THAT(input->Next(&record), test::IsOkAndHolds(true)) << word;

    EXPECT_EQ(input->schema().columns[0].type, Schema::Type::kReal) << word;
    EXPECT_TRUE(record.fields[0].missing) << word;
    EXPECT_EQ(record.fields[0].value, 0) << word;
  }
}

TEST(CsvInputTest, RefusesTextInANumericColumnByPlace) {
  EXPECT_THAT(ReadAll("price,kind\n1,a\n\n2,b\nabc,c\n", 2),
              StatusIs(kInvalid, "file.csv:5: column \"price\": expected a number, found \"abc\""));
}

TEST(CsvInputTest, CountsLinesInsideQuotes) {
  EXPECT_THAT(ReadAll("price,kind\n1,\"a\nb\nc\"\nabc,c\n", 1),
              StatusIs(kInvalid, HasSubstr("file.csv:5: column \"price\"")));
}

TEST(CsvInputTest, RefusesWhatNoFloatCanHold) {
  for (const std::string word : {"inf", "-Infinity", "1e39", "1e999"}) {
    EXPECT_THAT(
        ReadAll(absl::StrCat("a\n1\n", word, "\n")),
        StatusIs(kInvalid,
                 absl::StrCat("file.csv:3: column \"a\": expected a finite number, found \"", word,
                              "\"")));
  }
}

TEST(CsvInputTest, RefusesRaggedRowsWithBothCounts) {
  EXPECT_THAT(ReadAll("a,b,c\n1,2,3\n1,2\n"),
              StatusIs(kInvalid, "file.csv:3: expected 3 fields, as in the header, found 2"));
  EXPECT_THAT(ReadAll("a,b,c\n1,2,3\n1,2,3,4\n", 1),
              StatusIs(kInvalid, "file.csv:3: expected 3 fields, as in the header, found 4"));
}

TEST(CsvInputTest, RefusesBrokenQuotes) {
  EXPECT_THAT(ReadAll("a,b\n1,2\n3,\"4\n5,6\n"),
              StatusIs(kInvalid, "file.csv:3: a quote is opened and never closed"));
  EXPECT_THAT(ReadAll("a,b\n\"1\"x,2\n"),
              StatusIs(kInvalid,
                       "file.csv:2: expected a delimiter after the closing quote of "
                       "field 1, found \"x\""));
}

TEST(CsvInputTest, RefusesAHeaderThatIsNone) {
  EXPECT_THAT(Open(""), StatusIs(kInvalid, HasSubstr("file.csv is empty, expected a header")));
  EXPECT_THAT(Open("\n\n"), StatusIs(kInvalid, HasSubstr("is empty")));
  EXPECT_THAT(Open("a,b\n"), StatusIs(kInvalid, HasSubstr("has a header and no rows")));
  EXPECT_THAT(Open("1,2\n3,4\n"), StatusIs(kInvalid, HasSubstr("found only numbers: \"1\"")));
  EXPECT_THAT(Open("a,b,a\n3,4,5\n"),
              StatusIs(kInvalid, "file.csv:1: column \"a\" is in the header twice"));
  EXPECT_THAT(Open(std::string("a\0,b\n3,4\n", 9)), StatusIs(kInvalid, HasSubstr("zero byte")));
  EXPECT_THAT(Open("a\n1\n", 0), StatusIs(kInvalid, HasSubstr("at least 1, got 0")));
}

TEST(CsvInputTest, NamesTheColumnThatHasNoName) {
  ASSERT_OK_AND_ASSIGN(const auto input, Open(",b\n1,2\n"));

  EXPECT_THAT(Names(input->schema()), ElementsAre("column_1", "b"));
}

TEST(CsvInputTest, BoundsTheLengthOfARow) {
  const std::string endless(CsvRows::kMaxRowBytes + 2, 'x');
  const std::string blank(CsvRows::kMaxAheadBytes + 2, '\n');

  EXPECT_THAT(ReadAll(absl::StrCat("a,b\n1,2\n3,\"", endless, "\n", endless, "\"\n")),
              StatusIs(kInvalid, HasSubstr("file.csv:3: a row is longer than 1048576 bytes")));
  EXPECT_THAT(ReadAll(absl::StrCat("a\nx\n", blank, "y\n")),
              StatusIs(kInvalid, HasSubstr("blank lines go on for more than 8388608 bytes")));
  EXPECT_THAT(ReadAll(absl::StrCat("a\nx\n", blank, "y\n"), 1), IsOk())
      << "once the types are known, blank lines are not kept";
}

TEST(CsvInputTest, EstimatesTheNumberOfRows) {
  std::string text = "a,b\n";
  for (int i = 0; i < 500; ++i) absl::StrAppend(&text, 100 + i, ",2\n");

  ASSERT_OK_AND_ASSIGN(const auto input, Open(text, 10));

  EXPECT_EQ(input->size_hint(), 500U);
}

TEST(CsvInputTest, GoesBackToARow) {
  ASSERT_OK_AND_ASSIGN(const auto input, Open("a\nx\n\"y\ny\"\nz\n"));
  Record record;
  ASSERT_THAT(input->Next(&record), test::IsOkAndHolds(true));
  ASSERT_THAT(input->Next(&record), test::IsOkAndHolds(true));
  const Place second = record.place;
  ASSERT_THAT(input->Next(&record), test::IsOkAndHolds(true));
  EXPECT_EQ(record.place.line, 5U);

  ASSERT_THAT(input->Seek(second), IsOk());

  ASSERT_THAT(input->Next(&record), test::IsOkAndHolds(true));
  EXPECT_EQ(record.fields[0].text, "y\ny");
  ASSERT_THAT(input->Next(&record), test::IsOkAndHolds(true));
  EXPECT_EQ(record.fields[0].text, "z");
  EXPECT_EQ(record.place.line, 5U);
}

TEST(CsvInputTest, TakesTypesThatAreKnownInsteadOfInferringThem) {
  const std::string text = "code,size\n7,1\n8,tall\n";
  ASSERT_OK_AND_ASSIGN(
      const auto input,
      CsvInput::Create(ByteReader::FromString("file.csv", text),
                       {.known = {{"code", Schema::Type::kCategory}, {"size"}, {"absent"}}}));
  Record record;

  EXPECT_EQ(input->schema().columns[0].type, Schema::Type::kCategory);
  EXPECT_EQ(input->schema().columns[1].type, Schema::Type::kReal);
  EXPECT_THAT(input->Next(&record), test::IsOkAndHolds(true));
  EXPECT_EQ(record.fields[0].text, "7");
  EXPECT_THAT(input->Next(&record),
              StatusIs(kInvalid, HasSubstr("file.csv:3: column \"size\": expected a number")));
}

TEST(CsvInputTest, AllocatesNothingPerRecord) {
  std::string text = "price,kind\n";
  for (int i = 0; i < 200; ++i) absl::StrAppend(&text, i, ",\"say \"\"", i, "\"\"\"\n");
  ASSERT_OK_AND_ASSIGN(const auto input, Open(text));
  Record record;
  for (int i = 0; i < 20; ++i) ASSERT_THAT(input->Next(&record), test::IsOkAndHolds(true));

  test::NoAllocScope scope;
  int rows = 0;
  while (input->Next(&record).value()) ++rows;
  const int64_t allocations = scope.count();

  EXPECT_EQ(rows, 180);
  EXPECT_EQ(allocations, 0);
}

}  // namespace
}  // namespace gyrus
