// SPDX-License-Identifier: Apache-2.0
#include "runtime/runtime.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/kernels/dispatch.h"
#include "core/status_macros.h"
#include "runtime/export.h"
#include "runtime/files.h"
#include "runtime/memory.h"
#include "runtime/mistake_place.h"
#include "runtime/store/state_db.h"

namespace gyrus {
Runtime::Runtime() = default;
Runtime::~Runtime() = default;

absl::StatusOr<std::unique_ptr<Runtime>> Runtime::Create(const BrainSpec& spec,
                                                         const Options& options) {
  std::unique_ptr<Runtime> runtime(new Runtime());
  GYRUS_RETURN_IF_ERROR(runtime->Start(spec, options));
  return runtime;
}

absl::Status Runtime::Start(const BrainSpec& spec, const Options& options) {
  return WithinMemory([&] { return TakeMemory(spec, options); });
}

absl::Status Runtime::TakeMemory(const BrainSpec& spec, const Options& options) {
  kernels::Warmup();
  options_ = options;
  if (options.spares < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("spares must be at least 1, got ", options.spares));
  }
  absl::StatusOr<std::unique_ptr<const Plan>> plan = Plan::Create(spec);
  if (!plan.ok()) return Place(plan.status());
  plan_ = *std::move(plan);
  GYRUS_RETURN_IF_ERROR(CheckMemory(
      *plan_, options.spares, options.read_only ? Mode::kFrozen : Mode::kInline, MachineMemory()));
  GYRUS_ASSIGN_OR_RETURN(store_,
                         plan_->MakeStore({.max_readers = options.max_sessions}, options.spares));
  return absl::OkStatus();
}

absl::Status Runtime::Place(const absl::Status& status) const {
  return directory_.empty() ? status : PlaceMistake(text_, BrainPath(directory_), status);
}

void Runtime::Ready() { store_->Prefault(); }

absl::StatusOr<std::unique_ptr<Session>> Runtime::OpenSession(const Session::Options& options) {
  if (options.name.empty()) return absl::InvalidArgumentError("a session needs a name");
  if (options_.read_only && options.mode != Mode::kFrozen) {
    return absl::FailedPreconditionError(
        absl::StrCat("the brain is open read-only: session \"", options.name, "\" must be frozen"));
  }
  auto opened = Session::Open(plan_.get(), store_.get(), group_.get(), options);
  if (!opened.ok()) return Place(opened.status());
  std::unique_ptr<Session> session = *std::move(opened);
  if (const auto position = positions_.find(options.name); position != positions_.end()) {
    GYRUS_RETURN_IF_ERROR(WithWayOut(session->Restore(position->second)));
  }
  return session;
}

absl::Status Runtime::Export(const std::string& path) {
  const Hold hold = store_->TakeHold();
  return ExportBlocks(hold, path);
}

}  // namespace gyrus
