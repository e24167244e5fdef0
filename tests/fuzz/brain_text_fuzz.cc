// SPDX-License-Identifier: Apache-2.0
// Whatever the text, ParseBrain returns; what it accepts, it writes and reads again unchanged.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "core/check.h"
#include "runtime/brain_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto spec = gyrus::ParseBrain(bytes, "brain.textproto");
  if (!spec.ok()) {
    GYRUS_CHECK(spec.status().message().size() > sizeof("brain.textproto:"));
    return 0;
  }
  const std::string text = gyrus::FormatBrain(*spec);
  const auto again = gyrus::ParseBrain(text, "again");
  GYRUS_CHECK(again.ok());
  GYRUS_CHECK(gyrus::FormatBrain(*again) == text);
  return 0;
}
