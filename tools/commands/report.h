// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"

namespace gyrus {

// gyrus report: draws a brain's history as one HTML file; `out` may be "" for report.html in its
// directory. Works beside a learner.
absl::Status ReportCommand(const std::string& directory, const std::string& out);

}  // namespace gyrus
