// SPDX-License-Identifier: Apache-2.0
#include "runtime/snapshots.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/binding.h"
#include "runtime/block_images.h"
#include "runtime/brain_text.h"
#include "runtime/elements.h"
#include "runtime/files.h"
#include "runtime/health.h"
#include "runtime/position.h"

namespace gyrus {
namespace {

uint64_t StepsOf(const std::vector<StateCommit::Session>& sessions) {
  uint64_t steps = 0;
  for (const StateCommit::Session& session : sessions) steps += Position::StepsOf(session.position);
  return steps;
}

bool Equal(std::span<const std::byte> a, std::span<const std::byte> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

// The largest change of each tensor that differs, into those of `change`.
void CompareBlocks(const BlockLayout& layout, std::span<const std::byte> a,
                   std::span<const std::byte> b, Snapshots::TableChange* change) {
  for (std::size_t t = 0; t < layout.tensors().size(); ++t) {
    const TensorSpec& tensor = layout.tensors()[t];
    const auto of_a = a.subspan(layout.offset(t), layout.tensor_bytes(t));
    const auto of_b = b.subspan(layout.offset(t), layout.tensor_bytes(t));
    if (Equal(of_a, of_b)) continue;
    auto found = std::find_if(change->tensors.begin(), change->tensors.end(),
                              [&](const auto& known) { return known.name == tensor.name; });
    if (found == change->tensors.end()) {
      found = change->tensors.insert(found, {.name = tensor.name});
    }
    found->largest = std::max(found->largest, LargestDifference(tensor.type, of_a, of_b));
  }
}

}  // namespace

Snapshots::Snapshots(std::string directory, std::unique_ptr<const Plan> plan,
                     std::unique_ptr<StateDb> state)
    : directory_(std::move(directory)), plan_(std::move(plan)), state_(std::move(state)) {}

absl::StatusOr<std::unique_ptr<Snapshots>> Snapshots::Open(const std::string& directory,
                                                           Access access) {
  const std::string path = BrainPath(directory);
  GYRUS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  GYRUS_ASSIGN_OR_RETURN(const BrainSpec spec, ParseBrain(text, path));
  if (!IsBound(spec)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path,
                     ": the brain has not seen any input yet, so there is nothing to go back to; "
                     "gyrus learn ",
                     directory, " INPUT"));
  }
  auto plan = Plan::Create(spec);
  if (!plan.ok()) {
    return absl::Status(plan.status().code(), absl::StrCat(path, ": ", plan.status().message()));
  }
  StateDb::Options options = StateOptionsOf(**plan);
  options.mode = access == Access::kRead ? StateDb::Mode::kReadOnly : StateDb::Mode::kReadWrite;
  auto state = StateDb::Open(StatePath(directory), options);
  if (absl::IsUnavailable(state.status())) {
    return absl::UnavailableError(absl::StrCat(
        state.status().message(),
        "; wait until it has ended, or let it keep its own: gyrus learn --snapshot-every 10m"));
  }
  if (absl::IsDataLoss(state.status())) {
    return absl::DataLossError(absl::StrCat(state.status().message(), "; gyrus doctor ", directory,
                                            " says what is wrong and keeps what is whole"));
  }
  GYRUS_RETURN_IF_ERROR(state.status());
  return std::unique_ptr<Snapshots>(new Snapshots(directory, *std::move(plan), *std::move(state)));
}

// What is read later may turn out to be damaged, too.
absl::Status Snapshots::Explain(const absl::Status& status) const {
  if (!absl::IsDataLoss(status)) return status;
  return absl::DataLossError(absl::StrCat("state \"", StatePath(directory_),
                                          "\": ", status.message(), "; gyrus doctor ", directory_,
                                          " says what is wrong and keeps what is whole"));
}

absl::StatusOr<std::vector<StateSnapshot>> Snapshots::List() const {
  auto list = state_->Snapshots();
  if (!list.ok()) return Explain(list.status());
  return list;
}

absl::Status Snapshots::Save(absl::string_view name, WallTime now) {
  GYRUS_ASSIGN_OR_RETURN(const StateDb::Loaded sessions, state_->Sessions());
  StateCommit commit;
  commit.number = sessions.number;
  commit.snapshot = {.name = std::string(name), .time = now, .steps = StepsOf(sessions.sessions)};
  return state_->Append(commit);
}

absl::Status Snapshots::Tag(absl::string_view name, absl::string_view second) {
  return state_->TagSnapshot(name, second);
}

absl::Status Snapshots::Drop(absl::string_view name) { return Explain(state_->DropSnapshot(name)); }

