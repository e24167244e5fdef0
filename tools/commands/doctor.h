// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"

namespace gyrus {

// gyrus doctor: says on standard output what is wrong with a brain's directory. With `repair` keeps
// what is whole of a damaged state, and the damaged file beside it. Returns DataLoss if something
// is wrong (and was not repaired), or as RepairBrain.
absl::Status DoctorCommand(const std::string& directory, bool repair);

}  // namespace gyrus
