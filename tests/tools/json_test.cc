// SPDX-License-Identifier: Apache-2.0
#include "tools/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace gyrus {
namespace {

TEST(JsonTest, NumbersReadBackTheSameAndNotANumberIsNull) {
  EXPECT_EQ(JsonNumber(0.1), "0.1");
  EXPECT_EQ(JsonNumber(3), "3");
  EXPECT_EQ(std::stod(JsonNumber(1.0 / 3)), 1.0 / 3);
  EXPECT_EQ(JsonNumber(std::nan("")), "null");
  EXPECT_EQ(JsonNumber(-std::numeric_limits<double>::infinity()), "null");
}

TEST(JsonTest, KeepsMembersInOrderAndEscapesText) {
  JsonObject object;
  object.Add("a\"b", "line\nend").Add("n", uint64_t{18446744073709551615U}).AddJson("x", "[1]");
  EXPECT_EQ(object.ToString(), "{\"a\\\"b\":\"line\\nend\",\"n\":18446744073709551615,\"x\":[1]}");
  EXPECT_EQ(JsonObject().ToString(), "{}");
}

TEST(JsonTest, ReplacesWhatIsNoUtf8) {
  EXPECT_EQ(JsonObject().Add("f", "caf\xc3\xa9").ToString(), "{\"f\":\"caf\xc3\xa9\"}");
  EXPECT_EQ(JsonObject().Add("f", "caf\xe9").ToString(), "{\"f\":\"caf\xef\xbf\xbd\"}");
}

TEST(JsonTest, WritesArrays) {
  const uint64_t values[] = {1, 0, 7};
  EXPECT_EQ(JsonArray(values), "[1,0,7]");
  EXPECT_EQ(JsonArray({}), "[]");
}

}  // namespace
}  // namespace gyrus
