// SPDX-License-Identifier: Apache-2.0
// Examples say what they said when somebody last looked, and the README shows what is compiled.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/support/commands.h"

namespace gyrus {
namespace {

using testing::HasSubstr;

constexpr char kExample[] = "01_learn_while_inferring";

std::string Golden() {
  return test::FileText(absl::StrCat(GYRUS_SOURCE_DIR, "/tests/examples/", kExample, ".golden"));
}

std::string Readme() { return test::FileText(absl::StrCat(GYRUS_SOURCE_DIR, "/README.md")); }

// What stands between the example's marks, without the indentation of its function.
std::string Snippet() {
  const std::string source =
      test::FileText(absl::StrCat(GYRUS_SOURCE_DIR, "/examples/", kExample, ".cc"));
  const std::vector<std::string> parts = absl::StrSplit(source, "  // README ");
  if (parts.size() != 3) return "the example has no marks";
  std::string snippet;
  const std::vector<absl::string_view> lines = absl::StrSplit(parts[1], '\n');
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    absl::StrAppend(&snippet, absl::StripPrefix(lines[i], "  "), "\n");
  }
  return snippet;
}

TEST(ExamplesTest, LearnWhileInferringSaysWhatItSaid) {
  const test::CommandResult result =
      test::RunCommand(absl::StrCat(GYRUS_EXAMPLES_DIR, "/", kExample));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.output, Golden());
}

TEST(ExamplesTest, ReadmeShowsTheExampleAndWhatItSays) {
  EXPECT_THAT(Readme(), HasSubstr(absl::StrCat("```cpp\n", Snippet(), "```\n")));
  EXPECT_THAT(Readme(), HasSubstr(absl::StrCat("```\n", Golden(), "```\n")));
}

}  // namespace
}  // namespace gyrus
