// SPDX-License-Identifier: Apache-2.0
//
// CsvInput: whatever it accepts keeps the promises of Schema and Record, and reads the same after
// going back.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "core/check.h"
#include "tools/inputs/csv_input.h"

namespace gyrus {
namespace {

void CheckFields(const Schema& schema, const Record& record) {
  GYRUS_CHECK(record.fields.size() == schema.columns.size());
  for (size_t i = 0; i < record.fields.size(); ++i) {
    const Field& field = record.fields[i];
    if (schema.columns[i].type == Schema::Type::kCategory || field.missing) {
      GYRUS_CHECK(field.value == 0);
    } else {
      GYRUS_CHECK(std::isfinite(static_cast<float>(field.value)));
      GYRUS_CHECK(!field.text.empty());
    }
  }
}

void ReadAll(const std::string& text) {
  auto input = CsvInput::Create(ByteReader::FromString("fuzz.csv", text), {.inference_rows = 4});
  if (!input.ok()) return;
  Record record;
  std::optional<Place> last;
  std::string last_field;
  for (;;) {
    const auto more = (*input)->Next(&record);
    if (!more.ok() || !*more) break;
    CheckFields((*input)->schema(), record);
    last = record.place;
    last_field = std::string(record.fields.back().text);
  }
  if (!last.has_value()) return;
  GYRUS_CHECK((*input)->Seek(*last).ok());
  const auto again = (*input)->Next(&record);
  GYRUS_CHECK(again.ok() && *again);
  GYRUS_CHECK(record.fields.back().text == last_field);
  GYRUS_CHECK(record.place.line == last->line);
}

}  // namespace
}  // namespace gyrus

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  gyrus::ReadAll(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
