// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "core/status_macros.h"
#include "core/store.h"
#include "runtime/store/block_blob.h"
#include "runtime/store/sqlite.h"

namespace gyrus {

// Splits blocks into runs and inserts them as rows of rising numbers. Movable. One thread at a
// time.
class RunWriter {
 public:
  // `insert` takes the values `fixed`, a row's number and its blob.
  RunWriter(SqliteStatement insert, std::vector<int64_t> fixed, uint64_t next_row,
            SnapshotNumber number)
      : insert_(std::move(insert)),
        fixed_(std::move(fixed)),
        next_row_(next_row),
        number_(number) {}

  absl::Status Add(BlockId id, std::span<const std::byte> block) {
    if (run_.blocks() > 0 && run_.bytes() + block.size() > kRunBytes) {
      GYRUS_RETURN_IF_ERROR(Flush(/*last=*/false));
    }
    run_.Add(id, block);
    return absl::OkStatus();
  }

  absl::Status Finish() { return run_.blocks() > 0 ? Flush(/*last=*/true) : absl::OkStatus(); }

  uint64_t next_row() const { return next_row_; }
  uint64_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kRunBytes = std::size_t{8} << 20;

  absl::Status Flush(bool last) {
    const auto blob = run_.Seal({.row = next_row_, .commit = number_, .last = last, .blocks = 0});
    for (const int64_t value : fixed_) insert_.Bind(value);
    insert_.Bind(static_cast<int64_t>(next_row_)).Bind(blob);
    GYRUS_RETURN_IF_ERROR(insert_.Run());
    ++next_row_;
    bytes_ += blob.size();
    run_.Clear();
    return absl::OkStatus();
  }

  SqliteStatement insert_;
  BlockBlobBuilder run_;
  std::vector<int64_t> fixed_;
  uint64_t next_row_;
  SnapshotNumber number_;
  uint64_t bytes_ = 0;
};

}  // namespace gyrus
