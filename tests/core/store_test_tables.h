// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>

#include "core/store.h"

namespace gyrus::test {

// A table of blocks of `words` 32-bit numbers.
inline TableSpec WordsTable(std::string name, uint32_t blocks, uint32_t spares,
                            TensorReader reader = TensorReader::kStep, uint32_t words = 16) {
  return {.name = std::move(name),
          .layout = *BlockLayout::Create(
              {{.name = "words", .type = ElementType::kU32, .columns = words}}, reader),
          .blocks = blocks,
          .spares = spares};
}

inline uint32_t FirstWord(const std::byte* block) {
  uint32_t word = 0;
  std::memcpy(&word, block, sizeof(word));
  return word;
}

}  // namespace gyrus::test
