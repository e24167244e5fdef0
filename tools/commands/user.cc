// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/user.h"

#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/runtime.h"

namespace gyrus {
namespace {

absl::Status List(Users* users, const std::string& directory) {
  GYRUS_ASSIGN_OR_RETURN(const std::vector<UserDb::About> all, users->List());
  if (all.empty()) {
    std::printf("no users yet: gyrus user create %s NAME\n", directory.c_str());
    return absl::OkStatus();
  }
  std::printf("%12s %12s %12s  %s\n", "steps", "own blocks", "bytes", "name");
  for (const UserDb::About& about : all) {
    std::printf("%12llu %12llu %12llu  %s\n", static_cast<unsigned long long>(about.steps),
                static_cast<unsigned long long>(about.blocks),
                static_cast<unsigned long long>(about.bytes), about.name.c_str());
  }
  return absl::OkStatus();
}

absl::Status WithWayOut(const absl::Status& status, const UserOptions& options) {
  if (!absl::IsNotFound(status)) return status;
  return absl::NotFoundError(
      absl::StrCat(status.message(), "; gyrus user list ", options.directory, " names them all"));
}

absl::Status Rebase(Users* users, const UserOptions& options) {
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Runtime> old,
                         Runtime::Open(options.other, {.read_only = true}));
  GYRUS_RETURN_IF_ERROR(users->Rebase(options.name, old->store()));
  return users->Save();
}

}  // namespace

absl::Status UserCommand(const UserOptions& options) {
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Runtime> runtime,
                         Runtime::Open(options.directory, {.read_only = true}));
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Users> users, runtime->OpenUsers({}));
  switch (options.action) {
    case UserOptions::Action::kList:
      return List(users.get(), options.directory);
    case UserOptions::Action::kCreate:
      GYRUS_RETURN_IF_ERROR(users->Create(options.name));
      return users->Save();
    case UserOptions::Action::kDrop:
      return WithWayOut(users->Drop(options.name), options);
    case UserOptions::Action::kExport:
      return WithWayOut(users->Export(options.name, options.other), options);
    case UserOptions::Action::kRebase:
      return WithWayOut(Rebase(users.get(), options), options);
  }
  return absl::OkStatus();
}

}  // namespace gyrus
