// SPDX-License-Identifier: Apache-2.0
//
// IdxInput: no header makes it read outside its file. The first byte says where the images end
// and the labels begin.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "core/check.h"
#include "tools/inputs/idx_input.h"

namespace gyrus {
namespace {

void ReadAll(std::string images, std::string labels) {
  std::optional<ByteReader> labels_reader;
  if (!labels.empty()) labels_reader.emplace(ByteReader::FromString("labels", std::move(labels)));
  const auto input = IdxInput::Create(ByteReader::FromString("images", std::move(images)),
                                      std::move(labels_reader));
  if (!input.ok()) return;
  const Schema& schema = (*input)->schema();
  const uint64_t count = (*input)->size_hint().value();
  Record record;
  unsigned sum = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const auto more = (*input)->Next(&record);
    GYRUS_CHECK(more.ok() && *more);
    GYRUS_CHECK(record.pixels.size() == static_cast<size_t>(schema.height) * schema.width);
    GYRUS_CHECK(record.label.has_value() == schema.labelled);
    for (const uint8_t pixel : record.pixels) sum += pixel;  // Touches every byte.
  }
  const auto more = (*input)->Next(&record);
  GYRUS_CHECK(more.ok() && !*more);
  GYRUS_CHECK((*input)->Seek({.offset = sum % count, .line = 0}).ok());
  const auto again = (*input)->Next(&record);
  GYRUS_CHECK(again.ok() && *again);
}

}  // namespace
}  // namespace gyrus

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t images = std::min<size_t>(data[0], bytes.size());
  gyrus::ReadAll(bytes.substr(0, images), bytes.substr(images));
  return 0;
}
