// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gyrus {

// A file that a command was asked to write, found to be one that it may.
//
// Copyable. Thread-compatible.
class OutputFile {
 public:
  // What must not be written over.
  struct Kept {
    std::string directory = {};            // Nothing in this brain's directory; "": none.
    std::vector<std::string> inputs = {};  // As OpenInput takes them: nor their files.
  };

  // Follows symbolic links. Returns InvalidArgument, naming `path` and why, if it is a directory or
  // to be kept; NotFound if there is no folder to put it into.
  static absl::StatusOr<OutputFile> Create(const std::string& path, const Kept& kept);

  // Puts `bytes` into the file, whole or not at all (WriteFile); into what is no regular file, a
  // pipe or a device, as they come. Returns what WriteFile does.
  absl::Status Write(absl::string_view bytes) const;

 private:
  OutputFile(std::string path, bool regular) : path_(std::move(path)), regular_(regular) {}

  std::string path_;  // With no link left at its end.
  bool regular_;      // Or not there yet.
};

}  // namespace gyrus
