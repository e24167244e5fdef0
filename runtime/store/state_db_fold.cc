// SPDX-License-Identifier: Apache-2.0
// How a journal is folded into one image, and what its snapshots need of what that replaces.
//
// Snapshots cut the journal's rows into stretches; stretch s is what came after s of them. Rows are
// read newest first. The first version met of a block is its newest: the image's. An older one, in
// stretch s, that the block left in stretch n > s is what snapshots s + 1 to n of the list saw; the
// last of them keeps it, and the ones before find it there:
//
//   rows       a1 b1 | a2 | c1 a3 b2 c2 | b3      image: a3 b3 c2
//   snapshots        1    2             3         1 keeps a1;  2: a2 b1, c as at the start;  3: b2
//
// What an earlier fold kept stands for its snapshots. So the image that such a fold began the
// journal with counts for the newest of those as far as that one has not kept the block before.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/store/block_blob.h"
#include "runtime/store/kept_images.h"
#include "runtime/store/run_writer.h"
#include "runtime/store/state_db.h"
#include "runtime/store/state_format.h"

namespace gyrus {
namespace {

constexpr uint64_t kSmallestFold = uint64_t{64} << 10;  // Below, a fold gains nothing.

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("damaged: ", what));
}

// A number per block, 0 at first.
class BlockNumbers {
 public:
  uint32_t& operator[](BlockId id) {
    if (id.table >= tables_.size()) tables_.resize(id.table + std::size_t{1});
    std::vector<uint32_t>& table = tables_[id.table];
    if (id.index >= table.size()) table.resize(id.index + std::size_t{1});
    return table[id.index];
  }

  // Visits what is not 0, in order.
  template <typename Visit>
  absl::Status VisitAll(const Visit& visit) const {
    for (uint32_t t = 0; t < tables_.size(); ++t) {
      for (uint32_t i = 0; i < tables_[t].size(); ++i) {
        if (tables_[t][i] != 0) GYRUS_RETURN_IF_ERROR(visit(BlockId{t, i}, tables_[t][i]));
      }
    }
    return absl::OkStatus();
  }

 private:
  std::vector<std::vector<uint32_t>> tables_;
};

// One fold, row by row.
class Folding {
 public:
  Folding(const Sqlite* database, uint64_t image_row, RunWriter image,
          std::vector<StateSnapshot>* snapshots)
      : database_(database),
        image_row_(image_row),
        image_(std::move(image)),
        snapshots_(snapshots),
        folded_(StretchOf(image_row)) {}

  absl::Status Begin(std::span<const std::size_t> sizes) {
    if (folded_ == 0) return absl::OkStatus();
    return VisitKept(*database_, (*snapshots_)[folded_ - 1], sizes,
                     [this](BlockId id, std::span<const std::byte>) {
                       kept_.Insert(id);
                       return absl::OkStatus();
                     });
  }

  // Of the blocks that Take is given next.
  void BeginRow(uint64_t row) {
    row_ = row;
    stretch_ = StretchOf(row);
  }

  absl::Status Take(BlockId id, std::span<const std::byte> block) {
    uint32_t stretch = stretch_;
    const bool of_image = row_ <= image_row_;
    if (of_image && folded_ > 0 && !kept_.Contains(id)) stretch = folded_ - 1;
    uint32_t& left = left_[id];  // The stretch of the next newer version, from 1; 0: there is none.
    if (left == 0) {
      ++blocks_;
      GYRUS_RETURN_IF_ERROR(image_.Add(id, block));
    } else if (left > stretch + 1) {
      GYRUS_RETURN_IF_ERROR(Keep(left - 2, id, block));
    }
    left = of_image ? kWasThere : stretch + 1;
    return absl::OkStatus();
  }

  absl::Status Finish() {
    if (snapshots_->empty()) return image_.Finish();
    GYRUS_RETURN_IF_ERROR(left_.VisitAll([this](BlockId id, uint32_t left) -> absl::Status {
      return left == kWasThere || left < 2 ? absl::OkStatus() : Keep(left - 2, id, {});
    }));
    for (auto& [place, writer] : kept_by_) GYRUS_RETURN_IF_ERROR(writer.Finish());
    return image_.Finish();
  }

  uint64_t blocks() const { return blocks_; }
  const RunWriter& image() const { return image_; }

 private:
  static constexpr uint32_t kWasThere = 1;  // Before all snapshots: none may keep it as the start.

  // The snapshots from before a row.
  uint32_t StretchOf(uint64_t row) const {
    const auto end =
        std::partition_point(snapshots_->begin(), snapshots_->end(),
                             [&](const StateSnapshot& snapshot) { return snapshot.row < row; });
    return static_cast<uint32_t>(std::distance(snapshots_->begin(), end));
  }

