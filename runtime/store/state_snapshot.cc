// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/state_snapshot.h"

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr std::size_t kLongestName = 64;
constexpr std::size_t kNumbers = 10;

absl::Status Damaged() {
  return absl::DataLossError("damaged: \"snapshots\" in meta is no list of snapshots");
}

absl::StatusOr<StateSnapshot> ParseLine(absl::string_view line) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  if (words.size() <= kNumbers) return Damaged();
  std::array<uint64_t, kNumbers> n{};
  for (std::size_t i = 0; i < kNumbers; ++i) {
    if (!absl::SimpleAtoi(words[i], &n[i])) return Damaged();
  }
  StateSnapshot snapshot = {.id = n[0],
                            .row = n[1],
                            .number = n[2],
                            .time = WallTime(std::chrono::milliseconds(n[3])),
                            .steps = n[4],
                            .kept_rows = n[5],
                            .kept_bytes = n[6],
                            .position_bytes = n[7],
                            .sessions = n[8],
                            .sessions_seal = n[9],
                            .names = {}};
  for (std::size_t i = kNumbers; i < words.size(); ++i) {
    if (words[i].size() < 2) return Damaged();
    snapshot.names.push_back({std::string(words[i].substr(1)), words[i][0] == '~'});
  }
  return snapshot;
}

}  // namespace

absl::Status CheckSnapshotName(absl::string_view name) {
  const bool fits = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
  if (fits && !name.empty() && name[0] != '-' && name.size() <= kLongestName) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a snapshot's name has 1 to ", kLongestName,
                   " letters, digits, '.', '_' or '-' and begins with no '-', got \"", name, "\""));
}

std::string FormatSnapshots(const std::vector<StateSnapshot>& snapshots) {
  return absl::StrJoin(snapshots, "\n", [](std::string* out, const StateSnapshot& s) {
    absl::StrAppend(out, s.id, " ", s.row, " ", s.number, " ", s.time.time_since_epoch().count());
    absl::StrAppend(out, " ", s.steps, " ", s.kept_rows, " ", s.kept_bytes, " ", s.position_bytes);
    absl::StrAppend(out, " ", s.sessions, " ", s.sessions_seal);
    for (const StateSnapshot::Name& name : s.names) {
      absl::StrAppend(out, " ", name.automatic ? "~" : "=", name.name);
    }
  });
}

absl::StatusOr<std::vector<StateSnapshot>> ParseSnapshots(absl::string_view text) {
  std::vector<StateSnapshot> snapshots;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    GYRUS_ASSIGN_OR_RETURN(StateSnapshot snapshot, ParseLine(line));
    if (!snapshots.empty() &&
        (snapshot.id <= snapshots.back().id || snapshot.row < snapshots.back().row)) {
      return Damaged();
    }
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

absl::StatusOr<std::size_t> FindSnapshot(const std::vector<StateSnapshot>& snapshots,
                                         absl::string_view name) {
  std::vector<std::string> names;
  for (std::size_t s = 0; s < snapshots.size(); ++s) {
    for (const StateSnapshot::Name& known : snapshots[s].names) {
      if (known.name == name) return s;
      names.push_back(known.name);
    }
  }
  return absl::NotFoundError(
      absl::StrCat("there is no snapshot \"", name, "\"; ",
                   names.empty() ? "this brain has none"
                                 : absl::StrCat("there are ", absl::StrJoin(names, ", "))));
}

}  // namespace gyrus
