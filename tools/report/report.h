// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "activation/brain_spec.h"

namespace gyrus {

// One HTML file about a brain's life: how well it learned beside a baseline, which regions woke,
// how evenly they carry the load, how long steps took, what the brain is. It asks for nothing from
// outside, follows the reader's light or dark scheme, and fits a phone.
//
// `history_lines` as Runtime::History() returns them; lines that cannot be read are counted in the
// page. Pure function, any thread.
std::string RenderReport(const BrainSpec& spec, const std::vector<std::string>& history_lines);

}  // namespace gyrus
