// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gyrus {

// Walks through JSON (RFC 8259) whose shape the caller knows: strings, whole numbers, and the
// marks between them. Every error is InvalidArgument and names the byte. Takes no memory but for
// the strings that it returns, and never recurses.
//
// Thread-compatible. The text must outlive it.
class JsonCursor {
 public:
  explicit JsonCursor(absl::string_view text) : text_(text) {}

  // Whether the next mark is `mark`, which is then passed.
  bool TryMark(char mark);

  // Passes the mark, or fails.
  absl::Status Mark(char mark);

  // A string, unescaped. Refused unless it is UTF-8.
  absl::StatusOr<std::string> String();

  // A whole number without sign, fraction or exponent, below 2^63.
  absl::StatusOr<uint64_t> Whole();

  // Fails unless only white space is left.
  absl::Status End();

  // InvalidArgument with the place.
  absl::Status Error(absl::string_view what) const;

 private:
  void SkipSpace();
  absl::Status Escape(std::string* out);
  absl::StatusOr<uint32_t> FourHexDigits();

  absl::string_view text_;
  std::size_t at_ = 0;
};

// Whether `text` is well-formed UTF-8 (RFC 3629: no surrogates, shortest forms only).
bool IsUtf8(absl::string_view text);

// `text` as a JSON string with its quotes. What need not be escaped is not.
std::string JsonString(absl::string_view text);

}  // namespace gyrus
