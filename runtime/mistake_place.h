// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gyrus {

// Puts the place in a brain's text before what a plan or a learner says of the brain's spec:
// "brain.textproto:12:3: area \"memory\".woken must be in [1, regions = 8], got 9". `name` is the
// file's. The place is that of the field which the message names, or the name in quotes that
// nothing has, or the innermost part of the brain around it; 1:1 where it names none. Only
// InvalidArgument is a mistake in the text: any other status comes back as it is.
//
// Takes the messages' habit as given: `<kind> "<name>"`, then names of fields, joined by "." or ":
// ".
absl::Status PlaceMistake(absl::string_view text, absl::string_view name,
                          const absl::Status& status);

}  // namespace gyrus
