// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gyrus {

// The files of a brain's directory.
std::string BrainPath(const std::string& directory);  // brain.textproto
std::string StatePath(const std::string& directory);  // state.db
std::string UsersPath(const std::string& directory);  // users.db

// Reads a whole file of at most 1 GiB. Returns NotFound if it does not exist, FailedPrecondition
// if it is no file that may be read.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Puts `bytes` into a file, whole and on the disk before it appears under its name. Returns
// FailedPrecondition if the folder may not be written, ResourceExhausted if the disk is full; then
// what was there stays.
absl::Status WriteFile(const std::string& path, absl::string_view bytes);

}  // namespace gyrus
