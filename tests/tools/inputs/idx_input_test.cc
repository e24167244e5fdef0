// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/idx_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"
#include "tests/tools/inputs/idx_bytes.h"

namespace gyrus {
namespace {

using test::IdxImages;
using test::IdxLabels;
using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using testing::ElementsAre;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<std::unique_ptr<IdxInput>> Open(const std::string& images) {
  return IdxInput::Create(ByteReader::FromString("images", images), std::nullopt);
}

absl::StatusOr<std::unique_ptr<IdxInput>> Open(const std::string& images,
                                               const std::string& labels) {
  return IdxInput::Create(ByteReader::FromString("images", images),
                          ByteReader::FromString("labels", labels));
}

TEST(IdxInputTest, ReadsImagesAndTheirLabels) {
  ASSERT_OK_AND_ASSIGN(const auto input,
                       Open(IdxImages(2, 1, 3, "abcdef"), IdxLabels(2, "\x07\xff")));
  Record record;

  EXPECT_EQ(input->schema().kind, Schema::Kind::kImages);
  EXPECT_EQ(input->schema().height, 1);
  EXPECT_EQ(input->schema().width, 3);
  EXPECT_TRUE(input->schema().labelled);
  EXPECT_EQ(input->size_hint(), 2U);
  ASSERT_THAT(input->Next(&record), IsOkAndHolds(true));
  EXPECT_THAT(record.pixels, ElementsAre('a', 'b', 'c'));
  EXPECT_EQ(record.label, 7);
  ASSERT_THAT(input->Next(&record), IsOkAndHolds(true));
  EXPECT_THAT(record.pixels, ElementsAre('d', 'e', 'f'));
  EXPECT_EQ(record.label, 255);
  EXPECT_THAT(input->Next(&record), IsOkAndHolds(false));
}

TEST(IdxInputTest, ReadsImagesWithoutLabels) {
  ASSERT_OK_AND_ASSIGN(const auto input, Open(IdxImages(1, 1, 1, "a")));
  Record record;

  ASSERT_THAT(input->Next(&record), IsOkAndHolds(true));

  EXPECT_FALSE(input->schema().labelled);
  EXPECT_EQ(record.label, std::nullopt);
}

TEST(IdxInputTest, GoesBackToAnImage) {
  ASSERT_OK_AND_ASSIGN(const auto input, Open(IdxImages(3, 1, 1, "abc"), IdxLabels(3, "123")));
  Record record;
  for (int i = 0; i < 3; ++i) ASSERT_THAT(input->Next(&record), IsOkAndHolds(true));

  ASSERT_THAT(input->Seek({.offset = 1}), IsOk());

  ASSERT_THAT(input->Next(&record), IsOkAndHolds(true));
  EXPECT_THAT(record.pixels, ElementsAre('b'));
  EXPECT_EQ(record.label, '2');
  EXPECT_EQ(record.place.offset, 1U);
  EXPECT_THAT(input->Seek({.offset = 4}),
              StatusIs(absl::StatusCode::kOutOfRange, "images has 3 images, cannot go to image 4"));
}

TEST(IdxInputTest, RefusesAHeaderThatDisagreesWithTheFile) {
  EXPECT_THAT(Open(IdxImages(3, 1, 2, "abcd")),
              StatusIs(kInvalid,
                       "images: the header declares 3 images of 1 x 2 pixels (22 bytes), the file "
                       "has 20 bytes"));
  EXPECT_THAT(Open(IdxImages(1, 1, 2, "abcd")),
              StatusIs(kInvalid,
                       "images: the header declares 1 images of 1 x 2 pixels (18 bytes), the file "
                       "has 20 bytes"));
  EXPECT_THAT(Open(IdxImages(0xFFFFFFFF, 4096, 4096, "abcd")),
              StatusIs(kInvalid, testing::HasSubstr("(72057594021150736 bytes), the file has 20")));
  EXPECT_THAT(
      Open(IdxImages(1, 1, 1, "a"), IdxLabels(3, "1")),
      StatusIs(kInvalid, "labels: the header declares 3 labels (11 bytes), the file has 9 bytes"));
}

TEST(IdxInputTest, RefusesAnotherNumberOfLabels) {
  EXPECT_THAT(Open(IdxImages(2, 1, 1, "ab"), IdxLabels(3, "123")),
              StatusIs(kInvalid, "labels has 3 labels, images has 2 images"));
}

TEST(IdxInputTest, RefusesImpossibleSizes) {
  EXPECT_THAT(Open(IdxImages(0, 28, 28, "")),
              StatusIs(kInvalid, "images: expected at least 1 image, found 0"));
  EXPECT_THAT(Open(IdxImages(1, 0, 28, "")),
              StatusIs(kInvalid, "images: image sides must be in [1, 4096], found 0 x 28"));
  EXPECT_THAT(Open(IdxImages(1, 28, 4097, "")),
              StatusIs(kInvalid, "images: image sides must be in [1, 4096], found 28 x 4097"));
}

TEST(IdxInputTest, RefusesWhatIsNotIdx) {
  EXPECT_THAT(
      Open("not an idx file, but text"),
      StatusIs(kInvalid, "images: expected IDX images (magic 0x00000803), found 0x6e6f7420"));
  EXPECT_THAT(
      Open(IdxImages(1, 1, 1, "a"), IdxImages(1, 1, 1, "a")),
      StatusIs(kInvalid, "labels: expected IDX labels (magic 0x00000801), found 0x00000803"));
  EXPECT_THAT(Open(IdxImages(1, 1, 1, "").substr(0, 11)),
              StatusIs(kInvalid, "images: expected an IDX header of 16 bytes, found 11 bytes"));
}

TEST(IdxInputTest, FindsLabelsByTheNameOfTheImages) {
  EXPECT_EQ(IdxInput::LabelsPath("/images/train-images-idx3-ubyte"),
            "/images/train-labels-idx1-ubyte");
  EXPECT_EQ(IdxInput::LabelsPath("t10k-images.idx3-ubyte"), "t10k-labels.idx1-ubyte");
  EXPECT_EQ(IdxInput::LabelsPath("images.idx"), "labels.idx");
  EXPECT_EQ(IdxInput::LabelsPath("/images/pictures-idx3-ubyte"), std::nullopt);
}

TEST(IdxInputTest, AllocatesNothingPerRecord) {
  ASSERT_OK_AND_ASSIGN(const auto input, Open(IdxImages(100, 2, 2, std::string(400, 'a')),
                                              IdxLabels(100, std::string(100, 'b'))));
  Record record;
  ASSERT_THAT(input->Next(&record), IsOkAndHolds(true));

  test::NoAllocScope scope;
  int images = 0;
  while (input->Next(&record).value()) ++images;
  const int64_t allocations = scope.count();

  EXPECT_EQ(images, 99);
  EXPECT_EQ(allocations, 0);
}

}  // namespace
}  // namespace gyrus
