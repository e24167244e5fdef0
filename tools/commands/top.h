// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"

namespace gyrus {

// gyrus top: shows how the process that learns in a brain's directory does, every second until q,
// Ctrl-C or its end; with `once`, or where standard output is no terminal, one frame as plain text.
// Returns NotFound, having shown what is durable, if there is no such process.
absl::Status TopCommand(const std::string& directory, bool once);

}  // namespace gyrus
