// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/store.h"

namespace gyrus::test {

// All blocks of a store, as bytes.
inline std::string Blocks(Store* store) {
  std::string bytes;
  const View view = store->Draft();
  for (uint32_t t = 0; t < store->num_tables(); ++t) {
    const std::size_t size = store->spec(t).layout.block_bytes();
    for (uint32_t i = 0; i < store->spec(t).blocks; ++i) {
      bytes.append(reinterpret_cast<const char*>(view.table(t).Read(i)), size);
    }
  }
  return bytes;
}

}  // namespace gyrus::test
