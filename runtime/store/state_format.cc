// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/state_format.h"

#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "core/crc32c.h"

namespace gyrus {

uint32_t Seal(absl::string_view key, absl::string_view value) {
  const std::string both = absl::StrCat(key, absl::string_view("\0", 1), value);
  return Crc32c(std::as_bytes(std::span(both)));
}

uint32_t SealOfTable(int64_t id, absl::string_view name, int64_t block_bytes) {
  const std::string text = absl::StrCat(id, " ", block_bytes, " ", name);
  return Crc32c(std::as_bytes(std::span(text)));
}

}  // namespace gyrus
