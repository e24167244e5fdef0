// SPDX-License-Identifier: Apache-2.0
#include "runtime/presets.h"

#include <gtest/gtest.h>

#include "activation/plan.h"
#include "runtime/binding.h"
#include "runtime/brain_text.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

TEST(PresetsTest, EachSaysWhatItIsAndComesBackFromItsText) {
  for (const PresetName& preset : PresetNames()) {
    EXPECT_FALSE(preset.description.empty());
    const auto spec = Preset(preset.name);
    ASSERT_THAT(spec, test::IsOk());
    EXPECT_EQ(spec->name, preset.name);
    const std::string text = FormatBrain(*spec);
    const auto again = ParseBrain(text, "brain.textproto");
    ASSERT_THAT(again, test::IsOk());
    EXPECT_EQ(FormatBrain(*again), text);
  }
}

TEST(PresetsTest, TextIsBoundFromTheStart) {
  const auto spec = Preset("text");
  ASSERT_THAT(spec, test::IsOk());
  EXPECT_TRUE(IsBound(*spec));
  EXPECT_THAT(Plan::Create(*spec), test::IsOk());
}

TEST(PresetsTest, NamesTheNearestOfAnUnknownOne) {
  const auto spec = Preset("texts");
  EXPECT_EQ(spec.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(spec.status().message().find("did you mean \"text\"?"), absl::string_view::npos)
      << spec.status();
}

}  // namespace
}  // namespace gyrus
