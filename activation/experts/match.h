// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/expert.h"
#include "activation/experts/stretch.h"
#include "activation/factories.h"

namespace gyrus {

// Where did this context occur last, and what came next? Follows a match through the history of
// all learned symbols as long as it predicts right; a new one is sought by a hash of the last
// min_length symbols and checked against the symbols themselves.
//
// Evidence, two inputs, while the match's symbol agrees with the path to the node: the logit of
// q[length], and 4 (q - 1/2), signed by the predicted bit; q is learned: how often a match of
// such a length was right. Signals: 0: the match's length, quantised, below 16, 0 without a match;
// 1: whether there is one; 2: the symbol that it predicts, 0 without.
//
// Positions count for ever and the history keeps the last of them; at 2^32 they go back by a
// multiple of its length, and what was noted before is read as if they had been so all along.
//
// The history and its index are blocks, verbatim and so never merged. Sessions that learn side by
// side write into one history, each symbol as it comes.
class MatchExpert final : public Expert {
 public:
  static absl::StatusOr<std::unique_ptr<Expert>> Create(const ExpertSpec& spec, uint32_t classes,
                                                        const std::vector<Readable>& readables,
                                                        PlanBuilder* builder);

  void Begin(const StepContext& context, std::byte* scratch) const noexcept override;
  void Approach(uint32_t, std::byte*) const noexcept override {}
  void Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                std::span<uint32_t> signals) const noexcept override;
  void EvidenceAlong(const Path& path, std::byte* scratch,
                     const PathEvidence& out) const noexcept override;
  void Learn(const Path& path, std::byte* scratch, Commit* commit) const noexcept override;

 private:
  struct State;
  struct Scratch;
  struct Options {
    uint32_t encoder;
    uint32_t depth;  // Bits of a symbol.
    uint32_t min_length;
    uint32_t history_log2;
    uint32_t history;  // Tables.
    uint32_t cursor;
    uint32_t index;
    uint32_t trust;
    std::size_t state_offset;
  };

  MatchExpert(ExpertShape shape, const Options& options);

  uint32_t Key(std::span<const uint8_t> recent) const noexcept;
  void Say(const Scratch& step, const Path& path, uint32_t d, float* inputs,
           uint32_t* signals) const noexcept;
  uint8_t Symbol(const View& view, uint32_t position) const noexcept;
  void Seek(const View& view, uint32_t end, State* state) const noexcept;
  void Append(const Scratch& step, uint8_t symbol, Commit* commit) const noexcept;

  Options options_;
  StretchTable stretch_;
};

}  // namespace gyrus
