// SPDX-License-Identifier: Apache-2.0
#include "core/layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gyrus {
namespace {

using testing::HasSubstr;

TEST(BlockLayoutTest, PacksSmallTensorsIntoOneCacheLine) {
  const auto layout = BlockLayout::Create({
      {.name = "p", .type = ElementType::kU16, .columns = 15},
      {.name = "n", .type = ElementType::kU8, .columns = 15},
      {.name = "history", .type = ElementType::kU8, .columns = 15},
      {.name = "check", .type = ElementType::kU32},
  });

  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->block_bytes(), 64U);
  EXPECT_EQ(layout->offset(1), 30U);
  EXPECT_EQ(layout->offset(3), 60U);
}

TEST(BlockLayoutTest, StartsLargeTensorsOnCacheLines) {
  const auto layout = BlockLayout::Create({
      {.name = "bias", .columns = 3},
      {.name = "w", .rows = 16, .columns = 16},
  });

  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->offset(1), 64U);
  EXPECT_EQ(layout->block_bytes(), 64U + 1024U);
}

TEST(BlockLayoutTest, RefusesMistakesByName) {
  const auto empty = BlockLayout::Create({});
  const auto twice = BlockLayout::Create({{.name = "w"}, {.name = "w"}});
  const auto flat = BlockLayout::Create({{.name = "w", .rows = 0}});
  const auto huge = BlockLayout::Create({{.name = "w", .rows = 1U << 20, .columns = 1U << 20}});

  EXPECT_THAT(std::string(empty.status().message()), HasSubstr("at least one tensor"));
  EXPECT_THAT(std::string(twice.status().message()), HasSubstr("\"w\" appears twice"));
  EXPECT_THAT(std::string(flat.status().message()), HasSubstr("0 x 1"));
  EXPECT_THAT(std::string(huge.status().message()), HasSubstr("at most 1073741824"));
}

}  // namespace
}  // namespace gyrus
