// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/forget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::StatusIs;
using testing::HasSubstr;

WallTime At(int seconds) { return WallTime(std::chrono::seconds(seconds)); }

// Snapshots "a", "b", "c" at 100, 200 and 300 seconds; it is 400.
absl::StatusOr<SnapshotInterval> Find(int from, int to) {
  std::vector<StateSnapshot> list(3);
  for (int s = 0; s < 3; ++s) {
    list[static_cast<std::size_t>(s)].time = At(100 * (s + 1));
    list[static_cast<std::size_t>(s)].names = {{std::string(1, static_cast<char>('a' + s)), false}};
  }
  return FindInterval(list, At(from), At(to), At(400), absl::UTCTimeZone());
}

TEST(FindInterval, TakesTheNarrowestSnapshotsAroundIt) {
  const auto inner = Find(150, 170);
  ASSERT_THAT(inner, IsOk());
  EXPECT_EQ(inner->before, 0U);
  EXPECT_EQ(inner->after, 1U);
  const auto wide = Find(150, 250);
  ASSERT_THAT(wide, IsOk());
  EXPECT_EQ(wide->before, 0U);
  EXPECT_EQ(wide->after, 2U);
  const auto exact = Find(200, 300);
  ASSERT_THAT(exact, IsOk());
  EXPECT_EQ(exact->before, 1U);
  EXPECT_EQ(exact->after, 2U);
}

TEST(FindInterval, EndsNowWhereNoSnapshotIsFromAfterIt) {
  for (const int to : {301, 399, 1000}) {
    const auto open = Find(250, to);
    ASSERT_THAT(open, IsOk());
    EXPECT_EQ(open->before, 1U);
    EXPECT_FALSE(open->after.has_value());
  }
}

TEST(FindInterval, SaysTheWayOut) {
  EXPECT_THAT(Find(99, 150), StatusIs(absl::StatusCode::kFailedPrecondition,
                                      HasSubstr("the oldest, \"a\", is from 1970-01-01 00:01:40")));
  EXPECT_THAT(FindInterval({}, At(1), At(2), At(3), absl::UTCTimeZone()),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--snapshot-every 10m")));
  EXPECT_THAT(Find(170, 150), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Find(401, 500), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace gyrus
