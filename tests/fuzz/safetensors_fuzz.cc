// SPDX-License-Identifier: Apache-2.0
// Whatever the bytes, Parse returns; what it accepts, it writes and reads again unchanged.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/check.h"
#include "runtime/store/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  namespace st = gyrus::safetensors;
  const auto contents = st::Parse(std::as_bytes(std::span(data, size)));
  if (!contents.ok()) return 0;
  std::vector<st::TensorEntry> entries;
  std::size_t bytes = 0;
  for (const auto& tensor : contents->tensors) {
    entries.push_back(tensor.entry);
    bytes += tensor.data.size();
  }
  st::SortForWriting(&entries);
  const auto header = st::Header(entries, contents->metadata, {});
  GYRUS_CHECK(header.ok());
  const std::string file = *header + std::string(bytes, '\0');
  const auto again = st::Parse(std::as_bytes(std::span(file)));
  GYRUS_CHECK(again.ok());
  GYRUS_CHECK(again->metadata == contents->metadata);
  GYRUS_CHECK(again->tensors.size() == entries.size());
  return 0;
}
