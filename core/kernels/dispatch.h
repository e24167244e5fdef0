// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

// Which instruction set the kernels run on. By default the best that the processor has.
//
// Not thread-safe: call at start-up, before any kernel runs on another thread.
namespace gyrus::kernels {

// Detects the processor, so that no kernel does so later on a real-time thread, and honours the
// environment variable GYRUS_ISA (as SelectIsa; a name it refuses is reported on standard error
// and changes nothing).
void Warmup();

// The instruction set in use, in Highway's spelling: "AVX3" (AVX-512), "AVX2", "SSE4", "NEON",
// "SCALAR", ... Detects the processor if nothing has yet.
absl::string_view ActiveIsa();

// Runs every kernel on the named instruction set from now on, whatever its case; an empty name
// goes back to the best. Returns InvalidArgument, listing the names this processor can run, for
// any other.
absl::Status SelectIsa(absl::string_view name);

}  // namespace gyrus::kernels
