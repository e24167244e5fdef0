// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/report.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "core/status_macros.h"
#include "runtime/runtime.h"
#include "tools/bind_brain.h"
#include "tools/output_file.h"
#include "tools/report/report.h"

namespace gyrus {

absl::Status ReportCommand(const std::string& directory, const std::string& out) {
  GYRUS_ASSIGN_OR_RETURN(const BrainSpec spec, ReadBrain(directory));
  if (!HasState(directory)) return NothingLearned(directory, spec);
  const std::string own = directory + "/report.html";
  const std::string path = out.empty() ? own : out;
  // Of what is in the brain's directory the report alone may be written over.
  const bool is_own = std::filesystem::path(path).lexically_normal() ==
                      std::filesystem::path(own).lexically_normal();
  GYRUS_ASSIGN_OR_RETURN(const OutputFile file,
                         OutputFile::Create(path, {.directory = is_own ? "" : directory}));
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Runtime> runtime,
                         Runtime::Open(directory, {.read_only = true}));
  GYRUS_ASSIGN_OR_RETURN(const std::vector<std::string> history, runtime->History());
  GYRUS_RETURN_IF_ERROR(file.Write(RenderReport(runtime->spec(), history)));
  std::printf("wrote %s\n", path.c_str());
  return absl::OkStatus();
}

}  // namespace gyrus
