// SPDX-License-Identifier: Apache-2.0
#include "tools/wall_time.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace gyrus {
namespace {

absl::Time ToAbsl(WallTime time) { return absl::FromUnixMillis(time.time_since_epoch().count()); }

}  // namespace

WallTime WallTimeNow() {
  return WallTime(std::chrono::milliseconds(absl::ToUnixMillis(absl::Now())));
}

std::string FormatWallTime(WallTime time, absl::TimeZone zone) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S", ToAbsl(time), zone);
}

absl::StatusOr<WallTime> ParseWallTime(absl::string_view text, WallTime now, absl::TimeZone zone) {
  const std::string day = absl::FormatTime("%Y-%m-%d ", ToAbsl(now), zone);
  absl::Time time;
  std::string ignored;
  for (const char* const format :
       {"%Y-%m-%d %H:%M:%E*S", "%Y-%m-%d %H:%M", "%Y-%m-%d%ET%H:%M:%E*S%Ez"}) {
    for (const std::string& whole : {std::string(text), day + std::string(text)}) {
      if (absl::ParseTime(format, whole, zone, &time, &ignored)) {
        return WallTime(std::chrono::milliseconds(absl::ToUnixMillis(time)));
      }
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "a time is like 14:00, \"2026-11-22 14:00:05\" or 2026-11-22T14:00:05Z, got \"", text, "\""));
}

absl::StatusOr<Nanos> ParseInterval(absl::string_view text) {
  absl::Duration duration;
  if (absl::ParseDuration(text, &duration) && duration >= absl::Seconds(1) &&
      duration <= absl::Hours(24 * 365)) {
    return Nanos(absl::ToInt64Nanoseconds(duration));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("an interval is like 90s, 10m or 1.5h, at least 1s, got \"", text, "\""));
}

}  // namespace gyrus
