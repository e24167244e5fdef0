// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/json_cursor.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

void AppendUtf8(uint32_t rune, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (rune < 0x80) {
    put(rune);
  } else if (rune < 0x800) {
    put(0xC0 | rune >> 6);
    put(0x80 | (rune & 0x3F));
  } else if (rune < 0x10000) {
    put(0xE0 | rune >> 12);
    put(0x80 | (rune >> 6 & 0x3F));
    put(0x80 | (rune & 0x3F));
  } else {
    put(0xF0 | rune >> 18);
    put(0x80 | (rune >> 12 & 0x3F));
    put(0x80 | (rune >> 6 & 0x3F));
    put(0x80 | (rune & 0x3F));
  }
}

// Bytes of the character that starts with `lead`; 0 if none does.
std::size_t LengthOfUtf8(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  if (lead >= 0xF0 && lead < 0xF5) return 4;
  return 0;
}

}  // namespace

bool IsUtf8(absl::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const std::size_t length = LengthOfUtf8(lead);
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<uint8_t>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    const auto second = static_cast<uint8_t>(length > 1 ? text[i + 1] : 0);
    const bool longer_than_needed =
        (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
    const bool surrogate = lead == 0xED && second >= 0xA0;
    const bool beyond_unicode = lead == 0xF4 && second >= 0x90;
    if (longer_than_needed || surrogate || beyond_unicode) return false;
    i += length;
  }
  return true;
}

std::string JsonString(absl::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    static constexpr absl::string_view kNamed = "\"\\\b\f\n\r\t";
    static constexpr absl::string_view kNames = "\"\\bfnrt";
    if (const std::size_t named = kNamed.find(c); named != absl::string_view::npos) {
      out.push_back('\\');
      out.push_back(kNames[named]);
    } else if (static_cast<uint8_t>(c) < 0x20) {
      absl::StrAppendFormat(&out, "\\u%04x", static_cast<int>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

absl::Status JsonCursor::Error(absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat("byte ", at_, " of the header: ", what));
}

void JsonCursor::SkipSpace() {
  while (at_ < text_.size() && absl::string_view(" \t\n\r").find(text_[at_]) != text_.npos) ++at_;
}

bool JsonCursor::TryMark(char mark) {
  SkipSpace();
  if (at_ == text_.size() || text_[at_] != mark) return false;
  ++at_;
  return true;
}

absl::Status JsonCursor::Mark(char mark) {
  if (TryMark(mark)) return absl::OkStatus();
  return Error(absl::StrCat("expected ", JsonString(absl::string_view(&mark, 1))));
}

absl::StatusOr<std::string> JsonCursor::String() {
  GYRUS_RETURN_IF_ERROR(Mark('"'));
  std::string out;
  while (at_ < text_.size()) {
    const char c = text_[at_++];
    if (c == '"') {
      if (!IsUtf8(out)) return Error("the string before this is not UTF-8");
      return out;
    }
    if (static_cast<uint8_t>(c) < 0x20) return Error("a control character within a string");
    if (c == '\\') {
      GYRUS_RETURN_IF_ERROR(Escape(&out));
    } else {
      out.push_back(c);
    }
  }
  return Error("the string does not end");
}

absl::Status JsonCursor::Escape(std::string* out) {
  if (at_ == text_.size()) return Error("the string does not end");
  const char c = text_[at_++];
  static constexpr absl::string_view kNames = "\"\\/bfnrt";
  static constexpr absl::string_view kNamed = "\"\\/\b\f\n\r\t";
  if (const std::size_t named = kNames.find(c); named != absl::string_view::npos) {
    out->push_back(kNamed[named]);
    return absl::OkStatus();
  }
  if (c != 'u') return Error("an unknown escape");
  GYRUS_ASSIGN_OR_RETURN(uint32_t rune, FourHexDigits());
  if (rune >= 0xDC00 && rune < 0xE000) return Error("a surrogate without its first half");
  if (rune >= 0xD800 && rune < 0xDC00) {
    if (text_.substr(at_, 2) != "\\u") return Error("a surrogate without its second half");
    at_ += 2;
    GYRUS_ASSIGN_OR_RETURN(const uint32_t low, FourHexDigits());
    if (low < 0xDC00 || low >= 0xE000) return Error("a surrogate without its second half");
    rune = 0x10000 + ((rune - 0xD800) << 10) + (low - 0xDC00);
  }
  AppendUtf8(rune, out);
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> JsonCursor::FourHexDigits() {
  if (text_.size() - at_ < 4) return Error("expected four hexadecimal digits");
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = text_[at_];
    const bool digit = c >= '0' && c <= '9';
    const char lower = static_cast<char>(c | 0x20);
    if (!digit && (lower < 'a' || lower > 'f')) return Error("expected four hexadecimal digits");
    value = value << 4 | static_cast<uint32_t>(digit ? c - '0' : lower - 'a' + 10);
    ++at_;
  }
  return value;
}

absl::StatusOr<uint64_t> JsonCursor::Whole() {
  SkipSpace();
  const std::size_t first = at_;
  uint64_t value = 0;
  while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
    const auto digit = static_cast<uint64_t>(text_[at_] - '0');
    constexpr uint64_t kEnd = uint64_t{1} << 63;
    if (value > (kEnd - 1 - digit) / 10) return Error("the number is beyond 2^63 - 1");
    value = value * 10 + digit;
    ++at_;
  }
  if (at_ == first) return Error("expected a whole number");
  if (text_[first] == '0' && at_ > first + 1) return Error("a number must not start with 0");
  return value;
}

absl::Status JsonCursor::End() {
  SkipSpace();
  if (at_ < text_.size()) return Error("expected nothing more");
  return absl::OkStatus();
}

}  // namespace gyrus
