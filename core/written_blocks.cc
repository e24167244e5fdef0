// SPDX-License-Identifier: Apache-2.0
#include "core/written_blocks.h"

#include <bit>

#include "core/status_macros.h"

namespace gyrus {

absl::StatusOr<WrittenBlocks> WrittenBlocks::Create(uint32_t blocks) {
  WrittenBlocks written;
  written.words_ = (std::size_t{blocks} + 63) / 64;
  for (int m = 0; m < 2; ++m) {
    GYRUS_ASSIGN_OR_RETURN(written.memory_[m], PageMemory::Allocate(written.bytes()));
  }
  written.recent_ = reinterpret_cast<uint64_t*>(written.memory_[0].data());
  written.unheld_ = reinterpret_cast<uint64_t*>(written.memory_[1].data());
  return written;
}

absl::Status WrittenBlocks::TrackCuts() {
  for (int m = 2; m < 5; ++m) {
    GYRUS_ASSIGN_OR_RETURN(memory_[m], PageMemory::Allocate(bytes()));
  }
  cut_ = reinterpret_cast<uint64_t*>(memory_[2].data());
  uncut_ = reinterpret_cast<uint64_t*>(memory_[3].data());
  pending_ = reinterpret_cast<uint64_t*>(memory_[4].data());
  return absl::OkStatus();
}

void WrittenBlocks::Prefault() const {
  memory_[0].Prefault(bytes());
  memory_[2].Prefault(bytes());  // Takes its turn as recent().
}

void WrittenBlocks::Hold(absl::FunctionRef<void(uint32_t)> visit) {
  for (std::size_t w = 0; w < words_; ++w) {
    uint64_t changed = unheld_[w] | recent_[w];
    if (cut_ != nullptr) {
      changed |= cut_[w];
      if (recent_[w] != 0) uncut_[w] |= recent_[w];
      if (cut_[w] != 0) pending_[w] |= std::exchange(cut_[w], 0);
    }
    if (changed == 0) continue;
    recent_[w] = 0;
    unheld_[w] = 0;
    for (; changed != 0; changed &= changed - 1) {
      visit(static_cast<uint32_t>(w * 64 + static_cast<unsigned>(std::countr_zero(changed))));
    }
  }
}

void WrittenBlocks::Cut() {
  std::swap(recent_, cut_);
  std::swap(uncut_, pending_);
}

}  // namespace gyrus
