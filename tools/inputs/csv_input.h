// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tools/inputs/byte_reader.h"
#include "tools/inputs/csv_rows.h"
#include "tools/inputs/record.h"

namespace gyrus {

// A table from CSV text with a header (see csv_rows.h for the dialects).
//
// Missing values are an empty field, NA, NaN, ? and null (NaN and null in any case). A column is
// real if all its present values in the first rows are numbers, otherwise a category. Once
// decided, it stays: text in a real column is an error, with file, line and column, and so is an
// infinity or a number that no float can hold. Every field also gives its text, so that a column
// of small whole numbers may serve as classes.
//
// Thread-compatible.
class CsvInput final : public Input {
 public:
  struct Options {
    int inference_rows = 1000;  // Rows that decide the types (at most 4 MiB of them); at least 1.
    std::vector<Schema::Column> known = {};  // Columns whose types are decided already.
  };

  // Reads the header and the rows that decide the types.
  // Returns InvalidArgument if there is no header, if it holds nothing but numbers or a name
  // twice, if there is no row behind it, or if one of those rows is refused by Next().
  static absl::StatusOr<std::unique_ptr<CsvInput>> Create(ByteReader reader,
                                                          const Options& options);

  const Schema& schema() const override { return schema_; }

  // Returns InvalidArgument if the row has another number of fields than the header, or a value
  // that its column's type does not allow.
  absl::StatusOr<bool> Next(Record* record) override;

  std::optional<uint64_t> size_hint() const override { return size_hint_; }
  absl::Status Seek(const Place& place) override { return rows_.Seek(place); }

 private:
  explicit CsvInput(CsvRows rows) : rows_(std::move(rows)) {}

  absl::Status ReadHeader();
  absl::Status InferTypes(const Options& options);
  absl::StatusOr<bool> NextRow();  // Checked for its number of fields.

  CsvRows rows_;
  Schema schema_{.kind = Schema::Kind::kTable};
  std::optional<uint64_t> size_hint_;
};

}  // namespace gyrus
