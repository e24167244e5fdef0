// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/inputs/byte_reader.h"
#include "tools/inputs/record.h"

namespace gyrus {

// Text, or any bytes: one record per byte, one file after the other as if they were one.
//
// Thread-compatible.
class BytesInput final : public Input {
 public:
  // The bytes of one reader. Returns InvalidArgument if there is not one.
  static absl::StatusOr<std::unique_ptr<BytesInput>> Create(ByteReader reader);

  // The bytes of all `paths`: each is opened when the one before has ended; `stop` as for
  // ByteReader::Open(), `note` for note(). Returns InvalidArgument if there is not one byte in all
  // of them.
  static absl::StatusOr<std::unique_ptr<BytesInput>> Concatenate(std::vector<std::string> paths,
                                                                 std::string note,
                                                                 const std::atomic<bool>* stop);

  const Schema& schema() const override { return schema_; }
  absl::StatusOr<bool> Next(Record* record) override;
  std::optional<uint64_t> size_hint() const override { return size_; }
  std::string note() const override { return note_; }

 private:
  BytesInput(ByteReader reader, std::vector<std::string> more_paths, const std::atomic<bool>* stop)
      : reader_(std::move(reader)), more_paths_(std::move(more_paths)), stop_(stop) {}

  // Buffers at least one byte, or returns false at the end of the last file.
  absl::StatusOr<bool> Fill();

  const Schema schema_{.kind = Schema::Kind::kBytes};
  std::optional<ByteReader> reader_;           // Never null: a reader cannot be assigned.
  const std::vector<std::string> more_paths_;  // Read behind reader_.
  size_t next_path_ = 0;
  const std::atomic<bool>* stop_;
  std::optional<uint64_t> size_;
  std::string note_;
};

}  // namespace gyrus
