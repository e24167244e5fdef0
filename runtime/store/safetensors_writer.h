// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runtime/store/safetensors.h"

namespace gyrus::safetensors {

// Writes a safetensors file piece by piece, so that a brain is exported without a second copy of
// it in memory. The file appears under its name once it is whole and on the disk; until then, and
// if anything fails, what was there stays. Movable.
//
//   GYRUS_ASSIGN_OR_RETURN(auto writer, Writer::Create("brain.safetensors", tensors, {}, {}));
//   for (const TensorEntry& tensor : writer.order()) GYRUS_RETURN_IF_ERROR(writer.Append(...));
//   GYRUS_RETURN_IF_ERROR(writer.Finish());
//
// One thread at a time; may block on the disk.
class Writer {
 public:
  // Returns InvalidArgument as Header() does; FailedPrecondition if the file cannot be created;
  // ResourceExhausted if the disk is full.
  static absl::StatusOr<Writer> Create(const std::string& path, std::vector<TensorEntry> tensors,
                                       const Metadata& metadata, const WriteOptions& options);

  Writer(Writer&& other) noexcept;
  Writer& operator=(Writer&&) = delete;
  ~Writer();  // Removes what was not finished.

  // The tensors in the order in which their data must follow.
  const std::vector<TensorEntry>& order() const { return order_; }

  // The next bytes of the data, in pieces of any size. Returns InvalidArgument if they are more
  // than the tensors need; ResourceExhausted if the disk is full.
  absl::Status Append(std::span<const std::byte> data);

  // Ends the file. Returns FailedPrecondition if data is missing.
  absl::Status Finish();

 private:
  Writer(std::string path, std::vector<TensorEntry> order);

  absl::Status WriteAll(std::span<const std::byte> bytes);

  std::string path_;
  std::string unfinished_;  // Where it is written until it is whole.
  std::vector<TensorEntry> order_;
  int file_ = -1;
  uint64_t left_ = 0;  // Bytes of data that are missing.
};

}  // namespace gyrus::safetensors
