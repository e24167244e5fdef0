// SPDX-License-Identifier: Apache-2.0
#include "tools/wall_time.h"

#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::IsOkAndHolds;
using test::StatusIs;

const absl::TimeZone kZone = absl::FixedTimeZone(3600);
constexpr WallTime kNow{std::chrono::milliseconds(1'795'366'805'412)};  // 17:00:05.412 UTC.

TEST(WallTime, ReadsWhatItWrites) {
  EXPECT_EQ(FormatWallTime(kNow, kZone), "2026-11-22 18:00:05.412");
  EXPECT_THAT(ParseWallTime("2026-11-22 18:00:05.412", WallTime(), kZone), IsOkAndHolds(kNow));
}

TEST(WallTime, ReadsATimeOfTheDayAndOneOfAnyZone) {
  const WallTime minute = kNow - std::chrono::milliseconds(5412);
  EXPECT_THAT(ParseWallTime("18:00", kNow, kZone), IsOkAndHolds(minute));
  EXPECT_THAT(ParseWallTime("18:00:05", kNow, kZone),
              IsOkAndHolds(minute + std::chrono::seconds(5)));
  EXPECT_THAT(ParseWallTime("2026-11-22 18:00", WallTime(), kZone), IsOkAndHolds(minute));
  EXPECT_THAT(ParseWallTime("2026-11-22T17:00:00Z", WallTime(), kZone), IsOkAndHolds(minute));
}

TEST(WallTime, RefusesWhatIsNone) {
  for (const char* const text : {"", "noon", "25:00", "14", "2026-11-22"}) {
    EXPECT_THAT(ParseWallTime(text, kNow, kZone), StatusIs(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

TEST(WallTime, ReadsIntervals) {
  EXPECT_THAT(ParseInterval("90s"), IsOkAndHolds(Nanos(std::chrono::seconds(90))));
  EXPECT_THAT(ParseInterval("1.5h"), IsOkAndHolds(Nanos(std::chrono::minutes(90))));
  for (const char* const text : {"", "10", "0s", "-1m", "500ms", "inf"}) {
    EXPECT_THAT(ParseInterval(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace gyrus
