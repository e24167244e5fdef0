// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/doctor.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/files.h"
#include "runtime/health.h"

namespace gyrus {

absl::Status DoctorCommand(const std::string& directory, bool repair) {
  const BrainHealth health = ExamineBrain(directory);
  for (const std::string& wrong : health.wrong) std::printf("WRONG  %s\n", wrong.c_str());
  for (const std::string& note : health.notes) std::printf("ok     %s\n", note.c_str());
  if (health.wrong.empty()) {
    std::printf("nothing is wrong with %s\n", directory.c_str());
    return absl::OkStatus();
  }
  if (!repair) {
    return absl::DataLossError(absl::StrCat(
        directory, " has something wrong",
        health.repairable
            ? absl::StrCat("; to keep what is whole: gyrus doctor ", directory, " --repair")
            : ", which is not for --repair to put right"));
  }
  GYRUS_ASSIGN_OR_RETURN(const Repair repaired, RepairBrain(directory));
  std::printf("the damaged file is now %s\n", repaired.kept_as.c_str());
  for (const std::string& kept : repaired.kept) {
    std::printf("%s has what was whole: %s\n", StatePath(directory).c_str(), kept.c_str());
  }
  return absl::OkStatus();
}

}  // namespace gyrus
