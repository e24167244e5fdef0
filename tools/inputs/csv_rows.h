// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/inputs/byte_reader.h"
#include "tools/inputs/record.h"

namespace gyrus {

// The rows of a CSV file (RFC 4180; also LF alone, and semicolon or tab as the delimiter) as
// text. Blank lines and a UTF-8 byte order mark are skipped. Memory is bounded: a few times
// kMaxRowBytes, or kMaxAheadBytes between Mark() and Rewind().
//
// Movable. Thread-compatible.
class CsvRows {
 public:
  static constexpr size_t kMaxRowBytes = size_t{1} << 20;
  static constexpr size_t kMaxAheadBytes = size_t{8} << 20;  // Between Mark() and Rewind().

  // The delimiter is the one of comma, semicolon and tab that is most frequent in the first
  // row outside quotes.
  static absl::StatusOr<CsvRows> Create(ByteReader reader);

  // Reads the next row. Returns false at the end.
  // Returns InvalidArgument, with file and line, if a quote is not closed, if anything follows
  // a closing quote, or if a row is longer than kMaxRowBytes. When the reader is asked to stop,
  // a row of which only a part has come is dropped.
  absl::StatusOr<bool> Next();

  // The row just read; views live until the next call that is not const.
  const std::vector<absl::string_view>& fields() const { return fields_; }

  // Where the row just read starts; lines count from 1.
  const Place& place() const { return place_; }

  // Everything read since Mark() is read again after Rewind(), even from a pipe.
  void Mark();
  void Rewind();

  // Goes to the row of that place. Returns FailedPrecondition if this is a pipe.
  absl::Status Seek(const Place& place);

  uint64_t offset() const { return reader_.offset() + ahead_; }  // Of the next row.
  const ByteReader& reader() const { return reader_; }

  // "file.csv:17: message", about the row just read.
  absl::Status Error(absl::string_view message) const;

 private:
  explicit CsvRows(ByteReader reader) : reader_(std::move(reader)) {}

  absl::Status DetectDelimiter();
  void ConsumeAhead();  // Gives up the rows already read.
  void SkipBlankLines();

  // Splits the first row of `text` into fields_. Returns its length in bytes, or nullopt if it
  // may go on behind `text`; `is_all` says that nothing does.
  absl::StatusOr<std::optional<size_t>> Split(absl::string_view text, bool is_all);

  // Reads one field from position `at`; returns the position of what ended it, or npos if it may
  // go on behind `text`.
  absl::StatusOr<size_t> SplitQuoted(absl::string_view text, size_t at, bool is_all);
  size_t SplitPlain(absl::string_view text, size_t at, bool is_all);

  ByteReader reader_;
  char delimiter_ = ',';
  size_t ahead_ = 0;  // Bytes of the buffer that were read as rows and not consumed.
  uint64_t next_line_ = 1;
  std::optional<uint64_t> mark_;  // The line at Mark(), until Rewind().
  Place place_;
  std::vector<absl::string_view> fields_;
  std::string unescaped_;  // Holds the fields that had doubled quotes.
};

}  // namespace gyrus
