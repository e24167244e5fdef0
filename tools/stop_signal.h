// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>

namespace gyrus {

// From the first call on, the first Ctrl-C (or SIGTERM) sets the flag it returns instead of ending
// the process, so that what was learned can be saved. One that comes a second later or more ends
// it; until then it is the same wish once more, since whoever signals a process and its group
// signals twice.
const std::atomic<bool>& CatchStopSignal();

// The signal that set it, 0 if none has.
int StopSignal();

}  // namespace gyrus
