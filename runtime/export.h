// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"
#include "core/fork.h"
#include "core/hold.h"
#include "core/store.h"

namespace gyrus {

// Writes what a hold keeps as one plain safetensors file: for each tensor of each table a tensor
// of shape (blocks, rows, columns), named "<table>.<tensor>". Ternary tensors travel packed, as
// U8. Returns as safetensors::Writer does.
absl::Status ExportBlocks(const Hold& hold, const std::string& path);

// The same of the blocks that a fork over that store has of its own: of each table that it has any
// of, which ones, "<table>.index" of shape (n,), and its tensors of shape (n, rows, columns).
absl::Status ExportFork(const Store& store, const Fork& fork, const std::string& path);

}  // namespace gyrus
