// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace gyrus::test {

// A folder of its own for one test, removed at its end. Thread-compatible.
class TempFiles {
 public:
  TempFiles() {
    std::string pattern = testing::TempDir() + "gyrusXXXXXX";
    const char* made = mkdtemp(pattern.data());
    EXPECT_NE(made, nullptr) << pattern;
    root_ = pattern;
  }
  ~TempFiles() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  TempFiles(const TempFiles&) = delete;
  TempFiles& operator=(const TempFiles&) = delete;

  const std::string& root() const { return root_; }
  std::string PathOf(const std::string& name) const { return root_ + "/" + name; }

  // Writes a file (and the folders above it) of that name; returns its path.
  std::string Write(const std::string& name, const std::string& bytes) const {
    const std::filesystem::path path = PathOf(name);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << bytes;
    return path.string();
  }

 private:
  std::string root_;
};

}  // namespace gyrus::test
