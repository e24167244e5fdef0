// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "activation/brain_spec.h"

namespace gyrus {

// Brains to start from. What depends on the input (sizes, columns, classes) is open, and 0, until
// the first input binds it: see binding.h.
struct PresetName {
  absl::string_view name;
  absl::string_view description;  // One line.
};

// All there are.
std::span<const PresetName> PresetNames();

// Returns NotFound, with the nearest name and the list, if there is no such preset.
absl::StatusOr<BrainSpec> Preset(absl::string_view name);

}  // namespace gyrus
