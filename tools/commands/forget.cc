// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/forget.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/snapshots.h"
#include "tools/bind_brain.h"
#include "tools/progress.h"
#include "tools/wall_time.h"

namespace gyrus {
namespace {

std::string Blocks(uint64_t count) { return FormatCount(static_cast<double>(count)); }

void Tell(const ForgetOptions& options, const Snapshots::Forgotten& done) {
  std::printf("%s blocks are as they were before it, exactly\n", Blocks(done.exact).c_str());
  if (done.approximate > 0) {
    std::printf(
        "%s blocks learned since, too: the interval's part is taken out of them, approximately\n",
        Blocks(done.approximate).c_str());
  }
  if (done.lost > 0) {
    std::printf(
        "%s blocks of histories, anchors and the like went back to before it, with what they "
        "gathered since\n",
        Blocks(done.lost).c_str());
  }
  std::printf(
      "to undo this: gyrus snapshot rollback %s %s\n"
      "snapshots from after the interval's begin, that one among them, still hold it until they "
      "are dropped, and so do users who learned within it\n",
      options.directory.c_str(), done.saved_as.c_str());
}

}  // namespace

absl::StatusOr<SnapshotInterval> FindInterval(const std::vector<StateSnapshot>& list, WallTime from,
                                              WallTime to, WallTime now, absl::TimeZone zone) {
  if (from >= to || from > now) {
    return absl::InvalidArgumentError(
        absl::StrCat("an interval begins before it ends, and not in the future: got ",
                     FormatWallTime(from, zone), " to ", FormatWallTime(to, zone), ", and it is ",
                     FormatWallTime(now, zone)));
  }
  std::optional<SnapshotInterval> found;
  for (std::size_t s = 0; s < list.size(); ++s) {
    if (list[s].time <= from) {
      found = {.before = s, .after = std::nullopt};
    } else if (found.has_value() && !found->after.has_value() && list[s].time >= to) {
      found->after = s;
    }
  }
  if (found.has_value()) return *found;
  if (list.empty()) {
    return absl::FailedPreconditionError(
        "this brain has no snapshots to go by; from now on: gyrus learn --snapshot-every 10m");
  }
  return absl::FailedPreconditionError(
      absl::StrCat("no snapshot is from before ", FormatWallTime(from, zone), ": the oldest, \"",
                   list[0].names[0].name, "\", is from ", FormatWallTime(list[0].time, zone),
                   ", so forget from then on, or go back to it: gyrus snapshot rollback"));
}

absl::Status ForgetCommand(const ForgetOptions& options) {
  GYRUS_ASSIGN_OR_RETURN(const BrainSpec spec, ReadBrain(options.directory));
  if (!HasState(options.directory)) return NothingLearned(options.directory, spec);
  const absl::TimeZone zone = absl::LocalTimeZone();
  const WallTime now = WallTimeNow();
  GYRUS_ASSIGN_OR_RETURN(const WallTime from, ParseWallTime(options.from, now, zone));
  GYRUS_ASSIGN_OR_RETURN(const WallTime to, ParseWallTime(options.to, now, zone));
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Snapshots> snapshots,
                         Snapshots::Open(options.directory, Snapshots::Access::kWrite));
  GYRUS_ASSIGN_OR_RETURN(const std::vector<StateSnapshot> list, snapshots->List());
  GYRUS_ASSIGN_OR_RETURN(const SnapshotInterval interval, FindInterval(list, from, to, now, zone));
  const StateSnapshot& before = list[interval.before];
  const std::string after = interval.after.has_value() ? list[*interval.after].names[0].name : "";
  const WallTime end = interval.after.has_value() ? list[*interval.after].time : now;
  // What ends in the future ends now.
  const auto more = (from - before.time) + std::max(end - to, WallTime::duration(0));
  GYRUS_ASSIGN_OR_RETURN(const Snapshots::Forgotten done,
                         snapshots->Forget(before.names[0].name, after, now));
  std::printf("forgot what came in from %s (snapshot \"%s\") to %s (%s), %s more than asked for\n",
              FormatWallTime(before.time, zone).c_str(), before.names[0].name.c_str(),
              FormatWallTime(end, zone).c_str(),
              after.empty() ? "now" : absl::StrCat("snapshot \"", after, "\"").c_str(),
              absl::FormatDuration(absl::Milliseconds(more.count())).c_str());
  Tell(options, done);
  return absl::OkStatus();
}

}  // namespace gyrus
