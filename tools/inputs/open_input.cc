// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/open_input.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/status_macros.h"
#include "tools/inputs/byte_reader.h"
#include "tools/inputs/bytes_input.h"
#include "tools/inputs/csv_input.h"
#include "tools/inputs/idx_input.h"
#include "tools/inputs/proc_input.h"

namespace gyrus {
namespace {

namespace fs = std::filesystem;

using Kind = Schema::Kind;

constexpr absl::string_view kGzipMagic("\x1f\x8b", 2);
constexpr absl::string_view kImagesMagic("\0\0\x08\x03", 4);
constexpr absl::string_view kLabelsMagic("\0\0\x08\x01", 4);
constexpr size_t kMaxFiles = 1000000;

// Whether a zero is among the first bytes, as in no text but UTF-16.
bool IsBinary(const std::string& path) {
  std::array<char, 8192> head;
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), head.size());
  return std::find(head.begin(), head.begin() + file.gcount(), '\0') !=
         head.begin() + file.gcount();
}

// Takes out the files that are not text, and returns them.
std::vector<std::string> TakeBinaries(std::vector<std::string>* files) {
  const auto binary = std::stable_partition(files->begin(), files->end(),
                                            [](const std::string& f) { return !IsBinary(f); });
  std::vector<std::string> taken(binary, files->end());
  files->erase(binary, files->end());
  return taken;
}

// The first few of some names.
std::string Listed(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  const std::size_t shown = std::min(names.size(), kShown);
  std::string text = absl::StrJoin(names.begin(), names.begin() + shown, ", ");
  if (names.size() > shown) absl::StrAppend(&text, " and ", names.size() - shown, " more");
  return text;
}

absl::StatusOr<std::unique_ptr<Input>> OpenDirectory(const std::string& path,
                                                     const InputOptions& options) {
  if (options.kind != Kind::kBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " is a directory, expected a file (only bytes can be read from a directory)"));
  }
  std::vector<std::string> files;
  std::error_code failure;
  fs::recursive_directory_iterator entry(path, fs::directory_options::skip_permission_denied,
                                         failure);
  for (; !failure && entry != fs::recursive_directory_iterator(); entry.increment(failure)) {
    std::error_code ignored;  // A file that vanishes meanwhile is not a regular file.
    if (!entry->is_regular_file(ignored) || entry->is_symlink(ignored)) continue;
    if (files.size() == kMaxFiles) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, " holds more than ", kMaxFiles, " files"));
    }
    files.push_back(entry->path().string());
  }
  if (failure) {
    return absl::UnavailableError(absl::StrCat("cannot list ", path, ": ", failure.message()));
  }
  if (files.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is a directory without a file"));
  }
  std::sort(files.begin(), files.end());
  const std::size_t all = files.size();
  const std::vector<std::string> skipped = TakeBinaries(&files);
  if (files.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is a directory without a text file: ", Listed(skipped),
                     " hold binary data, which is read if the file itself is given"));
  }
  std::string note;
  if (!skipped.empty()) {
    note = absl::StrCat(path, ": skips ", skipped.size(), " of ", all,
                        " files, which hold binary data: ", Listed(skipped));
  }
  return BytesInput::Concatenate(std::move(files), std::move(note), options.stop);
}

absl::StatusOr<std::unique_ptr<Input>> OpenImages(const std::string& path, ByteReader images,
                                                  const InputOptions& options) {
  const std::optional<std::string> labels_path = IdxInput::LabelsPath(path);
  std::optional<ByteReader> labels;
  std::error_code failure;
  if (labels_path.has_value() && fs::exists(*labels_path, failure)) {
    GYRUS_ASSIGN_OR_RETURN(ByteReader reader, ByteReader::Open(*labels_path, options.stop));
    labels.emplace(std::move(reader));
  }
  return IdxInput::Create(std::move(images), std::move(labels));
}

// Finds out what a file is by its first bytes, or refuses what is known to be something else.
absl::StatusOr<Kind> DetectKind(const std::string& path, absl::string_view head,
                                std::optional<Kind> asked) {
  if (asked == Kind::kBytes) return Kind::kBytes;
  if (absl::StartsWith(head, kGzipMagic)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is compressed with gzip: unpack it first with gunzip"));
  }
  if (absl::StartsWith(head, kLabelsMagic)) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, " holds labels: give the file of the images, the labels are found beside it"));
  }
  if (asked.has_value()) return *asked;
  if (absl::StartsWith(head, kImagesMagic)) return Kind::kImages;
  const bool table =
      absl::EndsWithIgnoreCase(path, ".csv") || absl::EndsWithIgnoreCase(path, ".tsv");
  return table ? Kind::kTable : Kind::kBytes;
}

absl::StatusOr<std::unique_ptr<Input>> OpenProc(const InputOptions& options) {
  if (options.kind.has_value() && options.kind != Kind::kTable) {
    return absl::InvalidArgumentError(
        "proc is a table of live sensors, expected bytes or images (a file of that name is "
        "./proc)");
  }
  if (options.clock == nullptr) {
    return absl::InvalidArgumentError("proc needs InputOptions::clock, got none");
  }
  return ProcInput::Create(*options.clock, {.period = options.period, .stop = options.stop});
}

absl::StatusOr<ByteReader> OpenFile(const std::string& path, const InputOptions& options) {
  absl::StatusOr<ByteReader> reader = ByteReader::Open(path, options.stop);
  std::error_code failure;
  if (absl::IsNotFound(reader.status()) && fs::exists(path + ".gz", failure)) {
    return absl::NotFoundError(absl::StrCat("there is no ", path, ", but there is ", path,
                                            ".gz: unpack it first with gunzip"));
  }
  return reader;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Input>> OpenInput(const std::string& path,
                                                 const InputOptions& options) {
  if (path == "proc") return OpenProc(options);
  std::error_code failure;
  if (path != "-" && fs::is_directory(path, failure)) return OpenDirectory(path, options);
  GYRUS_ASSIGN_OR_RETURN(ByteReader reader, OpenFile(path, options));
  while (reader.buffered().size() < kImagesMagic.size()) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, reader.Fill());
    if (!more) break;
  }
  if (reader.buffered().empty() && !reader.stopped()) {
    return absl::InvalidArgumentError(
        absl::StrCat(reader.name(), " is empty, expected at least 1 byte"));
  }
  GYRUS_ASSIGN_OR_RETURN(const Kind kind,
                         DetectKind(reader.name(), reader.buffered(), options.kind));
  switch (kind) {
    case Kind::kImages:
      return OpenImages(path, std::move(reader), options);
    case Kind::kTable:
      return CsvInput::Create(std::move(reader),
                              {.inference_rows = options.inference_rows, .known = options.known});
    case Kind::kBytes:
      break;
  }
  return BytesInput::Create(std::move(reader));
}

}  // namespace gyrus
