// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "activation/brain_spec.h"

namespace gyrus {

// Sets one field of a brain, by the names of brain.proto:
//
//   seed=7
//   areas[0].regions=32
//   areas.patches.router.anchor.threshold=0.5      an element of a list by its name
//   areas.patches.learning.optimiser=sgd
//   encoders.trails.reals.trails=2,32              a whole list, separated by commas
//   areas.patches.cell={ glu { hidden: 32 } }      a whole message, as text
//
// Returns InvalidArgument, naming the part that is wrong and the nearest name that is right, and
// leaves the brain as it was.
absl::Status SetField(BrainSpec* spec, absl::string_view assignment);

}  // namespace gyrus
