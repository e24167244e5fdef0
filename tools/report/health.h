// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "activation/brain_spec.h"
#include "tools/report/history.h"
#include "tools/report/time_line.h"

namespace gyrus {

// How well a brain keeps and learns, as HTML: what of the past it still knows, as far as its
// history can tell (stored samples, a test that was repeated); units that began anew; drifts found;
// what the guard did. What was not measured is said, with how to measure it. Pure.
std::string HealthSection(const BrainSpec& spec, const HistoryLines& history,
                          const std::vector<Stretch>& line, const Axis& x);

}  // namespace gyrus
