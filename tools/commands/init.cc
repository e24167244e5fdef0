// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/init.h"

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/presets.h"
#include "runtime/set_field.h"
#include "tools/bind_brain.h"

namespace gyrus {

absl::Status InitCommand(const std::string& directory, const std::string& preset,
                         const std::vector<std::string>& sets) {
  GYRUS_ASSIGN_OR_RETURN(BrainSpec spec, Preset(preset));
  for (const std::string& set : sets) GYRUS_RETURN_IF_ERROR(SetField(&spec, set));
  GYRUS_RETURN_IF_ERROR(CheckNewBrain(spec));
  std::error_code error;
  if (const std::string path = BrainPath(directory); std::filesystem::exists(path, error)) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, " exists already: learn goes on with it, or choose another directory"));
  }
  if (HasState(directory)) return BrainTextLost(directory);
  std::filesystem::create_directories(directory, error);
  if (error) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot make the directory ", directory, ": ", error.message()));
  }
  GYRUS_RETURN_IF_ERROR(WriteFile(BrainPath(directory), FormatBrain(spec)));
  std::printf("made %s; now let it learn: gyrus learn %s INPUT\n", BrainPath(directory).c_str(),
              directory.c_str());
  return absl::OkStatus();
}

}  // namespace gyrus
