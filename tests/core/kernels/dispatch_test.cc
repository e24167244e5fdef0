// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/dispatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "hwy/highway.h"

namespace gyrus::kernels {
namespace {

using testing::HasSubstr;

class DispatchTest : public testing::Test {
 protected:
  void TearDown() override {
    unsetenv("GYRUS_ISA");
    ASSERT_TRUE(SelectIsa("").ok());
  }
};

TEST_F(DispatchTest, SelectsEveryIsaOfThisProcessorByName) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const std::string name = hwy::TargetName(target);

    ASSERT_TRUE(SelectIsa(absl::AsciiStrToLower(name)).ok()) << name;

    EXPECT_EQ(ActiveIsa(), name);
  }
}

TEST_F(DispatchTest, EmptyNameGoesBackToTheBest) {
  const std::string best(ActiveIsa());
  ASSERT_TRUE(SelectIsa("scalar").ok() || SelectIsa("emu128").ok() || SelectIsa("neon").ok());

  ASSERT_TRUE(SelectIsa("").ok());

  EXPECT_EQ(ActiveIsa(), best);
}

TEST_F(DispatchTest, RefusesAnUnknownNameListingTheKnownAndChangesNothing) {
  const std::string before(ActiveIsa());

  const absl::Status status = SelectIsa("mmx");

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("got \"mmx\""));
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::AsciiStrToLower(before)));
  EXPECT_EQ(ActiveIsa(), before);
}

TEST_F(DispatchTest, WarmupHonoursTheEnvironment) {
  const std::string slowest = hwy::TargetName(hwy::SupportedAndGeneratedTargets().back());
  setenv("GYRUS_ISA", slowest.c_str(), 1);

  Warmup();

  EXPECT_EQ(ActiveIsa(), slowest);
}

}  // namespace
}  // namespace gyrus::kernels
