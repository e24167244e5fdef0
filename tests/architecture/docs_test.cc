// SPDX-License-Identifier: Apache-2.0
// Holds the documents to the tree that they describe.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace gyrus {
namespace {

namespace fs = std::filesystem;

std::string ReadText(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<fs::path> Documents() {
  const fs::path root = GYRUS_SOURCE_DIR;
  std::vector<fs::path> documents;
  for (const fs::directory_entry& entry : fs::directory_iterator(root)) {
    if (entry.path().extension() == ".md") documents.push_back(entry.path());
  }
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / "docs")) {
    if (entry.path().extension() == ".md") documents.push_back(entry.path());
  }
  return documents;
}

// The targets of the links [text](target) that stay in this tree, without their #anchor.
std::vector<std::string> LocalLinks(absl::string_view text) {
  std::vector<std::string> links;
  const std::vector<absl::string_view> parts = absl::StrSplit(text, "](");
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const absl::string_view target = parts[i].substr(0, parts[i].find_first_of(")#"));
    if (!target.empty() && !absl::StrContains(target, "://")) links.emplace_back(target);
  }
  return links;
}

TEST(DocsTest, FindsLinksThatStayInTheTree) {
  EXPECT_THAT(LocalLinks("[a](x.md) [b](https://example.org) [c](#here) [d](y/z.md#there)"),
              testing::ElementsAre("x.md", "y/z.md"));
}

TEST(DocsTest, EveryLinkLeadsSomewhere) {
  const std::vector<fs::path> documents = Documents();
  for (const fs::path& document : documents) {
    for (const std::string& link : LocalLinks(ReadText(document))) {
      EXPECT_TRUE(fs::exists(document.parent_path() / link)) << document << " links to " << link;
    }
  }
  EXPECT_GT(documents.size(), 5U);
}

TEST(DocsTest, EveryDecisionRecordHasItsParts) {
  for (const fs::directory_entry& entry :
       fs::directory_iterator(fs::path(GYRUS_SOURCE_DIR) / "docs" / "adr")) {
    const std::string text = ReadText(entry.path());
    for (const char* part :
         {"\nStatus: ", "\n## Context\n", "\n## Decision\n", "\n## Consequences\n"}) {
      EXPECT_TRUE(absl::StrContains(text, part)) << entry.path() << " lacks" << part;
    }
  }
}

}  // namespace
}  // namespace gyrus
