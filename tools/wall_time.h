// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "runtime/store/state_snapshot.h"

namespace gyrus {

// The time by the calendar, now. For commands; what is tested gets its time given.
WallTime WallTimeNow();

// "2026-11-22 14:00:05.412", on the clocks of `zone`.
std::string FormatWallTime(WallTime time, absl::TimeZone zone);

// Reads what FormatWallTime wrote, without its seconds or their parts if need be; "14:00" or
// "14:00:05", which is of the day of `now`; or RFC 3339, "2026-11-22T14:00:00Z". Returns
// InvalidArgument for anything else.
absl::StatusOr<WallTime> ParseWallTime(absl::string_view text, WallTime now, absl::TimeZone zone);

// "90s", "10m", "1.5h"; at least a second. Returns InvalidArgument.
absl::StatusOr<Nanos> ParseInterval(absl::string_view text);

}  // namespace gyrus
