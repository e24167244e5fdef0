// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/kept_images.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

absl::StatusOr<RunWriter> WriterFrom(const Sqlite& database, const StateSnapshot& to,
                                     uint64_t next_row, bool start) {
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement insert,
      database.Prepare("INSERT INTO kept(snapshot, start, row, blob) VALUES(?, ?, ?, ?)"));
  return RunWriter(std::move(insert), {static_cast<int64_t>(to.id), start ? 1 : 0}, next_row,
                   to.id);
}

}  // namespace

absl::StatusOr<KeptWriter> KeptWriter::Create(const Sqlite& database, StateSnapshot* to) {
  GYRUS_ASSIGN_OR_RETURN(RunWriter images,
                         WriterFrom(database, *to, to->kept_rows + 1, /*start=*/false));
  return KeptWriter(&database, to, std::move(images));
}

absl::Status KeptWriter::Add(BlockId id, std::span<const std::byte> block) {
  if (!block.empty()) return images_.Add(id, block);
  start_.push_back(id);
  return absl::OkStatus();
}

absl::Status KeptWriter::Finish() {
  GYRUS_RETURN_IF_ERROR(images_.Finish());
  GYRUS_ASSIGN_OR_RETURN(RunWriter starts,
                         WriterFrom(*database_, *to_, images_.next_row(), /*start=*/true));
  for (const BlockId& id : start_) GYRUS_RETURN_IF_ERROR(starts.Add(id, {}));
  GYRUS_RETURN_IF_ERROR(starts.Finish());
  to_->kept_rows = starts.next_row() - 1;
  to_->kept_bytes += images_.bytes() + starts.bytes();
  return absl::OkStatus();
}

absl::Status VisitKept(const Sqlite& database, const StateSnapshot& snapshot,
                       std::span<const std::size_t> sizes,
                       absl::FunctionRef<absl::Status(BlockId, std::span<const std::byte>)> visit) {
  const auto damaged = [&](absl::string_view what) {
    return absl::DataLossError(absl::StrCat("damaged: what is kept for snapshot \"",
                                            snapshot.names[0].name, "\": ", what));
  };
  const std::vector<std::size_t> none(sizes.size(), 0);
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement rows,
      database.Prepare("SELECT row, start, blob FROM kept WHERE snapshot = ? ORDER BY row"));
  rows.Bind(static_cast<int64_t>(snapshot.id));
  uint64_t expected = 1;
  while (true) {
    GYRUS_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) break;
    const bool start = rows.Int(1) != 0;
    const auto run = ReadBlockBlob(rows.Blob(2), start ? std::span(none) : sizes, visit);
    if (absl::IsDataLoss(run.status())) return damaged(run.status().message());
    GYRUS_RETURN_IF_ERROR(run.status());
    if (rows.Int(0) != static_cast<int64_t>(expected) || run->row != expected ||
        run->commit != snapshot.id) {
      return damaged(absl::StrCat("row ", rows.Int(0), " where ", expected, " belongs"));
    }
    ++expected;
  }
  if (expected == snapshot.kept_rows + 1) return absl::OkStatus();
  return damaged(absl::StrCat(expected - 1, " rows where ", snapshot.kept_rows, " belong"));
}

}  // namespace gyrus
