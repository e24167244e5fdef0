// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "activation/brain_spec.h"
#include "runtime/runtime_status.h"

namespace gyrus {

// How a runtime does as Prometheus text (exposition format 0.0.4): each metric's HELP line says
// what it is and in which unit. Totals and latencies are since the process opened the brain, but
// for steps. What does not apply (a guard, a journal, a loss before anything was learned) is left
// out. Pure.
std::string StatusText(const BrainSpec& spec, const RuntimeStatus& status);

}  // namespace gyrus
