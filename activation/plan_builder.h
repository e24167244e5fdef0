// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/layout.h"
#include "core/store.h"

namespace gyrus {

// Collects what the components of a brain need while they are made: tables of blocks, session
// state, and the most blocks that one learning step may write. A component keeps the numbers that
// it gets and is pure ever after.
//
// Thread-compatible; start-up only.
class PlanBuilder {
 public:
  // Fills a fresh block; the same bytes on every device for the same seed.
  using Fill = std::function<void(uint32_t index, std::span<std::byte> block)>;

  // Adds a table of `blocks` blocks, of which one learning step writes at most `writes_per_step`
  // (no more than there are). Blocks start as `fill` makes them, or zero. Returns the table's
  // number in the store.
  uint32_t AddTable(std::string name, BlockLayout layout, uint32_t blocks, uint32_t writes_per_step,
                    Fill fill = nullptr) {
    tables_.push_back({.spec = {.name = std::move(name),
                                .layout = std::move(layout),
                                .blocks = blocks,
                                .spares = 0},
                       .writes_per_step = std::min(writes_per_step, blocks),
                       .personal = personal_,
                       .fill = std::move(fill)});
    return static_cast<uint32_t>(tables_.size() - 1);
  }

  // Says whether tables added from now on are personal: those of heads, of experts and of personal
  // areas are. A mixing head's own are not: which evidence to trust is learned from all alike, and
  // its many weights would push the rows themselves out of a small fork.
  void SetPersonal(bool personal) { personal_ = personal; }

  // Says that one commit learns `steps` steps of the tables from number `first` on.
  void LearnAtOnce(std::size_t first, uint32_t steps) {
    for (std::size_t t = first; t < tables_.size(); ++t) {
      Table& table = tables_[t];
      table.writes_per_step = static_cast<uint32_t>(
          std::min<uint64_t>(uint64_t{table.writes_per_step} * steps, table.spec.blocks));
    }
  }

  // Reserves `bytes` of a session's state, zero at the start, and returns its offset, a multiple
  // of 64.
  std::size_t AddState(std::size_t bytes) { return Reserve(bytes, &state_bytes_); }

  // The same of a step's scratch, for heads and encoders; worth nothing after the step.
  std::size_t AddHeadScratch(std::size_t bytes) { return Reserve(bytes, &head_scratch_bytes_); }

  // Asks for `bytes` that any one component may use within one Learn, whoever else asks: the most
  // that anybody asked for is there, in learning only.
  void NeedLearningScratch(std::size_t bytes) {
    learning_scratch_bytes_ = std::max(learning_scratch_bytes_, bytes);
  }

  struct Table {
    TableSpec spec;
    uint32_t writes_per_step;
    bool personal;  // Whether users' forks have blocks of it of their own.
    Fill fill;

    // Versions beyond one per block for so many learning steps: no step writes more blocks than
    // there are, and beyond two copies of all a spare is idle.
    uint32_t Spares(uint32_t steps) const {
      return static_cast<uint32_t>(
          std::min(uint64_t{writes_per_step} * steps, uint64_t{spec.blocks} * 2));
    }
  };
  const std::vector<Table>& tables() const { return tables_; }
  std::size_t state_bytes() const { return state_bytes_; }
  std::size_t head_scratch_bytes() const { return head_scratch_bytes_; }
  std::size_t learning_scratch_bytes() const { return learning_scratch_bytes_; }

 private:
  static std::size_t Reserve(std::size_t bytes, std::size_t* total) {
    const std::size_t offset = *total;
    *total += (bytes + 63) / 64 * 64;
    return offset;
  }

  std::vector<Table> tables_;
  bool personal_ = false;
  std::size_t state_bytes_ = 0;
  std::size_t head_scratch_bytes_ = 0;
  std::size_t learning_scratch_bytes_ = 0;
};

}  // namespace gyrus
