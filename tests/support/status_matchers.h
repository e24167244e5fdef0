// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/status_macros.h"

// Matchers for absl::Status and absl::StatusOr, which this Abseil does not ship:
//
//   EXPECT_THAT(store.Publish(), IsOk());
//   EXPECT_THAT(ParseCount("3"), IsOkAndHolds(3));
//   EXPECT_THAT(ParseCount("x"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"x\"")));
//   ASSERT_OK_AND_ASSIGN(const int count, ParseCount("3"));
namespace gyrus::test {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }

template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

MATCHER(IsOk, negation ? "is not OK" : "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

MATCHER_P(IsOkAndHolds, inner, std::string("holds ") + testing::PrintToString(inner)) {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return testing::ExplainMatchResult(inner, *arg, result_listener);
}

// `message` is a matcher of the message as a std::string, or a string that it must equal.
MATCHER_P2(StatusIs, code, message, "is " + absl::StatusCodeToString(code)) {
  const absl::Status& status = StatusOf(arg);
  *result_listener << status.ToString();
  return status.code() == code &&
         testing::ExplainMatchResult(message, std::string(status.message()), result_listener);
}

inline auto StatusIs(absl::StatusCode code) { return StatusIs(code, testing::_); }

}  // namespace gyrus::test

// Assigns the value of a StatusOr to `target`, or fails the test and returns from it.
#define ASSERT_OK_AND_ASSIGN(target, expression) \
  GYRUS_ASSERT_OK_AND_ASSIGN_IMPL_(GYRUS_CONCAT_(gyrus_status_or_, __LINE__), target, expression)

#define GYRUS_ASSERT_OK_AND_ASSIGN_IMPL_(temporary, target, expression) \
  auto temporary = (expression);                                        \
  ASSERT_THAT(temporary, ::gyrus::test::IsOk()) << #expression;         \
  target = *std::move(temporary)
