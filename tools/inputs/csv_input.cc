// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/csv_input.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint64_t kMaxInferenceBytes = 4 << 20;
constexpr size_t kMaxQuotedInMessage = 40;

bool IsMissing(absl::string_view text) {
  return text.empty() || text == "?" || text == "NA" || absl::EqualsIgnoreCase(text, "nan") ||
         absl::EqualsIgnoreCase(text, "null");
}

enum class Numeral { kNumber, kTooLarge, kMissing, kText };

// Reads `text` as a number: kTooLarge for infinities and for what a float cannot hold.
Numeral ReadNumeral(absl::string_view text, double* value) {
  if (!absl::SimpleAtod(text, value)) return Numeral::kText;
  if (std::isnan(*value)) return Numeral::kMissing;
  return std::abs(*value) <= FLT_MAX ? Numeral::kNumber : Numeral::kTooLarge;
}

std::string Quoted(absl::string_view text) {
  const bool cut = text.size() > kMaxQuotedInMessage;
  return absl::StrCat("\"", text.substr(0, kMaxQuotedInMessage), cut ? "..." : "", "\"");
}

}  // namespace

absl::StatusOr<std::unique_ptr<CsvInput>> CsvInput::Create(ByteReader reader,
                                                           const Options& options) {
  if (options.inference_rows < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("inference_rows must be at least 1, got ", options.inference_rows));
  }
  GYRUS_ASSIGN_OR_RETURN(CsvRows rows, CsvRows::Create(std::move(reader)));
  std::unique_ptr<CsvInput> input(new CsvInput(std::move(rows)));
  GYRUS_RETURN_IF_ERROR(input->ReadHeader());
  GYRUS_RETURN_IF_ERROR(input->InferTypes(options));
  return input;
}

absl::Status CsvInput::ReadHeader() {
  GYRUS_ASSIGN_OR_RETURN(const bool any, rows_.Next());
  if (!any) {
    return absl::InvalidArgumentError(
        absl::StrCat(rows_.reader().name(), " is empty, expected a header of column names"));
  }
  absl::flat_hash_set<std::string> names;
  bool only_numbers = true;
  for (const absl::string_view field : rows_.fields()) {
    if (field.find('\0') != absl::string_view::npos) {
      return rows_.Error("expected a header of column names, found a zero byte (is it UTF-8?)");
    }
    std::string name(absl::StripAsciiWhitespace(field));
    double number = 0;
    only_numbers = only_numbers && absl::SimpleAtod(name, &number);
    // The index column that data frames write has no name.
    if (name.empty()) name = absl::StrCat("column_", schema_.columns.size() + 1);
    if (!names.insert(name).second) {
      return rows_.Error(absl::StrCat("column ", Quoted(name), " is in the header twice"));
    }
    schema_.columns.push_back({.name = std::move(name)});
  }
  if (only_numbers) {
    return rows_.Error(absl::StrCat("expected a header of column names, found only numbers: ",
                                    Quoted(rows_.fields().front()), ", ..."));
  }
  return absl::OkStatus();
}

absl::Status CsvInput::InferTypes(const Options& options) {
  std::vector<bool> known(schema_.columns.size());
  for (const Schema::Column& column : options.known) {
    const std::optional<int> i = schema_.Find(column.name);
    if (!i.has_value()) continue;
    schema_.columns[*i].type = column.type;
    known[*i] = true;
  }
  rows_.Mark();
  const uint64_t start = rows_.offset();
  uint64_t rows = 0;
  bool at_end = false;
  while (rows < static_cast<uint64_t>(options.inference_rows) &&
         rows_.offset() - start < kMaxInferenceBytes) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, NextRow());
    if (!more) {
      at_end = true;
      break;
    }
    ++rows;
    for (size_t i = 0; i < schema_.columns.size(); ++i) {
      if (known[i]) continue;
      const absl::string_view text = absl::StripAsciiWhitespace(rows_.fields()[i]);
      double number = 0;
      if (!IsMissing(text) && ReadNumeral(text, &number) == Numeral::kText) {
        Schema::Column& column = schema_.columns[i];
        if (column.type == Schema::Type::kCategory) continue;
        column.type = Schema::Type::kCategory;
        column.because =
            absl::StrCat(Quoted(text), " at line ", rows_.place().line, " is no number");
      }
    }
  }
  if (rows == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(rows_.reader().name(), " has a header and no rows, expected at least 1"));
  }
  if (at_end) {
    size_hint_ = rows;
  } else if (rows_.reader().size().has_value()) {
    const double row_bytes =
        static_cast<double>(rows_.offset() - start) / static_cast<double>(rows);
    size_hint_ =
        static_cast<uint64_t>(static_cast<double>(*rows_.reader().size() - start) / row_bytes);
  }
  rows_.Rewind();
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvInput::NextRow() {
  GYRUS_ASSIGN_OR_RETURN(const bool more, rows_.Next());
  if (more && rows_.fields().size() != schema_.columns.size()) {
    return rows_.Error(absl::StrCat("expected ", schema_.columns.size(),
                                    " fields, as in the header, found ", rows_.fields().size()));
  }
  return more;
}

absl::StatusOr<bool> CsvInput::Next(Record* record) {
  GYRUS_ASSIGN_OR_RETURN(const bool more, NextRow());
  if (!more) return false;
  record->time_ns = 0;
  record->place = rows_.place();
  record->fields.resize(schema_.columns.size());
  for (size_t i = 0; i < schema_.columns.size(); ++i) {
    const absl::string_view text = absl::StripAsciiWhitespace(rows_.fields()[i]);
    Field& field = record->fields[i];
    field = {.text = text, .value = 0, .missing = IsMissing(text)};
    if (field.missing || schema_.columns[i].type == Schema::Type::kCategory) continue;
    const Numeral numeral = ReadNumeral(text, &field.value);
    if (numeral == Numeral::kMissing) {
      field = {.text = text, .value = 0, .missing = true};
    } else if (numeral != Numeral::kNumber) {
      return rows_.Error(absl::StrCat("column ", Quoted(schema_.columns[i].name), ": expected a ",
                                      numeral == Numeral::kText ? "number" : "finite number",
                                      ", found ", Quoted(text)));
    }
  }
  return true;
}

}  // namespace gyrus
