// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/page_memory.h"

namespace gyrus {

// Which blocks of one table were written since the newest hold, and which since the newest cut. The
// two ask for the same and come at different times, so each written block is noted once, in the
// bits of what was written since the newer of the two; what came before is kept apart for each:
//
//   since the newest hold = unheld | cut | recent      (cut: what the newest cut found in recent)
//   since the newest cut  = uncut | recent
//   not copied for the newest cut yet = cut | pending  (pending: what it found in uncut)
//
// A bit per block and set. Without TrackCuts only `recent` is ever touched. Movable.
//
// One thread at a time: the learner, or an ordinary thread between its commits.
class WrittenBlocks {
 public:
  static absl::StatusOr<WrittenBlocks> Create(uint32_t blocks);

  // Takes the memory for cuts. Before the first Add.
  absl::Status TrackCuts();

  // Makes what every Add touches resident.
  void Prefault() const;

  // The bits of what was written since the newest hold or cut; they move with each cut.
  uint64_t* recent() const { return recent_; }

  // Whether the block is new among them.
  bool Add(uint32_t index) {
    uint64_t& word = recent_[index / 64];
    const uint64_t bit = uint64_t{1} << index % 64;
    if ((word & bit) != 0) return false;
    word |= bit;
    return true;
  }

  // A block of a hold that was dropped was written since the hold before it.
  void AddUnheld(uint32_t index) { unheld_[index / 64] |= uint64_t{1} << index % 64; }

  // A hold: visits what was written since the one before, by index, and begins anew.
  void Hold(absl::FunctionRef<void(uint32_t)> visit);

  // A cut, in constant time: what was written since the one before awaits its copy, and recent()
  // begins anew. Requires: TrackCuts, and nothing awaits its copy.
  void Cut();

  bool AwaitsCopy(uint32_t index) const {
    return ((cut_[index / 64] | pending_[index / 64]) >> index % 64 & 1) != 0;
  }

  // Says that the block has been copied.
  void Copied(uint32_t index) { Copied(index / 64, uint64_t{1} << index % 64); }

  // The same, by words of 64 blocks.
  std::size_t words() const { return words_; }
  uint64_t AwaitingCopy(std::size_t word) const { return cut_[word] | pending_[word]; }
  void Copied(std::size_t word, uint64_t bits) {
    if ((cut_[word] & bits) != 0) {
      unheld_[word] |= cut_[word] & bits;
      cut_[word] &= ~bits;
    }
    if ((pending_[word] & bits) != 0) pending_[word] &= ~bits;
  }

 private:
  std::size_t bytes() const { return words_ * sizeof(uint64_t); }

  std::size_t words_ = 0;
  PageMemory memory_[5];
  uint64_t* recent_ = nullptr;
  uint64_t* unheld_ = nullptr;
  uint64_t* cut_ = nullptr;  // Null without TrackCuts, like the rest.
  uint64_t* uncut_ = nullptr;
  uint64_t* pending_ = nullptr;
};

}  // namespace gyrus
