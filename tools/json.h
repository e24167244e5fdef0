// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "absl/strings/string_view.h"

namespace gyrus {

// The shortest number that reads back as the same double; "null" for NaN and infinities.
std::string JsonNumber(double value);

// "[1,2,3]"
std::string JsonArray(std::span<const uint64_t> values);

// One JSON object on one line, its members in the order in which they are added.
//
// Copyable. Thread-compatible.
class JsonObject {
 public:
  JsonObject& Add(absl::string_view key, double value) { return AddJson(key, JsonNumber(value)); }
  JsonObject& Add(absl::string_view key, uint64_t value);
  // A text that is no UTF-8 keeps its ASCII; what else it has becomes U+FFFD.
  JsonObject& Add(absl::string_view key, absl::string_view text);

  // Adds a member whose value is JSON already.
  JsonObject& AddJson(absl::string_view key, absl::string_view json);

  std::string ToString() const { return "{" + members_ + "}"; }

 private:
  std::string members_;
};

}  // namespace gyrus
