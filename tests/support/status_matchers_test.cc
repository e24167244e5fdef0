// SPDX-License-Identifier: Apache-2.0
#include "tests/support/status_matchers.h"

#include <gmock/gmock.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <memory>

namespace gyrus::test {
namespace {

using testing::HasSubstr;
using testing::Not;

const absl::Status& Refusal() {
  static const absl::Status status = absl::InvalidArgumentError("rate must be in (0, 2), got 3");
  return status;
}

TEST(StatusMatchersTest, IsOkTellsSuccessFromFailure) {
  EXPECT_THAT(absl::OkStatus(), IsOk());
  EXPECT_THAT(absl::StatusOr<int>(3), IsOk());
  EXPECT_THAT(Refusal(), Not(IsOk()));
  EXPECT_THAT(absl::StatusOr<int>(Refusal()), Not(IsOk()));
}

TEST(StatusMatchersTest, IsOkAndHoldsLooksInside) {
  EXPECT_THAT(absl::StatusOr<int>(3), IsOkAndHolds(3));
  EXPECT_THAT(absl::StatusOr<int>(3), IsOkAndHolds(testing::Gt(2)));
  EXPECT_THAT(absl::StatusOr<int>(4), Not(IsOkAndHolds(3)));
  EXPECT_THAT(absl::StatusOr<int>(Refusal()), Not(IsOkAndHolds(3)));
}

TEST(StatusMatchersTest, StatusIsComparesCodeAndMessage) {
  EXPECT_THAT(Refusal(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Refusal(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got 3")));
  EXPECT_THAT(Refusal(), Not(StatusIs(absl::StatusCode::kNotFound)));
  EXPECT_THAT(Refusal(), Not(StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("got 4"))));
}

TEST(StatusMatchersTest, AssignMovesTheValueOut) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<int> value,
                       absl::StatusOr<std::unique_ptr<int>>(std::make_unique<int>(5)));

  EXPECT_EQ(*value, 5);
}

void AssignsFromRefusal() {
  ASSERT_OK_AND_ASSIGN(const int value, absl::StatusOr<int>(Refusal()));
  FAIL() << "went on with " << value;
}

TEST(StatusMatchersTest, AssignStopsTheTestWithTheMessage) {
  EXPECT_FATAL_FAILURE(AssignsFromRefusal(), "rate must be in (0, 2), got 3");
}

}  // namespace
}  // namespace gyrus::test
