// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "activation/brain_spec.h"

// The brains that lasting_bench compares.
namespace gyrus::bench {

struct Row {
  std::string name;
  BrainSpec spec;
};

// The preset for images of 28 x 28 pixels.
BrainSpec ImagesBrain(uint32_t classes);

std::vector<Row> SplitRows();
std::vector<Row> PermutedRows();

}  // namespace gyrus::bench
