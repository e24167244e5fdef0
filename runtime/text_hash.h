// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace gyrus {

// FNV-1a, 64 bits, the same on every machine: tells texts apart by accident, not against an
// adversary.
inline uint64_t TextHash(absl::string_view text) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

}  // namespace gyrus
