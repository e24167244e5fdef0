// SPDX-License-Identifier: Apache-2.0
#include "tools/json.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/store/json_cursor.h"

namespace gyrus {
namespace {

// A file's name may be any bytes; where they are no UTF-8, all but ASCII becomes U+FFFD.
std::string JsonText(absl::string_view text) {
  if (IsUtf8(text)) return JsonString(text);
  std::string valid;
  for (const char c : text)
    valid += static_cast<uint8_t>(c) < 0x80 ? std::string(1, c) : "\xef\xbf\xbd";
  return JsonString(valid);
}

}  // namespace

std::string JsonNumber(double value) {
  if (!std::isfinite(value)) return "null";
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value);
  return {digits, end};
}

std::string JsonArray(std::span<const uint64_t> values) {
  return absl::StrCat("[", absl::StrJoin(values, ","), "]");
}

JsonObject& JsonObject::Add(absl::string_view key, uint64_t value) {
  return AddJson(key, absl::StrCat(value));
}

JsonObject& JsonObject::Add(absl::string_view key, absl::string_view text) {
  return AddJson(key, JsonText(text));
}

JsonObject& JsonObject::AddJson(absl::string_view key, absl::string_view json) {
  absl::StrAppend(&members_, members_.empty() ? "" : ",", JsonText(key), ":", json);
  return *this;
}

}  // namespace gyrus
