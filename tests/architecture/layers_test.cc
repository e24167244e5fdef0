// SPDX-License-Identifier: Apache-2.0
#include "tests/architecture/layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace gyrus::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr char kSpdx[] = "// SPDX-License-Identifier: Apache-2.0\n";

// The faults of a file that starts as it should and goes on with `rest`.
std::vector<std::string> FaultsOf(absl::string_view path, absl::string_view rest) {
  return CheckFile(path, absl::StrCat(kSpdx, rest));
}

bool IsChecked(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".h" || extension == ".cc" || extension == ".proto" ||
         extension == ".cmake" || path.filename() == "CMakeLists.txt";
}

TEST(LayersTest, RepositoryKeepsTheArchitecture) {
  namespace fs = std::filesystem;
  const fs::path root = GYRUS_SOURCE_DIR;
  int files = 0;
  for (const std::string& folder : CodeFolders()) {
    if (!fs::exists(root / folder)) continue;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file() || !IsChecked(entry.path())) continue;
      std::ifstream file(entry.path());
      std::stringstream text;
      text << file.rdbuf();

      EXPECT_THAT(CheckFile(fs::relative(entry.path(), root).generic_string(), text.str()),
                  IsEmpty());
      ++files;
    }
  }
  EXPECT_GT(files, 20) << "under " << root;
}

TEST(LayersTest, RefusesUpwardInclude) {
  EXPECT_THAT(CheckFile("learner/bad.cc",
                        "#include \"runtime/session.h\"  // " + std::string(kSpdx).substr(3)),
              ElementsAre("learner/bad.cc:1: learner must not include runtime"));
  EXPECT_THAT(FaultsOf("core/bad.h", "#include \"activation/cell.h\"\n"),
              ElementsAre("core/bad.h:2: core must not include activation"));
  EXPECT_THAT(FaultsOf("learner/bad.cc", "  #  include \"gyrus/v1/brain.pb.h\"\n"),
              ElementsAre("learner/bad.cc:2: learner must not include proto"));
  EXPECT_THAT(FaultsOf("tools/bad.cc", "#include \"tests/support/no_alloc.h\"\n"),
              ElementsAre("tools/bad.cc:2: tools must not include tests"));
}

TEST(LayersTest, AcceptsDownwardInclude) {
  EXPECT_THAT(FaultsOf("learner/good.cc",
                       "#include \"learner/good.h\"\n"
                       "#include <vector>\n"
                       "#include <sys/mman.h>\n"
                       "#include \"absl/status/status.h\"\n"
                       "#include \"activation/cell.h\"\n"
                       "#include \"core/layout.h\"\n"),
              IsEmpty());
  EXPECT_THAT(FaultsOf("runtime/good.cc", "#include \"gyrus/v1/brain.pb.h\"\n"), IsEmpty());
}

TEST(LayersTest, KeepsLibrariesWhereTheyBelong) {
  EXPECT_THAT(FaultsOf("activation/solve.cc", "#include <Eigen/Dense>\n"), IsEmpty());
  EXPECT_THAT(FaultsOf("activation/solve.h", "#include <Eigen/Dense>\n"),
              ElementsAre("activation/solve.h:2: a header must not include Eigen"));
  EXPECT_THAT(FaultsOf("core/kernels/dot.cc", "#include \"hwy/highway.h\"\n"), IsEmpty());
  EXPECT_THAT(FaultsOf("core/store.cc", "#include \"hwy/highway.h\"\n"),
              ElementsAre("core/store.cc:2: core must not include Highway here"));
  EXPECT_THAT(FaultsOf("learner/bad.cc", "#include <google/protobuf/message.h>\n"),
              ElementsAre("learner/bad.cc:2: learner must not include protobuf here"));
  EXPECT_THAT(FaultsOf("runtime/session.cc", "#include <sqlite3.h>\n"),
              ElementsAre("runtime/session.cc:2: runtime must not include SQLite here"));
  EXPECT_THAT(FaultsOf("runtime/store/journal.cc", "#include <sqlite3.h>\n"), IsEmpty());
  EXPECT_THAT(FaultsOf("learner/bad.cc", "#include <thread>\n"),
              ElementsAre("learner/bad.cc:2: learner must not include threads here"));
  EXPECT_THAT(FaultsOf("runtime/bad.cc", "#include \"spdlog/spdlog.h\"\n"),
              ElementsAre(testing::HasSubstr("neither in a layer nor a library")));
}

TEST(LayersTest, KeepsInternalFoldersInTheirLayer) {
  constexpr char kInclude[] = "#include \"core/internal/chain.h\"\n";

  EXPECT_THAT(FaultsOf("core/store.cc", kInclude), IsEmpty());
  EXPECT_THAT(FaultsOf("tests/core/store_test.cc", kInclude), IsEmpty());
  EXPECT_THAT(
      FaultsOf("learner/bad.cc", kInclude),
      ElementsAre("learner/bad.cc:2: learner must not include the internal core/internal/chain.h"));
}

TEST(LayersTest, RefusesClimbingPaths) {
  EXPECT_THAT(FaultsOf("core/bad.cc", "#include \"../core/layout.h\"\n"),
              ElementsAre("core/bad.cc:2: include by path from the root, not ../core/layout.h"));
}

TEST(LayersTest, AsksForTheSpdxLine) {
  EXPECT_THAT(CheckFile("core/bad.cc", "int x;\n"),
              ElementsAre("core/bad.cc:1: the first line must be the SPDX line"));
  EXPECT_THAT(
      CheckFile("tools/demo.sh", "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\necho\n"),
      IsEmpty());
}

TEST(LayersTest, RefusesLongFiles) {
  std::string lines;
  for (int i = 0; i < 299; ++i) lines += "\n";

  EXPECT_THAT(FaultsOf("core/good.h", lines), IsEmpty());
  EXPECT_THAT(FaultsOf("core/bad.h", lines + "\n"),
              ElementsAre("core/bad.h:301: at most 300 lines, got 301"));
  EXPECT_THAT(FaultsOf("core/good.cc", lines + "\n"), IsEmpty());
  EXPECT_THAT(FaultsOf("core/bad.cc", lines + lines), ElementsAre(testing::HasSubstr("500 lines")));
}

TEST(LayersTest, RefusesWordsThatTheHouseDoesNotUse) {
  EXPECT_THAT(FaultsOf("core/bad.h",
                       "void F(std::"
                       "string_view name);\n"),
              ElementsAre("core/bad.h:2: use absl::string_view"));
  EXPECT_THAT(FaultsOf("core/bad.h",
                       "// TO"
                       "DO: finish\n"),
              ElementsAre("core/bad.h:2: TO"
                          "DO belongs in an issue"));
}

}  // namespace
}  // namespace gyrus::test
