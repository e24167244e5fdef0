// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/clock.h"
#include "tools/inputs/record.h"

namespace gyrus {

struct InputOptions {
  // What the input must be; nullopt decides by the file: a name that ends in .csv or .tsv is a
  // table, the magic number of IDX means images, all else is bytes.
  std::optional<Schema::Kind> kind = std::nullopt;
  int inference_rows = 1000;               // CsvInput::Options
  std::vector<Schema::Column> known = {};  // CsvInput::Options
  Nanos period = std::chrono::seconds(1);  // ProcInput::Options
  const Clock* clock = nullptr;            // Of "proc", which needs one. Must outlive the input.
  // Set by a signal handler: a wait for input then ends as if the input had. May be null; must
  // outlive the input.
  const std::atomic<bool>* stop = nullptr;
};

// Opens `path`, where "-" is standard input and "proc" this machine's own live sensors (a file of
// that name is "./proc"). A directory gives the bytes of its regular files, in
// order of their paths, if kind is kBytes; those that hold a zero among their first 8 KiB are no
// text and skipped, and the input's note says which. IDX images get the labels beside them
// (IdxInput::LabelsPath()) if there are any.
//
// Returns NotFound if there is no such file, InvalidArgument if it is empty, a directory,
// compressed, or not of the kind asked for, and what the Create() of each kind returns.
absl::StatusOr<std::unique_ptr<Input>> OpenInput(const std::string& path,
                                                 const InputOptions& options);

}  // namespace gyrus