  absl::Status Keep(uint32_t place, BlockId id, std::span<const std::byte> block) {
    auto found = kept_by_.find(place);
    if (found == kept_by_.end()) {
      GYRUS_ASSIGN_OR_RETURN(KeptWriter writer,
                             KeptWriter::Create(*database_, &(*snapshots_)[place]));
      found = kept_by_.emplace(place, std::move(writer)).first;
    }
    return found->second.Add(id, block);
  }

  const Sqlite* database_;
  const uint64_t image_row_;
  RunWriter image_;
  std::vector<StateSnapshot>* snapshots_;
  const uint32_t folded_;  // Snapshots from before the image: an earlier fold has kept for them.
  BlockSet kept_;          // By the last of those.
  BlockNumbers left_;
  uint64_t blocks_ = 0;
  uint64_t row_ = 0;
  uint32_t stretch_ = 0;
  std::map<uint32_t, KeptWriter> kept_by_;  // By the snapshot's place.
};

}  // namespace

void StateDb::FoldIfDue() {
  if (journal_bytes_ <= std::max({2 * image_bytes_, kSmallestFold, fold_above_})) return;
  if (Fold().ok()) {
    fold_above_ = 0;
  } else {
    fold_above_ = journal_bytes_ + image_bytes_;  // A full disk is not tried again at once.
  }
}

absl::Status StateDb::Fold() {
  const auto fold = [this]() -> absl::Status {
    if (options_.mode == Mode::kReadOnly) {
      return absl::FailedPreconditionError("the state was opened for reading");
    }
    GYRUS_ASSIGN_OR_RETURN(SqliteTransaction transaction,
                           SqliteTransaction::Begin(&database_, "BEGIN IMMEDIATE"));
    Journal journal = journal_;
    std::vector<StateSnapshot> snapshots = snapshots_;
    GYRUS_ASSIGN_OR_RETURN(const uint64_t bytes, WriteImage(&journal, &snapshots));
    GYRUS_RETURN_IF_ERROR(WriteJournal(journal));
    if (!snapshots.empty()) GYRUS_RETURN_IF_ERROR(WriteSnapshots(snapshots));
    GYRUS_RETURN_IF_ERROR(transaction.Commit());
    journal_ = journal;
    journal_bytes_ = bytes;
    snapshots_ = std::move(snapshots);
    return absl::OkStatus();
  };
  last_fold_ = fold();
  if (last_fold_.ok()) {
    // Give the room back; if that fails, it is used again later.
    database_.Run("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)").IgnoreError();
  }
  return last_fold_;
}

// One pass, one run in memory at a time, and one of each snapshot that keeps something.
absl::StatusOr<uint64_t> StateDb::WriteImage(Journal* journal,
                                             std::vector<StateSnapshot>* snapshots) {
  GYRUS_ASSIGN_OR_RETURN(SqliteStatement insert, database_.Prepare(kInsertRun));
  Folding folding(&database_, journal->image,
                  RunWriter(std::move(insert), {}, journal->last + 1, journal->number), snapshots);
  GYRUS_RETURN_IF_ERROR(folding.Begin(sizes_));
  GYRUS_ASSIGN_OR_RETURN(
      SqliteStatement rows,
      database_.Prepare("SELECT row, blob FROM commits WHERE row <= ? ORDER BY row DESC"));
  rows.Bind(static_cast<int64_t>(journal->last));
  for (uint64_t expected = journal->last;; --expected) {
    GYRUS_ASSIGN_OR_RETURN(const bool there, rows.Step());
    if (!there) break;
    const auto row = static_cast<uint64_t>(rows.Int(0));
    if (row != expected)
      return Damaged(absl::StrCat("row ", expected, " of the journal is missing"));
    folding.BeginRow(row);
    GYRUS_RETURN_IF_ERROR(
        ReadBlockBlob(rows.Blob(1), sizes_, [&](BlockId id, std::span<const std::byte> block) {
          return folding.Take(id, block);
        }).status());
  }
  if (folding.blocks() != live_.size()) return Damaged("blocks went missing from the journal");
  GYRUS_RETURN_IF_ERROR(folding.Finish());
  GYRUS_RETURN_IF_ERROR(
      database_.Run(absl::StrCat("DELETE FROM commits WHERE row <= ", journal->last)));
  journal->first = journal->last + 1;
  journal->last = folding.image().next_row() - 1;
  journal->image = journal->last;
  return folding.image().bytes();
}

}  // namespace gyrus
