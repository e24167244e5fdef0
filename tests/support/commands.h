// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

namespace gyrus::test {

struct CommandResult {
  int exit_code = -1;
  std::string output;  // Standard output and standard error, as they came.
};

// Runs a shell command to its end.
inline CommandResult RunCommand(const std::string& command) {
  CommandResult result;
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return result;
  char part[4096];
  while (const std::size_t count = std::fread(part, 1, sizeof(part), pipe)) {
    result.output.append(part, count);
  }
  const int status = pclose(pipe);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  return result;
}

// A whole file; "" if there is none.
inline std::string FileText(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace gyrus::test
