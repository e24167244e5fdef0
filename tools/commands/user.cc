// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/user.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/runtime.h"
#include "tools/output_file.h"

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

// A file that an export may become: nothing of any brain's, and nothing that is no file.
absl::Status CheckFile(const UserOptions& options) {
  GYRUS_RETURN_IF_ERROR(
      OutputFile::Create(options.other, {.directory = options.directory}).status());
  std::error_code error;
  const std::filesystem::path path = std::filesystem::weakly_canonical(options.other, error);
  if (std::filesystem::exists(path, error) && !std::filesystem::is_regular_file(path, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot export into ", options.other, ": it is no regular file"));
  }
  if (std::filesystem::exists(BrainPath(path.parent_path().string()), error)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot export into ", options.other, ": a brain lives in that directory"));
  }
  return absl::OkStatus();
}

absl::Status WithWayOut(const absl::Status& status, const UserOptions& options) {
  if (!absl::IsNotFound(status)) return status;
  return absl::NotFoundError(
      absl::StrCat(status.message(), "; gyrus user list ", options.directory, " names them all"));
}

absl::Status Rebase(const Runtime& runtime, Users* users, const UserOptions& options) {
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Runtime> old,
                         Runtime::Open(options.other, {.read_only = true}));
  std::error_code error;
  if (std::filesystem::equivalent(options.directory, options.other, error)) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.other, " is this brain, and not an older copy of it"));
  }
  if (Fingerprint(old->spec()) != Fingerprint(runtime.spec())) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.other, " is another brain, and not an older copy of this one"));
  }
  GYRUS_RETURN_IF_ERROR(WithWayOut(users->Rebase(options.name, old->store()), options));
  GYRUS_RETURN_IF_ERROR(users->Save());
  std::printf("user %s has been given what %s learned since %s; do not do it twice\n",
              options.name.c_str(), options.directory.c_str(), options.other.c_str());
  return absl::OkStatus();
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
      GYRUS_RETURN_IF_ERROR(CheckFile(options));
      return WithWayOut(users->Export(options.name, options.other), options);
    case UserOptions::Action::kRebase:
      return Rebase(*runtime, users.get(), options);
  }
  return absl::OkStatus();
}

absl::Status CheckUser(const LearnOptions& learn) {
  if (learn.user.empty()) return absl::OkStatus();
  const std::pair<const char*, bool> options[] = {
      {"--background", learn.background},
      {"--test", !learn.test.empty()},
      {"--durability commit", learn.durability.when == Durability::When::kEveryCommit},
      {"--snapshot-every", learn.snapshot_every.has_value()}};
  for (const auto& [name, given] : options) {
    if (!given) continue;
    return absl::InvalidArgumentError(absl::StrCat(name, " is not for a user: leave it out"));
  }
  return absl::OkStatus();
}

}  // namespace gyrus
