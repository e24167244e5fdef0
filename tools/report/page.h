// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace gyrus {

// A whole HTML page around `body`, with its style sheet, and a policy by which the browser itself
// refuses every request to the outside. `title` is plain text.
std::string Page(absl::string_view title, absl::string_view body);

}  // namespace gyrus
