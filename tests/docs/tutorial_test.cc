// SPDX-License-Identifier: Apache-2.0
// What the documents tell a newcomer to type works, and the command's options are written down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "tests/support/commands.h"

namespace gyrus {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::string Document(absl::string_view path) {
  return test::FileText(absl::StrCat(GYRUS_SOURCE_DIR, "/docs/", path));
}

// The commands of a document's ```sh blocks, in order, as one script.
std::string Commands(absl::string_view document) {
  std::string script = "set -euo pipefail\n";
  bool inside = false;
  for (const absl::string_view line : absl::StrSplit(document, '\n')) {
    if (absl::StartsWith(line, "```")) {
      inside = line == "```sh";
    } else if (inside) {
      absl::StrAppend(&script, line, "\n");
    }
  }
  return script;
}

test::CommandResult RunInNewFolder(const std::string& name, const std::string& script) {
  const fs::path folder = fs::path(testing::TempDir()) / name;
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::ofstream(folder / "script.sh") << script;
  return test::RunCommand(absl::StrCat("cd '", folder.string(), "' && PATH='", GYRUS_COMMAND_DIR,
                                       "':\"$PATH\" bash script.sh"));
}

TEST(TutorialTest, CommandsAreThoseOfShellBlocks) {
  EXPECT_EQ(Commands("a\n```sh\nb\n```\nc\n```\nd\n```\n"), "set -euo pipefail\nb\n");
}

TEST(TutorialTest, FirstBrainWorksAsWritten) {
  const test::CommandResult result = RunInNewFolder(
      "first-brain", Commands(Document("tutorials/first-brain.md")) + "test -s mind/report.html\n");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("\"kind\":\"summary\""));
}

TEST(TutorialTest, ABrainCopesAsWritten) {
  const test::CommandResult result =
      RunInNewFolder("world-drifts", Commands(Document("tutorials/world-drifts.md")) +
                                         "grep -q 'Learning health' pump/report.html\n");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  for (const char* told :
       {"drift     found 2 times", "1 taken back (200 events), 1 accepted",
        "12000 steps are durable", "nothing is wrong with pump",
        "the brain stands at 12000 examples in all", "learned 3.00 k examples"}) {
    EXPECT_THAT(result.output, HasSubstr(told));
  }
}

// docs/reference/cli.md holds each command's help, word for word.
TEST(ReferenceTest, HoldsTheHelpOfEveryCommand) {
  const std::string reference = Document("reference/cli.md");
  for (const char* command : {"",
                              "init",
                              "learn",
                              "run",
                              "inspect",
                              "report",
                              "top",
                              "doctor",
                              "snapshot",
                              "snapshot list",
                              "snapshot save",
                              "snapshot tag",
                              "snapshot drop",
                              "snapshot rollback",
                              "snapshot diff",
                              "forget",
                              "user",
                              "user list",
                              "user create",
                              "user drop",
                              "user export",
                              "user rebase",
                              "presets",
                              "version"}) {
    const test::CommandResult help =
        test::RunCommand(absl::StrCat(GYRUS_COMMAND_DIR, "/gyrus ", command, " --help"));
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(reference, HasSubstr(absl::StrCat("```\n", help.output, "```\n")))
        << "docs/reference/generate renews it";
  }
}

}  // namespace
}  // namespace gyrus
