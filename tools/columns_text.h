// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "activation/schema_spec.h"
#include "tools/inputs/record.h"

namespace gyrus {

// How a brain takes the columns of a table, for people: "3 numbers (hour, wind, price), 1 category
// (temp: "hello" at line 51 is no number), target buy". What made a column a category is taken from
// `input`, which may lack it. Lists are cut short.
std::string ColumnsText(const SchemaSpec& schema, const Schema& input);

// "2 of 64 (no, yes)": how many classes have names, of those there is room for.
std::string ClassesText(const SchemaSpec& schema, uint32_t room);

}  // namespace gyrus
