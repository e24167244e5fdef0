// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "core/layout.h"

int main() {
  const auto layout = gyrus::BlockLayout::Create({{.name = "w", .rows = 16, .columns = 16}});
  if (!layout.ok()) {
    std::fprintf(stderr, "%s\n", layout.status().ToString().c_str());
    return 1;
  }
  std::printf("%zu bytes a block\n", layout->block_bytes());
  return layout->block_bytes() == 1024 ? 0 : 1;
}
