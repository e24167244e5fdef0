// SPDX-License-Identifier: Apache-2.0
// A runtime's life on the disk: opening a brain's directory, and saving into it.
#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/binding.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/health.h"
#include "runtime/memory.h"
#include "runtime/runtime.h"
#include "runtime/store/state_db.h"

namespace gyrus {

absl::StatusOr<std::unique_ptr<Runtime>> Runtime::Open(const std::string& directory,
                                                       const Options& options) {
  const std::string path = BrainPath(directory);
  GYRUS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  GYRUS_ASSIGN_OR_RETURN(const BrainSpec spec, ParseBrain(text, path));
  if (!IsBound(spec)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path,
                     ": the brain has not seen any input yet, so its sizes are open; its "
                     "first input binds them"));
  }
  std::unique_ptr<Runtime> runtime(new Runtime());
  runtime->directory_ = directory;
  runtime->text_ = text;
  GYRUS_RETURN_IF_ERROR(runtime->Start(spec, options));
  GYRUS_RETURN_IF_ERROR(
      runtime->WithWayOut(WithinMemory([&] { return runtime->Load(directory); })));
  return runtime;
}

absl::Status Runtime::WithWayOut(const absl::Status& status) const {
  if (directory_.empty()) return status;
  if (absl::IsUnavailable(status) && !options_.read_only) {
    return absl::UnavailableError(absl::StrCat(
        status.message(), "; wait until it has ended, or follow it read-only: gyrus run"));
  }
  if (!absl::IsDataLoss(status)) return status;
  return absl::DataLossError(absl::StrCat(status.message(), "; gyrus doctor ", directory_,
                                          " says what is wrong and keeps what is whole"));
}

absl::Status Runtime::Load(const std::string& directory) {
  StateDb::Options options = StateOptionsOf(*plan_);
  options.mode = options_.read_only ? StateDb::Mode::kReadOnly : StateDb::Mode::kCreate;
  GYRUS_ASSIGN_OR_RETURN(std::unique_ptr<StateDb> state,
                         StateDb::Open(StatePath(directory), options));
  const auto visit = [&](BlockId id, std::span<const std::byte> bytes) {
    GYRUS_RETURN_IF_ERROR(CheckBlock(id));
    std::memcpy(store_->Initial(id).data(), bytes.data(), bytes.size());
    return absl::OkStatus();
  };
  GYRUS_ASSIGN_OR_RETURN(StateDb::Loaded loaded, state->Load(visit));
  for (StateCommit::Session& session : loaded.sessions) {
    positions_.Set(session.name, std::move(session.position));
  }
  if (options_.read_only) {
    state_ = std::move(state);
    loaded_row_ = loaded.row;
    return absl::OkStatus();
  }
  GYRUS_ASSIGN_OR_RETURN(
      journal_, Journal::Open(std::move(state), loaded.number, store_.get(), options_.durability));
  group_ = std::make_unique<SessionGroup>(journal_.get(), &positions_);
  background_->Write(journal_.get(), &positions_);
  return absl::OkStatus();
}

absl::Status Runtime::CheckBlock(BlockId id) const {
  const TableSpec& spec = store_->spec(id.table);
  if (id.index < spec.blocks) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("table \"", spec.name, "\" has ", spec.blocks,
                                          " blocks, the state holds block ", id.index));
}

std::vector<std::string> Runtime::saved_sessions() const { return positions_.names(); }

absl::StatusOr<bool> Runtime::Refresh() {
  absl::StatusOr<bool> newer;
  GYRUS_RETURN_IF_ERROR(WithinMemory([&] {
    newer = Follow();
    return newer.status();
  }));
  return newer;
}

// What is read is laid aside first: it may be damaged half-way.
absl::StatusOr<bool> Runtime::Follow() {
  if (state_ == nullptr) {
    return absl::FailedPreconditionError("only a brain that is open read-only follows its writer");
  }
  std::vector<BlockId> ids;
  std::vector<std::byte> blocks;
  const auto visit = [&](BlockId id, std::span<const std::byte> bytes) {
    GYRUS_RETURN_IF_ERROR(CheckBlock(id));
    ids.push_back(id);
    blocks.insert(blocks.end(), bytes.begin(), bytes.end());
    return absl::OkStatus();
  };
  GYRUS_ASSIGN_OR_RETURN(StateDb::Loaded loaded, state_->LoadSince(loaded_row_, visit));
  positions_.Clear();  // A rollback ends sessions.
  for (StateCommit::Session& session : loaded.sessions) {
    positions_.Set(session.name, std::move(session.position));
  }
  if (loaded.row == loaded_row_) return false;
  loaded_row_ = loaded.row;
  const std::byte* from = blocks.data();
  for (const BlockId& id : ids) {
    const std::size_t bytes = store_->spec(id.table).layout.block_bytes();
    std::memcpy(store_->Overwrite(id), from, bytes);
    from += bytes;
  }
  store_->Publish();
  return true;
}

absl::Status Runtime::Save(const std::vector<Session*>& sessions,
                           const std::vector<std::string>& history) {
  return WithinMemory([&] { return Save(sessions, history, std::nullopt); });
}

absl::Status Runtime::SaveSnapshot(const NewSnapshot& snapshot) {
  return WithinMemory([&] { return Save({}, {}, snapshot); });
}

absl::Status Runtime::Save(const std::vector<Session*>& sessions,
                           const std::vector<std::string>& history,
                           const std::optional<NewSnapshot>& snapshot) {
  if (journal_ == nullptr) {
    return absl::FailedPreconditionError(state_ == nullptr
                                             ? "a brain without a directory cannot be saved"
                                             : "the brain is open read-only");
  }
  std::vector<Session*> all = sessions;
  for (Session* const session : group_->sessions()) {
    if (std::find(all.begin(), all.end(), session) == all.end()) all.push_back(session);
  }
  for (Session* const session : all) GYRUS_RETURN_IF_ERROR(session->Settle());
  absl::Status saved;
  // Of one moment, while nothing learns.
  background_->Pause([&] {
    const auto positions = [&](Journal::Moment* moment) {
      for (const Session* const session : all) {
        if (session->stream() == nullptr) session->Save(moment->Add(session->name()));
      }
      background_->SavePositions(moment);
      return true;
    };
    // Of a session that is not given a window may have ended since.
    if (guard_ != nullptr) saved = guard_->Finish();
    if (!saved.ok()) return;
    saved = journal_->Save(positions, history, snapshot);
    if (!saved.ok()) return;
    for (const Session* const session : all) positions_.Set(session->name(), session->Save());
  });
  return saved;
}

void Runtime::AddHistory(const std::string& line) {
  if (journal_ != nullptr) journal_->AddHistory(line);
}

void Runtime::KeepText(std::string text) {
  if (journal_ != nullptr) journal_->WriteFirst(BrainPath(directory_), std::move(text));
}

Lag Runtime::lag() const { return journal_ == nullptr ? Lag{} : journal_->lag(); }

absl::StatusOr<std::vector<std::string>> Runtime::History() const {
  if (journal_ == nullptr && state_ == nullptr) return std::vector<std::string>();
  std::vector<std::string> lines;
  const auto visit = [&](absl::string_view line) {
    lines.emplace_back(line);
    return absl::OkStatus();
  };
  const absl::Status status = WithinMemory([&] {
    return journal_ != nullptr ? journal_->VisitHistory(visit) : state_->VisitHistory(visit);
  });
  if (status.ok()) return lines;
  return absl::Status(status.code(),
                      absl::StrCat("state \"", StatePath(directory_), "\": ", status.message()));
}

}  // namespace gyrus
