// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"
#include "core/store.h"

namespace gyrus {

// Writes what a hold keeps as one plain safetensors file: for each tensor of each table a tensor
// of shape (blocks, rows, columns), named "<table>.<tensor>". Ternary tensors travel packed, as
// U8. Returns as safetensors::Writer does.
absl::Status ExportBlocks(const Hold& hold, const std::string& path);

}  // namespace gyrus
