// SPDX-License-Identifier: Apache-2.0
#include "runtime/health.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/binding.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/runtime.h"
#include "runtime/store/file_lock.h"
#include "runtime/store/salvage.h"

namespace gyrus {
namespace {

std::string Text(const absl::Status& status) { return std::string(status.message()); }

std::string CountsOf(const StateHealth& state) {
  return absl::StrCat(state.whole_rows, " of ", state.rows, " rows of the journal with ",
                      state.blocks, " blocks, ", state.sessions, " sessions, ", state.lines,
                      " lines of history");
}

// The directory's brain as far as its text goes, or nothing, having said why.
std::unique_ptr<const Plan> ExamineText(const std::string& directory, BrainHealth* health) {
  const std::string path = BrainPath(directory);
  const auto text = ReadFile(path);
  if (!text.ok()) {
    health->wrong.push_back(Text(text.status()));
    return nullptr;
  }
  const auto spec = ParseBrain(*text, path);
  if (!spec.ok()) {
    health->wrong.push_back(Text(spec.status()));
    return nullptr;
  }
  if (!IsBound(*spec)) {
    health->notes.push_back("the brain has not seen any input yet");
    return nullptr;
  }
  auto plan = Plan::Create(*spec);
  if (!plan.ok()) {
    health->wrong.push_back(absl::StrCat(path, ": ", Text(plan.status())));
    return nullptr;
  }
  health->notes.push_back(absl::StrCat(path, " is sound"));
  return *std::move(plan);
}

// What rows alone do not tell: whether blocks and positions fit the brain.
void ExamineWhole(const std::string& directory, BrainHealth* health) {
  const auto runtime = Runtime::Open(directory, {.read_only = true});
  if (!runtime.ok()) {
    health->wrong.push_back(Text(runtime.status()));
    return;
  }
  for (const std::string& name : (*runtime)->saved_sessions()) {
    const auto session = (*runtime)->OpenSession({.name = name, .mode = Mode::kFrozen});
    if (!session.ok()) health->wrong.push_back(Text(session.status()));
  }
}

void ExamineLock(const std::string& state, BrainHealth* health) {
  const auto lock = FileLock::Take(state);
  if (absl::IsUnavailable(lock.status())) {
    health->notes.push_back(
        absl::StrCat(Text(lock.status()), ": what it has made durable so far was looked at"));
  }
}

std::string FreeName(const std::string& state) {
  std::error_code error;
  for (int n = 1;; ++n) {
    std::string name = absl::StrCat(state, ".damaged-", n);
    if (!std::filesystem::exists(name, error)) return name;
  }
}

// The database with its log, which belongs to it by name.
absl::Status Move(const std::string& from, const std::string& to) {
  for (const char* const part : {"-wal", ""}) {
    std::error_code error;
    if (!std::filesystem::exists(from + part, error)) continue;
    std::filesystem::rename(from + part, to + part, error);
    if (error) {
      return absl::FailedPreconditionError(
          absl::StrCat("cannot move ", from, part, " to ", to, part, ": ", error.message()));
    }
  }
  std::error_code ignored;
  std::filesystem::remove(from + "-shm", ignored);
  return absl::OkStatus();
}

void RemoveState(const std::string& path) {
  for (const char* const part : {"", "-wal", "-shm", ".lock"}) {
    std::error_code ignored;
    std::filesystem::remove(path + part, ignored);
  }
}

}  // namespace

StateDb::Options StateOptionsOf(const Plan& plan) {
  StateDb::Options options;
  options.fingerprint = Fingerprint(plan.spec());
  for (const PlanBuilder::Table& table : plan.tables()) {
    options.tables.push_back({table.spec.name, table.spec.layout.block_bytes()});
  }
  return options;
}

BrainHealth ExamineBrain(const std::string& directory) {
  BrainHealth health;
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    health.wrong.push_back(absl::StrCat("there is no directory ", directory));
    return health;
  }
  const std::unique_ptr<const Plan> plan = ExamineText(directory, &health);
  const std::string state = StatePath(directory);
  if (!std::filesystem::exists(state, error)) {
    if (std::filesystem::exists(state + "-wal", error)) {
      health.wrong.push_back(
          absl::StrCat(state, " is missing, but its log ", state, "-wal is there"));
    } else {
      health.notes.push_back("nothing was ever saved");
    }
    return health;
  }
  if (plan == nullptr) {
    health.wrong.push_back(absl::StrCat(state, " cannot be judged without the brain's text"));
    return health;
  }
  ExamineLock(state, &health);
  const auto found = ExamineState(state, StateOptionsOf(*plan));
  if (!found.ok()) {
    health.wrong.push_back(absl::StrCat(state, ": ", Text(found.status())));
    health.repairable = !absl::IsUnavailable(found.status());
    return health;
  }
  for (const std::string& wrong : found->wrong) {
    health.wrong.push_back(absl::StrCat(state, ": ", wrong));
  }
  health.notes.push_back(absl::StrCat(state, ": whole are ", CountsOf(*found)));
  if (found->snapshots > 0) {
    health.notes.push_back(
        absl::StrCat(state, ": ", found->snapshots, " snapshots, which a repair does not keep"));
  }
  health.repairable = !found->wrong.empty() && !found->other_brain;
  if (found->wrong.empty()) ExamineWhole(directory, &health);
  return health;
}

absl::StatusOr<Repair> RepairBrain(const std::string& directory) {
  const BrainHealth health = ExamineBrain(directory);
  if (!health.repairable) {
    return absl::FailedPreconditionError(health.wrong.empty()
                                             ? "nothing is wrong: there is nothing to repair"
                                             : "this is not for a repair to put right");
  }
  GYRUS_ASSIGN_OR_RETURN(const std::string text, ReadFile(BrainPath(directory)));
  GYRUS_ASSIGN_OR_RETURN(const BrainSpec spec, ParseBrain(text, BrainPath(directory)));
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<const Plan> plan, Plan::Create(spec));
  const std::string state = StatePath(directory);
  const std::string fresh = state + ".repaired";
  GYRUS_ASSIGN_OR_RETURN(const FileLock lock, FileLock::Take(state));
  RemoveState(fresh);  // Of a repair that was broken off.
  Repair repair = {.kept_as = FreeName(state), .kept = {}};
  const auto found = SalvageState(state, fresh, StateOptionsOf(*plan));
  if (found.ok()) {
    repair.kept.push_back(CountsOf(*found));
  } else if (absl::IsFailedPrecondition(found.status()) || absl::IsDataLoss(found.status())) {
    RemoveState(fresh);  // No database at all: the brain begins anew.
    repair.kept.push_back("nothing: no part of it can be read, so the brain begins anew");
  } else {
    RemoveState(fresh);
    return found.status();
  }
  GYRUS_RETURN_IF_ERROR(Move(state, repair.kept_as));
  if (found.ok()) GYRUS_RETURN_IF_ERROR(Move(fresh, state));
  RemoveState(fresh);
  return repair;
}

}  // namespace gyrus
