// SPDX-License-Identifier: Apache-2.0
#include "runtime/runtime.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/hold.h"
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
  if (spec.guard.window > 0 || spec.drift.delta > 0) {
    guard_ = std::make_unique<Guard>(*plan_, store_.get(),
                                     [this](const std::string& line) { AddHistory(line); });
  }
  const auto publish_every = std::chrono::duration<double, std::milli>(spec.publish_every_ms);
  GYRUS_ASSIGN_OR_RETURN(
      background_,
      BackgroundLearner::Create(plan_.get(), store_.get(),
                                {.publish_every = std::chrono::duration_cast<Nanos>(publish_every),
                                 .duty = options.learner_duty,
                                 .slots = options.experiences,
                                 .guard = guard_.get()},
                                &clock_));
  return absl::OkStatus();
}

absl::Status Runtime::Place(const absl::Status& status) const {
  return directory_.empty() ? status : PlaceMistake(text_, BrainPath(directory_), status);
}

void Runtime::Ready() { store_->Prefault(); }

absl::StatusOr<std::unique_ptr<Session>> Runtime::OpenSession(const Session::Options& options) {
  if (options.name.empty()) return absl::InvalidArgumentError("a session needs a name");
  GYRUS_RETURN_IF_ERROR(background_->Finish(options.name));
  const std::string saved = positions_.Find(options.name);
  const bool resumes = options.position.empty() && !saved.empty();
  auto opened = Session::Open({.plan = plan_.get(),
                               .store = store_.get(),
                               .overlay = nullptr,
                               .background = background_.get(),
                               .group = group_.get(),
                               .guard = guard_.get(),
                               .read_only = options_.read_only,
                               .thread = options_.learner_thread},
                              {.name = options.name, .mode = options.mode},
                              resumes ? saved : options.position);
  if (!opened.ok()) return Place(resumes ? WithWayOut(opened.status()) : opened.status());
  std::unique_ptr<Session> session = *std::move(opened);
  MutexLock lock(&meters_mutex_);
  std::erase_if(meters_, [](const auto& meter) { return meter.expired(); });
  meters_.push_back(session->meter_);
  return session;
}

absl::StatusOr<std::unique_ptr<Users>> Runtime::OpenUsers(const Users::Options& options) {
  if (directory_.empty()) {
    return absl::FailedPreconditionError("a brain without a directory has no users");
  }
  std::unique_ptr<Users> users;
  const absl::Status opened = WithinMemory([&]() -> absl::Status {
    GYRUS_ASSIGN_OR_RETURN(users, Users::Open({.plan = plan_.get(),
                                               .store = store_.get(),
                                               .overlay = nullptr,
                                               .background = background_.get(),
                                               .group = nullptr,
                                               .guard = nullptr,
                                               .read_only = false,
                                               .thread = false},
                                              UsersPath(directory_), options));
    return absl::OkStatus();
  });
  if (!opened.ok()) return Place(opened);
  return users;
}

RuntimeStatus Runtime::status() const {
  RuntimeStatus status;
  status.background = background_->status();  // First: its events have ended in those commits.
  status.learn = &background_->latency();
  status.published = store_->published();
  status.commits = store_->commits();
  if (guard_ != nullptr) status.guard = guard_->status();
  if (journal_ != nullptr) status.lag = lag();
  MutexLock lock(&meters_mutex_);
  for (const auto& meter : meters_) {
    if (auto open = meter.lock(); open != nullptr) status.sessions.push_back(std::move(open));
  }
  return status;
}

absl::Status Runtime::Export(const std::string& path) {
  return WithinMemory([&] {
    const Hold hold = store_->TakeHold();
    return ExportBlocks(hold, path);
  });
}

}  // namespace gyrus
