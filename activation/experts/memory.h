// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/expert.h"
#include "activation/experts/stretch.h"
#include "activation/factories.h"

namespace gyrus {

// Hashed memory: each context of an encoder picks one row of its own, and the row predicts.
// A row is a region of 64 bytes: for each of the 15 nodes of a nibble a probability, a count and
// the last bits seen there, and a check of the context it belongs to. A symbol of more than four
// bits takes two rows, the second picked by context and first nibble.
//
// Evidence, two inputs per context (zero where a context has no row):
//   logit p  and, after those of all contexts,  logit S[history]
// where S is an adaptive table per context: what came after such a history. Signal 0: how many of
// the first six contexts have a row.
//
// Learning, at each node of the path: p += (bit - p) / (n + 1.3), n <= 250;
// S[history] += (bit - S[history]) / 256. A context without a row founds one in the less used of
// two slots, and teaches S nothing yet. A context of few values (EncodingShape) has fewer rows.
class MemoryExpert final : public Expert {
 public:
  static absl::StatusOr<std::unique_ptr<Expert>> Create(const ExpertSpec& spec, uint32_t classes,
                                                        const std::vector<Readable>& readables,
                                                        PlanBuilder* builder);

  void Begin(const StepContext& context, std::byte* scratch) const noexcept override;
  void Approach(uint32_t node, std::byte* scratch) const noexcept override;
  void Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                std::span<uint32_t> signals) const noexcept override;
  void EvidenceAlong(const Path& path, std::byte* scratch,
                     const PathEvidence& out) const noexcept override;
  void Learn(const Path& path, std::byte* scratch, Commit* commit) const noexcept override;

 private:
  struct Row;
  struct Slot;
  struct Nibble;
  struct Bit;
  struct Scratch;
  struct Tables {
    uint32_t rows;    // Those of all contexts, one context after the other.
    uint32_t states;  // One block: S of each context.
  };
  // Which rows are a context's: `first` and then the top bits of a hash.
  struct Place {
    uint32_t first;
    uint32_t shift;  // 64 - log2 of how many.
  };

  MemoryExpert(ExpertShape shape, uint32_t encoder, std::vector<Place> places, Tables tables);

  Nibble& NibbleAt(uint32_t root, uint32_t half, Scratch* step) const noexcept;
  void Look(const View& view, Nibble* nibble) const noexcept;
  template <uint32_t levels>
  void Say(const Nibble& nibble, const uint32_t* nodes, const Scratch& step, float* inputs,
           std::size_t stride) const noexcept;
  void LearnBit(const Bit& bit, Row* row, float* state) const noexcept;
  static Row* Found(const Slot& slot, const TableView& rows, const TableWriter& writer) noexcept;
  void LearnNibble(const Path& path, uint32_t half, Scratch* step, Commit* commit) const noexcept;

  uint32_t encoder_;
  uint32_t contexts_;
  std::vector<Place> places_;  // By context.
  Tables tables_;
  StretchTable stretch_;
  std::array<int32_t, 256> rate_;  // By count, 15-bit fixed point.
};

}  // namespace gyrus
