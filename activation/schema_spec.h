// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace gyrus {

// What the first input bound of a brain (runtime/binding.h).

enum class ColumnType : uint8_t { kReal, kCategory };

struct ColumnSpec {
  std::string name;
  ColumnType type = ColumnType::kReal;
  std::vector<std::string> categories = {};  // Their ids, in order of first appearance.
  bool hashed = false;                       // Too many to list: a category's id is its hash.
};

// The table that the brain learns from; empty for bytes and, but for the classes, images.
struct SchemaSpec {
  std::vector<ColumnSpec> columns = {};       // The target's too, if it has one.
  std::string target = {};                    // A column; "": none, or given from elsewhere.
  std::vector<std::string> class_names = {};  // Their ids, in order of first appearance.
};

}  // namespace gyrus
