// SPDX-License-Identifier: Apache-2.0
// A runtime's life on the disk: opening a brain's directory, and saving into it.
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/binding.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
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
  GYRUS_RETURN_IF_ERROR(runtime->WithWayOut(runtime->Load(directory)));
  return runtime;
}

absl::Status Runtime::WithWayOut(const absl::Status& status) const {
  if (!absl::IsDataLoss(status) || directory_.empty()) return status;
  return absl::DataLossError(
      absl::StrCat(status.message(), "; put a copy of ", StatePath(directory_),
                   " back, or remove it with all that was learned and begin anew"));
}

absl::Status Runtime::Load(const std::string& directory) {
  StateDb::Options options;
  options.mode = options_.read_only ? StateDb::Mode::kReadOnly : StateDb::Mode::kCreate;
  options.fingerprint = Fingerprint(spec());
  for (uint32_t t = 0; t < store_->num_tables(); ++t) {
    options.tables.push_back({store_->spec(t).name, store_->spec(t).layout.block_bytes()});
  }
  GYRUS_ASSIGN_OR_RETURN(state_, StateDb::Open(StatePath(directory), options));
  const auto visit = [&](BlockId id, std::span<const std::byte> bytes) {
    if (id.index >= store_->spec(id.table).blocks) {
      return absl::DataLossError(absl::StrCat("table \"", store_->spec(id.table).name, "\" has ",
                                              store_->spec(id.table).blocks,
                                              " blocks, the state holds block ", id.index));
    }
    std::memcpy(store_->Initial(id).data(), bytes.data(), bytes.size());
    return absl::OkStatus();
  };
  GYRUS_ASSIGN_OR_RETURN(StateDb::Loaded loaded, state_->Load(visit));
  saved_number_ = loaded.number;
  for (StateCommit::Session& session : loaded.sessions) {
    positions_[session.name] = std::move(session.position);
  }
  return absl::OkStatus();
}

absl::Status Runtime::Save(const std::vector<Session*>& sessions,
                           const std::vector<std::string>& history) {
  if (state_ == nullptr || options_.read_only) {
    return absl::FailedPreconditionError(state_ == nullptr
                                             ? "a brain without a directory cannot be saved"
                                             : "the brain is open read-only");
  }
  for (Session* const session : sessions) GYRUS_RETURN_IF_ERROR(session->Settle());
  const Hold hold = store_->TakeHold();
  StateCommit commit;
  commit.history = history;
  for (const BlockId& id : store_->Changed(nullptr, hold)) {
    const std::size_t bytes = store_->spec(id.table).layout.block_bytes();
    commit.blocks.push_back({id, {hold.Read(id), bytes}});
  }
  for (const Session* const session : sessions) {
    commit.sessions.push_back({session->name(), session->Save()});
  }
  commit.number = saved_number_ + (commit.blocks.empty() ? 0 : 1);
  GYRUS_RETURN_IF_ERROR(state_->Append(commit));
  saved_number_ = commit.number;
  for (StateCommit::Session& session : commit.sessions) {
    positions_[session.name] = std::move(session.position);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Runtime::History() const {
  std::vector<std::string> lines;
  if (state_ == nullptr) return lines;
  const absl::Status status = state_->VisitHistory([&](absl::string_view line) {
    lines.emplace_back(line);
    return absl::OkStatus();
  });
  if (status.ok()) return lines;
  return absl::Status(status.code(),
                      absl::StrCat("state \"", StatePath(directory_), "\": ", status.message()));
}

}  // namespace gyrus
