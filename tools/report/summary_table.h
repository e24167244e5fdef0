// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "tools/report/history.h"

namespace gyrus {

// A run's summary as an HTML table: what is known by name with its unit and in words, whatever
// else the line holds after it under its own name. What does not apply is left out.
std::string SummaryTable(const SummaryLine& summary);

}  // namespace gyrus
