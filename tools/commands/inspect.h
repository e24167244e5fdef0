// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"

namespace gyrus {

// gyrus inspect: what a brain senses and consists of, how large that is, how evenly its regions are
// used, and what it has lived through. Works beside a learner.
absl::Status InspectCommand(const std::string& directory);

}  // namespace gyrus
