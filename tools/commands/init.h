// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace gyrus {

// gyrus init: puts the brain of a preset, with `sets` ("path=value") applied, into a new directory.
// Returns AlreadyExists if there is a brain in it.
absl::Status InitCommand(const std::string& directory, const std::string& preset,
                         const std::vector<std::string>& sets);

}  // namespace gyrus