// Under the first name "before-<what>-<n>" that is free.
absl::StatusOr<std::string> Snapshots::SaveBefore(absl::string_view what, WallTime now) {
  for (int n = 1;; ++n) {
    std::string name = absl::StrCat("before-", what, "-", n);
    const absl::Status saved = Save(name, now);
    if (absl::IsAlreadyExists(saved)) continue;
    GYRUS_RETURN_IF_ERROR(saved);
    return name;
  }
}

absl::StatusOr<std::unique_ptr<Store>> Snapshots::Start() const {
  return plan_->MakeStore({.max_readers = 1}, 1);
}

absl::StatusOr<Snapshots::Restored> Snapshots::Rollback(absl::string_view name, WallTime now) {
  GYRUS_ASSIGN_OR_RETURN(const std::vector<StateSnapshot> list, List());
  GYRUS_ASSIGN_OR_RETURN(const std::size_t place, FindSnapshot(list, name));
  Restored restored = {.saved_as = {}, .to = list[place]};
  const auto ids = state_->Changed(name, "");
  if (!ids.ok()) return Explain(ids.status());
  GYRUS_ASSIGN_OR_RETURN(const auto start, Start());
  const auto then = BlockImages::Load(*state_, name, *ids, start.get());
  if (!then.ok()) return Explain(then.status());
  const auto is = BlockImages::Load(*state_, "", *ids, start.get());
  if (!is.ok()) return Explain(is.status());
  GYRUS_ASSIGN_OR_RETURN(restored.saved_as, SaveBefore("rollback", now));

  StateCommit commit;
  for (std::size_t i = 0; i < ids->size(); ++i) {
    if (!Equal((*then)[i], (*is)[i])) commit.blocks.push_back({(*ids)[i], (*then)[i]});
  }
  RestoreSessions(*then, *is, &commit);
  restored.blocks = commit.blocks.size();
  restored.ended = commit.ended.size();
  commit.history = {absl::StrCat(R"({"kind":"snapshot","event":"rollback","to":")", name,
                                 R"(","blocks":)", restored.blocks, R"(,"saved_as":")",
                                 restored.saved_as, R"("})")};
  GYRUS_RETURN_IF_ERROR(AppendNext(&commit));
  return restored;
}

// Those that began since are ended.
void Snapshots::RestoreSessions(const BlockImages& then, const BlockImages& now,
                                StateCommit* commit) {
  commit->sessions = then.sessions();
  for (const StateCommit::Session& session : now.sessions()) {
    const bool known = std::any_of(then.sessions().begin(), then.sessions().end(),
                                   [&](const auto& other) { return other.name == session.name; });
    if (!known) commit->ended.push_back(session.name);
  }
}

absl::Status Snapshots::AppendNext(StateCommit* commit) {
  GYRUS_ASSIGN_OR_RETURN(const StateDb::Loaded last, state_->Sessions());
  commit->number = last.number + (commit->blocks.empty() ? 0 : 1);
  return state_->Append(*commit);
}

absl::Status Snapshots::CheckOrder(absl::string_view from, absl::string_view to) const {
  GYRUS_ASSIGN_OR_RETURN(const std::vector<StateSnapshot> list, List());
  GYRUS_ASSIGN_OR_RETURN(const std::size_t first, FindSnapshot(list, from));
  if (to.empty()) return absl::OkStatus();
  GYRUS_ASSIGN_OR_RETURN(const std::size_t last, FindSnapshot(list, to));
  if (first <= last) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("snapshot \"", from, "\" is newer than \"", to, "\": name the older one first"));
}

absl::StatusOr<std::vector<Snapshots::TableChange>> Snapshots::Diff(absl::string_view from,
                                                                    absl::string_view to) const {
  GYRUS_RETURN_IF_ERROR(CheckOrder(from, to));
  const auto ids = state_->Changed(from, to);
  if (!ids.ok()) return Explain(ids.status());
  GYRUS_ASSIGN_OR_RETURN(const auto start, Start());
  const auto a = BlockImages::Load(*state_, from, *ids, start.get());
  if (!a.ok()) return Explain(a.status());
  const auto b = BlockImages::Load(*state_, to, *ids, start.get());
  if (!b.ok()) return Explain(b.status());
  std::vector<TableChange> changes;
  for (std::size_t i = 0; i < ids->size(); ++i) {
    if (Equal((*a)[i], (*b)[i])) continue;
    const TableSpec& spec = start->spec((*ids)[i].table);
    if (changes.empty() || changes.back().name != spec.name) {
      changes.push_back({.name = spec.name, .blocks = spec.blocks, .changed = 0, .tensors = {}});
    }
    ++changes.back().changed;
    CompareBlocks(spec.layout, (*a)[i], (*b)[i], &changes.back());
  }
  return changes;
}

}  // namespace gyrus
