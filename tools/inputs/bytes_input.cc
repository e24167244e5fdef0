// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/bytes_input.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

// The bytes in all files together, or nullopt if one of them is not a regular file.
std::optional<uint64_t> TotalSize(const std::vector<std::string>& paths) {
  uint64_t total = 0;
  for (const std::string& path : paths) {
    std::error_code failure;
    if (!std::filesystem::is_regular_file(path, failure)) return std::nullopt;
    const uintmax_t size = std::filesystem::file_size(path, failure);
    if (failure) return std::nullopt;
    total += size;
  }
  return total > 0 ? std::optional<uint64_t>(total) : std::nullopt;
}

}  // namespace

absl::StatusOr<std::unique_ptr<BytesInput>> BytesInput::Create(ByteReader reader) {
  std::unique_ptr<BytesInput> input(new BytesInput(std::move(reader), {}, nullptr));
  input->size_ = input->reader_->size();
  if (input->reader_->buffered().empty()) {
    GYRUS_ASSIGN_OR_RETURN(const bool any, input->Fill());
    if (!any && !input->reader_->stopped()) {
      return absl::InvalidArgumentError(
          absl::StrCat(input->reader_->name(), " is empty, expected at least 1 byte"));
    }
  }
  return input;
}

absl::StatusOr<std::unique_ptr<BytesInput>> BytesInput::Concatenate(std::vector<std::string> paths,
                                                                    std::string note,
                                                                    const std::atomic<bool>* stop) {
  const size_t files = paths.size();
  const std::optional<uint64_t> size = TotalSize(paths);
  std::unique_ptr<BytesInput> input(
      new BytesInput(ByteReader::FromString("", ""), std::move(paths), stop));
  input->size_ = size;
  input->note_ = std::move(note);
  GYRUS_ASSIGN_OR_RETURN(const bool any, input->Fill());
  if (!any && !input->reader_->stopped()) {
    return absl::InvalidArgumentError(
        absl::StrCat("all of the ", files, " files are empty, expected at least 1 byte"));
  }
  return input;
}

absl::StatusOr<bool> BytesInput::Fill() {
  for (;;) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, reader_->Fill());
    if (more) return true;
    if (next_path_ == more_paths_.size()) return false;
    GYRUS_ASSIGN_OR_RETURN(ByteReader next, ByteReader::Open(more_paths_[next_path_++], stop_));
    reader_.emplace(std::move(next));
  }
}

absl::StatusOr<bool> BytesInput::Next(Record* record) {
  if (reader_->buffered().empty()) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more) return false;
  }
  record->time_ns = 0;
  record->place = {.offset = reader_->offset(), .line = 0};
  record->symbol = static_cast<uint8_t>(reader_->buffered().front());
  reader_->Consume(1);
  return true;
}

}  // namespace gyrus
