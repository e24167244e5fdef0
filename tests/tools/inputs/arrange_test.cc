// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/arrange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/status_matchers.h"
#include "tests/tools/inputs/idx_bytes.h"
#include "tools/inputs/bytes_input.h"
#include "tools/inputs/csv_input.h"
#include "tools/inputs/idx_input.h"

namespace gyrus {
namespace {

using test::IsOkAndHolds;
using test::StatusIs;

absl::StatusOr<std::unique_ptr<Input>> Table(const std::string& text) {
  return CsvInput::Create(ByteReader::FromString("file.csv", text), {});
}

// The first column of every record, one after the other; for images the labels.
absl::StatusOr<std::string> Sequence(Input* input) {
  std::string sequence;
  Record record;
  for (;;) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, input->Next(&record));
    if (!more) return sequence;
    if (record.label.has_value()) {
      sequence.push_back(static_cast<char>(*record.label));
    } else {
      sequence.append(record.fields[0].text.data(), record.fields[0].text.size());
    }
  }
}

absl::StatusOr<std::string> OrderedSequence(const std::string& text, const ClassOrder& order) {
  GYRUS_ASSIGN_OR_RETURN(auto table, Table(text));
  GYRUS_ASSIGN_OR_RETURN(const auto ordered, OrderByClass(std::move(table), order));
  return Sequence(ordered.get());
}

TEST(OrderByClassTest, GroupsRowsAndKeepsTheirOrderWithin) {
  const std::string numbers = "id,class\na,10\nb,9\nc,10\nd,?\ne,9\nf,-1\n";
  const std::string words = "id,class\na,up\nb,down\nc,up\n";

  EXPECT_THAT(OrderedSequence(numbers, {.target = "class"}), IsOkAndHolds("fbeacd"));
  EXPECT_THAT(OrderedSequence(words, {.target = "class"}), IsOkAndHolds("bac"));
  EXPECT_THAT(OrderedSequence(numbers, {.target = "class", .limit = 3}), IsOkAndHolds("bac"));
}

TEST(OrderByClassTest, GroupsImagesByLabel) {
  ASSERT_OK_AND_ASSIGN(
      auto images,
      IdxInput::Create(ByteReader::FromString("images", test::IdxImages(4, 1, 1, "wxyz")),
                       ByteReader::FromString("labels", test::IdxLabels(4, "3123"))));

  ASSERT_OK_AND_ASSIGN(const auto ordered, OrderByClass(std::move(images), {}));

  EXPECT_EQ(ordered->size_hint(), 4U);
  EXPECT_THAT(Sequence(ordered.get()), IsOkAndHolds("1233"));
}

TEST(OrderByClassTest, RefusesRecordsWithoutAClass) {
  ASSERT_OK_AND_ASSIGN(auto bytes, BytesInput::Create(ByteReader::FromString("text", "abc")));
  ASSERT_OK_AND_ASSIGN(
      auto images,
      IdxInput::Create(ByteReader::FromString("images", test::IdxImages(1, 1, 1, "w")), {}));

  EXPECT_THAT(OrderByClass(std::move(bytes), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "class order needs records with a class, found bytes"));
  EXPECT_THAT(OrderByClass(std::move(images), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "class order needs records with a class, found images without labels"));
  EXPECT_THAT(OrderedSequence("id,class\na,1\n", {.target = "kind"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "class order needs the target column, there is no column \"kind\""));
}

TEST(LimitRecordsTest, StopsAtTheLimit) {
  ASSERT_OK_AND_ASSIGN(auto table, Table("id\na\nb\nc\n"));

  const auto limited = LimitRecords(std::move(table), 2);

  EXPECT_EQ(limited->size_hint(), 2U);
  EXPECT_THAT(Sequence(limited.get()), IsOkAndHolds("ab"));
}

TEST(LimitRecordsTest, EndsWithAShorterInput) {
  ASSERT_OK_AND_ASSIGN(auto table, Table("id\na\nb\nc\n"));

  const auto limited = LimitRecords(std::move(table), 10);

  EXPECT_EQ(limited->size_hint(), 3U);
  EXPECT_THAT(Sequence(limited.get()), IsOkAndHolds("abc"));
}

}  // namespace
}  // namespace gyrus
