// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "absl/strings/string_view.h"

namespace gyrus {

// The end of a message about a word that is none of `known`: "; did you mean \"regions\"?" with
// the one that takes fewest edits, or "" if none takes at most a third of the word's letters (two
// for a short word).
std::string DidYouMean(absl::string_view word, std::span<const std::string> known);

}  // namespace gyrus
