// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "gyrus/v1/brain.pb.h"

namespace gyrus {

// The two forms of a brain; brain_fields.h says which field is which.

// Fields that are absent get the default of the plain struct. Returns InvalidArgument, with the
// field's path, if a message with a oneof has none of it.
absl::StatusOr<BrainSpec> SpecFromProto(const v1::Brain& brain);

// Fields that have the default of the plain struct are left out.
v1::Brain ProtoFromSpec(const BrainSpec& spec);

}  // namespace gyrus
