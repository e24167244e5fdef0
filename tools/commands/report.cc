// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/report.h"

#include <cstdio>
#include <memory>
#include <vector>

#include "core/status_macros.h"
#include "runtime/files.h"
#include "runtime/runtime.h"
#include "tools/bind_brain.h"
#include "tools/report/report.h"

namespace gyrus {

absl::Status ReportCommand(const std::string& directory, const std::string& out) {
  GYRUS_RETURN_IF_ERROR(ReadBrain(directory).status());
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Runtime> runtime,
                         Runtime::Open(directory, {.read_only = true}));
  GYRUS_ASSIGN_OR_RETURN(const std::vector<std::string> history, runtime->History());
  const std::string path = out.empty() ? directory + "/report.html" : out;
  GYRUS_RETURN_IF_ERROR(WriteFile(path, RenderReport(runtime->spec(), history)));
  std::printf("wrote %s\n", path.c_str());
  return absl::OkStatus();
}

}  // namespace gyrus
