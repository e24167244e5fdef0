// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/expert.h"
#include "activation/experts/stretch.h"
#include "activation/factories.h"

namespace gyrus {

// Hashed memory: each context of an encoder picks one row of its own table, and the row predicts.
// A row is a region of 64 bytes: for each of the 15 nodes of a nibble a probability, a count and
// the last bits seen there, and a check of the context it belongs to. A symbol of more than four
// bits takes two rows, the second picked by context and first nibble.
//
// Evidence, three inputs per context (zero where a context has no row):
//   logit p;  logit S[history];  3 (p - 1/2) n' / (n' + 3/2), n' = min(n, 30)
// where S is an adaptive table per context: what came after such a history. Signal 0: how many of
// the first seven contexts have a row.
//
// Learning, at each node of the path: p += (bit - p) / (n + 3/2), n <= 250;
// S[history] += 0.004 (bit - S[history]). A context without a row founds one in the less used of
// two slots.
class MemoryExpert final : public Expert {
 public:
  static absl::StatusOr<std::unique_ptr<Expert>> Create(const ExpertSpec& spec, uint32_t classes,
                                                        const std::vector<Readable>& readables,
                                                        PlanBuilder* builder);

  void Begin(const StepContext& context, std::byte* scratch) const noexcept override;
  void Approach(uint32_t node, std::byte* scratch) const noexcept override;
  void Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                std::span<uint32_t> signals) const noexcept override;
  void Learn(uint32_t node, uint32_t bit, std::byte* scratch,
             Commit* commit) const noexcept override;

 private:
  struct Row;
  struct Slot;
  struct Nibble;
  struct Scratch;
  struct Tables {
    uint32_t rows;    // The first of one table per context.
    uint32_t states;  // One block per context: S.
  };

  MemoryExpert(ExpertShape shape, uint32_t encoder, uint32_t rows_log2, Tables tables);

  void Look(Scratch* step, int half, uint32_t root) const noexcept;
  void Claim(Scratch* step, int half, Commit* commit) const noexcept;

  uint32_t encoder_;
  uint32_t contexts_;
  uint32_t rows_log2_;
  Tables tables_;
  StretchTable stretch_;
  std::array<float, 256> confidence_;  // By count.
  std::array<uint32_t, 256> rate_;     // By count, 16-bit fixed point.
};

}  // namespace gyrus
