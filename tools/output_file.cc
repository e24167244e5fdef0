// SPDX-License-Identifier: Apache-2.0
#include "tools/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/files.h"
#include "tools/inputs/idx_input.h"

namespace gyrus {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxLinks = 40;  // As Linux follows.

absl::Status Refuse(const std::string& path, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("cannot write ", path, ": it ", why));
}

absl::Status CannotWrite(const std::string& path, int error) {
  const std::string message = absl::StrCat("cannot write ", path, ": ", std::strerror(error));
  return error == ENOSPC ? absl::ResourceExhaustedError(message)
                         : absl::FailedPreconditionError(message);
}

// What `path` leads to, which need not be there yet.
absl::StatusOr<fs::path> Follow(const std::string& path) {
  fs::path target = path;
  std::error_code error;
  for (int i = 0; fs::is_symlink(target, error); ++i) {
    if (i == kMaxLinks) return Refuse(path, "leads through too many symbolic links");
    const fs::path next = fs::read_symlink(target, error);
    if (error) break;
    target = target.parent_path() / next;  // Or `next` alone, if that is absolute.
  }
  const fs::path parent = target.parent_path();
  const fs::path folder = fs::canonical(parent.empty() ? fs::path(".") : parent, error);
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("cannot write ", path, ": ", parent.string(), ": ", error.message()));
  }
  return folder / target.filename();
}

bool LiesIn(const fs::path& file, const std::string& directory) {
  std::error_code error;
  const fs::path folder = fs::canonical(directory, error);
  if (error) return false;
  const fs::path relative = file.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

bool IsSame(const fs::path& a, const fs::path& b) {
  std::error_code error;
  return fs::equivalent(a, b, error) && !error;
}

// Whether an input is read from `file`, which is there.
bool IsReadFrom(const std::string& input, const fs::path& file, bool regular) {
  if (input == "proc") return false;
  if (input == "-") return regular && IsSame("/dev/stdin", file);
  std::error_code error;
  if (fs::is_directory(input, error)) return LiesIn(file, input);
  const std::optional<std::string> labels = IdxInput::LabelsPath(input);
  return IsSame(input, file) || (labels.has_value() && IsSame(*labels, file));
}

absl::Status WriteInto(const std::string& path, absl::string_view bytes) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return CannotWrite(path, errno);
  absl::Status status;
  while (status.ok() && !bytes.empty()) {
    const ssize_t wrote = write(file, bytes.data(), bytes.size());
    if (wrote >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    } else if (errno != EINTR) {
      status = CannotWrite(path, errno);
    }
  }
  if (close(file) != 0 && status.ok()) status = CannotWrite(path, errno);
  return status;
}

}  // namespace

absl::StatusOr<OutputFile> OutputFile::Create(const std::string& path, const Kept& kept) {
  std::error_code error;
  const fs::file_status about = fs::status(path, error);
  if (fs::is_directory(about)) return Refuse(path, "is a directory");
  const bool regular = !fs::exists(about) || fs::is_regular_file(about);
  // What /dev/stdout leads to has no path of its own.
  fs::path target = path;
  if (regular) {
    GYRUS_ASSIGN_OR_RETURN(target, Follow(path));
  }
  if (!kept.directory.empty() && LiesIn(target, kept.directory)) {
    return Refuse(path, absl::StrCat("lies in the brain's directory ", kept.directory));
  }
  for (const std::string& input : kept.inputs) {
    if (fs::exists(about) && IsReadFrom(input, target, regular)) {
      return Refuse(path, absl::StrCat("is read as the input ", input));
    }
  }
  return OutputFile(target.string(), regular);
}

absl::Status OutputFile::Write(absl::string_view bytes) const {
  return regular_ ? WriteFile(path_, bytes) : WriteInto(path_, bytes);
}

}  // namespace gyrus
