// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gyrus::test {

// Reads one source file as text and returns what breaks the architecture or the house style, one
// message each, in the order of lines:
//
//   learner/bad.cc:1: learner must not include runtime
//
// `path` is relative to the root, with '/': its first folder is the layer. Rules:
//   - a layer includes itself and the layers below it, never above (`tests` may include all);
//   - a third-party library appears only where it belongs (kLibraries in layers.cc);
//   - X/**/internal/ is included only by X;
//   - the first line is the SPDX line, after `#!` in a script;
//   - a header has at most 300 lines, any other file 500;
//   - no string_view of the standard library, which Debian's Abseil does not take, and no open ends
//   in comments.
std::vector<std::string> CheckFile(absl::string_view path, absl::string_view text);

// The folders that hold code.
std::vector<std::string> CodeFolders();

}  // namespace gyrus::test
