// SPDX-License-Identifier: Apache-2.0
//
// A row is split only when the buffer holds a line end behind its start, and split again from its
// start if that line end turns out to be inside quotes. Rows with quoted line ends are rare and
// the buffer grows by doubling, so this costs less than a splitter that can pause anywhere.
#include "tools/inputs/csv_rows.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr size_t npos = absl::string_view::npos;

}  // namespace

absl::StatusOr<CsvRows> CsvRows::Create(ByteReader reader) {
  CsvRows rows(std::move(reader));
  GYRUS_RETURN_IF_ERROR(rows.DetectDelimiter());
  return rows;
}

absl::Status CsvRows::DetectDelimiter() {
  while (reader_.buffered().size() <= kMaxRowBytes && reader_.buffered().find('\n') == npos) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, reader_.Fill());
    if (!more) break;
  }
  absl::string_view text = reader_.buffered();
  if (absl::ConsumePrefix(&text, kByteOrderMark)) reader_.Consume(kByteOrderMark.size());
  constexpr absl::string_view kDelimiters = ",;\t";
  std::array<int, kDelimiters.size()> counts{};
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n') break;
    const size_t found = kDelimiters.find(c);
    if (found != npos) ++counts[found];
  }
  delimiter_ = kDelimiters[std::max_element(counts.begin(), counts.end()) - counts.begin()];
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvRows::Next() {
  if (!mark_.has_value()) ConsumeAhead();
  for (bool is_all = false;;) {
    SkipBlankLines();
    place_ = {.offset = offset(), .line = next_line_};
    const absl::string_view text = reader_.buffered().substr(ahead_);
    if (is_all && (text.empty() || reader_.stopped())) return false;
    if (ahead_ > kMaxAheadBytes) {
      return Error(absl::StrCat("blank lines go on for more than ", kMaxAheadBytes, " bytes"));
    }
    std::optional<size_t> length;
    if (is_all || text.find('\n') != npos) {
      GYRUS_ASSIGN_OR_RETURN(length, Split(text, is_all));
    }
    if (length.value_or(text.size()) > kMaxRowBytes) {
      return Error(absl::StrCat("a row is longer than ", kMaxRowBytes,
                                " bytes (is there a quote that never closes?)"));
    }
    if (length.has_value()) {
      const absl::string_view row = text.substr(0, *length);
      next_line_ += static_cast<uint64_t>(std::count(row.begin(), row.end(), '\n'));
      ahead_ += *length;
      return true;
    }
    GYRUS_ASSIGN_OR_RETURN(const bool more, reader_.Fill());
    is_all = !more;
  }
}

void CsvRows::SkipBlankLines() {
  absl::string_view text = reader_.buffered().substr(ahead_);
  while (absl::ConsumePrefix(&text, "\n") || absl::ConsumePrefix(&text, "\r\n")) ++next_line_;
  ahead_ = reader_.buffered().size() - text.size();
  // Any number of blank lines then needs no memory.
  if (!mark_.has_value()) ConsumeAhead();
}

void CsvRows::ConsumeAhead() {
  reader_.Consume(ahead_);
  ahead_ = 0;
}

void CsvRows::Mark() {
  ConsumeAhead();
  mark_ = next_line_;
}

void CsvRows::Rewind() {
  next_line_ = *mark_;
  mark_.reset();
  ahead_ = 0;
}

absl::Status CsvRows::Seek(const Place& place) {
  ahead_ = 0;
  next_line_ = place.line;
  return reader_.Seek(place.offset);
}

absl::Status CsvRows::Error(absl::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(reader_.name(), ":", place_.line, ": ", message));
}

absl::StatusOr<std::optional<size_t>> CsvRows::Split(absl::string_view text, bool is_all) {
  fields_.clear();
  unescaped_.clear();
  for (size_t at = 0;; ++at) {
    if (at < text.size() && text[at] == '"') {
      GYRUS_ASSIGN_OR_RETURN(at, SplitQuoted(text, at, is_all));
    } else {
      at = SplitPlain(text, at, is_all);
    }
    if (at == npos) return std::nullopt;
    if (at == text.size()) return at;
    if (text[at] == '\n') return at + 1;
  }
}

size_t CsvRows::SplitPlain(absl::string_view text, size_t at, bool is_all) {
  size_t end = at;
  while (end < text.size() && text[end] != delimiter_ && text[end] != '\n') ++end;
  if (end == text.size() && !is_all) return npos;
  absl::string_view field = text.substr(at, end - at);
  if (end == text.size() || text[end] == '\n') absl::ConsumeSuffix(&field, "\r");
  fields_.push_back(field);
  return end;
}

absl::StatusOr<size_t> CsvRows::SplitQuoted(absl::string_view text, size_t at, bool is_all) {
  const size_t begin = at + 1;
  size_t close = text.find('"', begin);
  bool doubled = false;
  while (close != npos && close + 1 < text.size() && text[close + 1] == '"') {
    doubled = true;
    close = text.find('"', close + 2);
  }
  if (close == npos) {
    if (is_all) return Error("a quote is opened and never closed");
    return npos;
  }
  absl::string_view field = text.substr(begin, close - begin);
  if (doubled) {
    // Enough for every field of this row: views into it must not move.
    unescaped_.reserve(text.size());
    const size_t start = unescaped_.size();
    for (size_t i = 0; i < field.size(); ++i) {
      unescaped_.push_back(field[i]);
      if (field[i] == '"') ++i;
    }
    field = absl::string_view(unescaped_).substr(start);
  }
  fields_.push_back(field);
  size_t end = close + 1;
  if (end < text.size() && text[end] == '\r' && (end + 1 == text.size() || text[end + 1] == '\n')) {
    ++end;
  }
  if (end == text.size() && !is_all) return npos;
  if (end < text.size() && text[end] != delimiter_ && text[end] != '\n') {
    return Error(absl::StrCat("expected a delimiter after the closing quote of field ",
                              fields_.size(), ", found \"", text.substr(end, 1), "\""));
  }
  return end;
}

}  // namespace gyrus
