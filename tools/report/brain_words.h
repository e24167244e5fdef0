// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "activation/brain_spec.h"

namespace gyrus {

// What a brain is, as an HTML list of what it senses, its areas and its heads, in words for
// somebody who has never seen one.
std::string BrainInWords(const BrainSpec& spec);

}  // namespace gyrus
