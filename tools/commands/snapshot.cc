// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/snapshot.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "core/status_macros.h"
#include "runtime/snapshots.h"
#include "tools/bind_brain.h"
#include "tools/json.h"
#include "tools/progress.h"
#include "tools/wall_time.h"

namespace gyrus {
namespace {

std::string TimeText(WallTime time) { return FormatWallTime(time, absl::LocalTimeZone()); }

std::string BytesText(uint64_t bytes) {
  return absl::StrCat(FormatCount(static_cast<double>(bytes)), "B");
}

std::string NamesOf(const StateSnapshot& snapshot) {
  return absl::StrJoin(snapshot.names, ", ", [](std::string* out, const StateSnapshot::Name& name) {
    absl::StrAppend(out, name.name);
  });
}

uint64_t CostOf(const StateSnapshot& snapshot) {
  return snapshot.kept_bytes + snapshot.position_bytes;
}

std::string ListJson(const StateSnapshot& snapshot) {
  return JsonObject()
      .Add("name", absl::string_view(NamesOf(snapshot)))
      .Add("time", absl::string_view(FormatWallTime(snapshot.time, absl::UTCTimeZone())))
      .Add("number", uint64_t{snapshot.number})
      .Add("steps", snapshot.steps)
      .Add("changed_blocks", snapshot.changed_blocks)
      .Add("bytes", CostOf(snapshot))
      .ToString();
}

absl::Status List(const SnapshotOptions& options, const Snapshots& snapshots) {
  GYRUS_ASSIGN_OR_RETURN(const std::vector<StateSnapshot> list, snapshots.List());
  if (options.json) {
    for (const StateSnapshot& snapshot : list) std::puts(ListJson(snapshot).c_str());
    return absl::OkStatus();
  }
  if (list.empty()) {
    std::printf("no snapshots; to keep what the brain is now: gyrus snapshot save %s NAME\n",
                options.directory.c_str());
    return absl::OkStatus();
  }
  std::size_t width = 4;
  for (const StateSnapshot& snapshot : list) width = std::max(width, NamesOf(snapshot).size());
  std::printf("%-*s  %-23s  %10s  %14s  %8s\n", static_cast<int>(width), "NAME", "TIME", "STEPS",
              "BLOCKS CHANGED", "COSTS");
  uint64_t bytes = 0;
  for (const StateSnapshot& snapshot : list) {
    bytes += CostOf(snapshot);
    std::printf("%-*s  %s  %10s  %14s  %8s\n", static_cast<int>(width), NamesOf(snapshot).c_str(),
                TimeText(snapshot.time).c_str(),
                FormatCount(static_cast<double>(snapshot.steps)).c_str(),
                FormatCount(static_cast<double>(snapshot.changed_blocks)).c_str(),
                BytesText(CostOf(snapshot)).c_str());
  }
  std::printf("all together: %s, beside the journal\n", BytesText(bytes).c_str());
  return absl::OkStatus();
}

absl::Status Rollback(const SnapshotOptions& options, Snapshots* snapshots) {
  GYRUS_ASSIGN_OR_RETURN(const Snapshots::Restored done,
                         snapshots->Rollback(options.name, WallTimeNow()));
  std::printf("%s is as it was at \"%s\", %s: %llu blocks came back", options.directory.c_str(),
              options.name.c_str(), TimeText(done.to.time).c_str(),
              static_cast<unsigned long long>(done.blocks));
  if (done.ended > 0) {
    std::printf("; %llu sessions that began since are forgotten",
                static_cast<unsigned long long>(done.ended));
  }
  std::printf("\nto undo this: gyrus snapshot rollback %s %s\n", options.directory.c_str(),
              done.saved_as.c_str());
  return absl::OkStatus();
}

std::string DiffJson(const Snapshots::TableChange& change) {
  JsonObject largest;
  for (const auto& tensor : change.tensors) largest.Add(tensor.name, tensor.largest);
  return JsonObject()
      .Add("table", absl::string_view(change.name))
      .Add("blocks", change.blocks)
      .Add("changed", change.changed)
      .AddJson("largest", largest.ToString())
      .ToString();
}

absl::Status Diff(const SnapshotOptions& options, const Snapshots& snapshots) {
  GYRUS_ASSIGN_OR_RETURN(const std::vector<Snapshots::TableChange> changes,
                         snapshots.Diff(options.name, options.second));
  if (options.json) {
    for (const auto& change : changes) std::puts(DiffJson(change).c_str());
    return absl::OkStatus();
  }
  std::printf("from %s to %s: %s\n", options.name.c_str(),
              options.second.empty() ? "now" : options.second.c_str(),
              changes.empty() ? "no block differs" : "blocks that differ, and the largest change");
  for (const auto& change : changes) {
    const double share = static_cast<double>(change.changed) / static_cast<double>(change.blocks);
    const std::string largest = absl::StrJoin(
        change.tensors, ", ", [](std::string* out, const Snapshots::TensorChange& tensor) {
          absl::StrAppendFormat(out, "%s %.4g", tensor.name, tensor.largest);
        });
    std::printf("  %s: %llu of %llu (%.3g %%): %s\n", change.name.c_str(),
                static_cast<unsigned long long>(change.changed),
                static_cast<unsigned long long>(change.blocks), 100 * share, largest.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SnapshotCommand(const SnapshotOptions& options) {
  using Action = SnapshotOptions::Action;
  GYRUS_ASSIGN_OR_RETURN(const BrainSpec spec, ReadBrain(options.directory));
  if (!HasState(options.directory)) return NothingLearned(options.directory, spec);
  const bool reads = options.action == Action::kList || options.action == Action::kDiff;
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Snapshots> snapshots,
                         Snapshots::Open(options.directory, reads ? Snapshots::Access::kRead
                                                                  : Snapshots::Access::kWrite));
  switch (options.action) {
    case Action::kList:
      return List(options, *snapshots);
    case Action::kSave:
      return snapshots->Save(options.name, WallTimeNow());
    case Action::kTag:
      return snapshots->Tag(options.name, options.second);
    case Action::kDrop:
      return snapshots->Drop(options.name);
    case Action::kRollback:
      return Rollback(options, snapshots.get());
    case Action::kDiff:
      return Diff(options, *snapshots);
  }
  return absl::OkStatus();
}

}  // namespace gyrus
