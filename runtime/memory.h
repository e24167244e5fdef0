// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "activation/plan.h"
#include "runtime/session.h"

namespace gyrus {

// What a brain is to take of a machine's memory: said before any of it is taken, since a system
// that promises more than it has ends the process later.

// Physical memory in bytes.
uint64_t MachineMemory();

// Returns ResourceExhausted, with what takes most and the limit, if a brain's blocks and one
// session of such a mode take more than `limit_bytes`. spares: as Plan::MakeStore.
absl::Status CheckMemory(const Plan& plan, uint32_t spares, Mode mode, uint64_t limit_bytes);

// Calls what takes a brain's memory, or begins a thread. A system may have less to give than its
// machine has, and the standard library says so by an exception: here it becomes ResourceExhausted.
absl::Status WithinMemory(absl::FunctionRef<absl::Status()> take);

}  // namespace gyrus
