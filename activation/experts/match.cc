// SPDX-License-Identifier: Apache-2.0
#include "activation/experts/match.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kHistoryBlock = 1024;  // Symbols.
constexpr uint32_t kIndexBlock = 16;      // Positions.
constexpr uint32_t kRecent = 32;          // Symbols of the stream that a session remembers.
constexpr uint32_t kLengths = 32;         // Cells of q.
constexpr uint32_t kMaxLength = 65535;
constexpr float kTrustRate = 0.005F;

// The cursor counts for ever: at 2^32 it goes back by this much, a multiple of every history's
// length, so that no symbol changes its place.
constexpr uint32_t kLap = uint32_t{1} << 31;

// A position noted before the cursor went back is beyond it.
uint32_t InThisLap(uint32_t position, uint32_t end) {
  return position > end ? position - kLap : position;
}

// Exact up to 15, then in steps of 8.
uint32_t LengthCell(uint32_t length) {
  return length < 16 ? length : std::min(15 + (length - 16) / 8, kLengths - 1);
}

}  // namespace

struct MatchExpert::State {
  uint8_t recent[kRecent];  // Newest last.
  uint32_t position;        // In the history, of the symbol that the match predicts.
  uint32_t length;          // 0: no match.
  uint32_t seen;            // Symbols so far, up to kRecent.
};

struct MatchExpert::Scratch {
  uint8_t recent[kRecent];
  uint32_t seen;
  uint32_t cell;       // 0: no match.
  uint32_t predicted;  // The symbol that the match predicts, and a leading 1 at its depth.
  float logit;         // Of q[cell].
  float lead;          // 4 (q[cell] - 1/2).
};

absl::StatusOr<std::unique_ptr<Expert>> MatchExpert::Create(const ExpertSpec& spec,
                                                            uint32_t classes,
                                                            const std::vector<Readable>& readables,
                                                            PlanBuilder* builder) {
  const auto& match = std::get<MatchExpertSpec>(spec.kind);
  GYRUS_ASSIGN_OR_RETURN(const Readable* encoder, FindReadable(readables, match.encoder));
  if (encoder->encoding.selector_ranges.empty() || encoder->encoding.selector_ranges[0] < classes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "encoder \"", match.encoder, "\" does not carry the head's ", classes, " symbols"));
  }
  if (match.min_length < 1 || match.min_length > kRecent) {
    return absl::InvalidArgumentError(
        absl::StrCat("min_length must be in [1, ", kRecent, "], got ", match.min_length));
  }
  if (match.history_log2 < 10 || match.history_log2 > 28) {
    return absl::InvalidArgumentError(
        absl::StrCat("history_log2 must be in [10, 28], got ", match.history_log2));
  }
  const auto table = [&](absl::string_view name, const TensorSpec& tensor, uint32_t blocks,
                         PlanBuilder::Fill fill) -> absl::StatusOr<uint32_t> {
    GYRUS_ASSIGN_OR_RETURN(BlockLayout layout, BlockLayout::Create({tensor}));
    return builder->AddTable(absl::StrCat(spec.name, ".", name), std::move(layout), blocks, 1,
                             std::move(fill));
  };
  // Common to all users: the history holds what was read word for word, and a fork that kept some
  // of its blocks would keep what others wrote into them.
  builder->SetPersonal(false);
  Options options{};
  options.encoder = encoder->index;
  options.depth = std::bit_width(classes - 1);
  options.min_length = match.min_length;
  options.history_log2 = match.history_log2;
  GYRUS_ASSIGN_OR_RETURN(options.history,
                         table("history",
                               {.name = "symbols",
                                .type = ElementType::kU8,
                                .columns = kHistoryBlock,
                                .merge = Merge::kNever},
                               (1U << match.history_log2) / kHistoryBlock, nullptr));
  GYRUS_ASSIGN_OR_RETURN(
      options.cursor,
      table("cursor", {.name = "end", .type = ElementType::kU32, .merge = Merge::kNever}, 1,
            nullptr));
  GYRUS_ASSIGN_OR_RETURN(
      options.index, table("index",
                           {.name = "positions",
                            .type = ElementType::kU32,
                            .columns = kIndexBlock,
                            .merge = Merge::kNever},
                           std::max(1U, (1U << (match.history_log2 - 2)) / kIndexBlock), nullptr));
  GYRUS_ASSIGN_OR_RETURN(options.trust,
                         table("trust", {.name = "q", .columns = kLengths}, 1,
                               [](uint32_t, std::span<std::byte> block) {
                                 float* const q = reinterpret_cast<float*>(block.data());
                                 for (uint32_t i = 0; i < kLengths; ++i) {
                                   q[i] = 1.0F - 0.5F / (static_cast<float>(i) + 1.5F);
                                 }
                               }));
  options.state_offset = builder->AddState(sizeof(State));
  return std::unique_ptr<Expert>(new MatchExpert(
      {.width = 2, .scratch_bytes = sizeof(Scratch), .signal_ranges = {16, 2, classes}}, options));
}

MatchExpert::MatchExpert(ExpertShape shape, const Options& options)
    : Expert(std::move(shape)), options_(options) {}

uint8_t MatchExpert::Symbol(const View& view, uint32_t position) const noexcept {
  position &= (1U << options_.history_log2) - 1;
  return view.table(options_.history)
      .As<uint8_t>(position / kHistoryBlock)[position % kHistoryBlock];
}

// Looks for the newest occurrence of the last min_length symbols.
void MatchExpert::Seek(const View& view, uint32_t end, State* state) const noexcept {
  state->length = 0;
  if (state->seen < options_.min_length) return;
  const TableView index = view.table(options_.index);
  const uint32_t key = Key({state->recent, kRecent});
  const uint32_t noted = index.As<uint32_t>(key / kIndexBlock)[key % kIndexBlock];
  if (noted == 0) return;
  const uint32_t position = InThisLap(noted, end);
  uint32_t length = 0;
  while (length < std::min(state->seen, position) &&
         Symbol(view, position - 1 - length) == state->recent[kRecent - 1 - length]) {
    ++length;
  }
  if (length < options_.min_length) return;
  state->length = length;
  state->position = position;
}

uint32_t MatchExpert::Key(std::span<const uint8_t> recent) const noexcept {
  uint64_t hash = 0;
  for (uint32_t i = kRecent - options_.min_length; i < kRecent; ++i) {
    hash = (hash + recent[i] + 1) * 0x9E3779B97F4A7C15U;
  }
  return static_cast<uint32_t>(hash >> (64 - (options_.history_log2 - 2)));
}

void MatchExpert::Begin(const StepContext& context, std::byte* scratch) const noexcept {
  State& state = *reinterpret_cast<State*>(context.state + options_.state_offset);
  const Encoding& encoding = context.activity->encodings[options_.encoder];
  const uint32_t end = *context.view.table(options_.cursor).As<uint32_t>(0);
  state.position = InThisLap(state.position, end);
  if (encoding.present) {
    const auto symbol = static_cast<uint8_t>(encoding.selectors[0]);
    std::memmove(state.recent, state.recent + 1, kRecent - 1);
    state.recent[kRecent - 1] = symbol;
    state.seen = std::min(state.seen + 1, kRecent);
    const bool goes_on = state.length > 0 && Symbol(context.view, state.position) == symbol;
    if (goes_on) {
      state.length = std::min(state.length + 1, kMaxLength);
      ++state.position;
    } else {
      Seek(context.view, end, &state);
    }
  }
  Scratch& step = *reinterpret_cast<Scratch*>(scratch);
  std::memcpy(step.recent, state.recent, kRecent);
  step.seen = state.seen;
  // At the end of the history there is nothing to predict yet.
  const bool predicts = state.length > 0 && state.position < end;
  step.cell = predicts ? LengthCell(state.length) : 0;
  const float q = context.view.table(options_.trust).As<float>(0)[step.cell];
  step.logit = stretch_.Of(q);
  step.lead = 4.0F * (q - 0.5F);
  step.predicted = (1U << options_.depth) | (predicts ? Symbol(context.view, state.position) : 0U);
}

void MatchExpert::Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                           std::span<uint32_t> signals) const noexcept {
  const auto depth = static_cast<uint32_t>(std::bit_width(node)) - 1;
  const Path path = {.leaf = node, .depth = depth};
  Say(*reinterpret_cast<const Scratch*>(scratch), path, depth, inputs.data(), signals.data());
}

void MatchExpert::EvidenceAlong(const Path& path, std::byte* scratch,
                                const PathEvidence& out) const noexcept {
  const Scratch& step = *reinterpret_cast<const Scratch*>(scratch);
  for (uint32_t d = 0; d < path.depth; ++d) {
    Say(step, path, d, out.inputs + d * out.inputs_stride, out.signals + d * out.signals_stride);
  }
}

// The evidence at depth `d` of a path, which may end there.
inline void MatchExpert::Say(const Scratch& step, const Path& path, uint32_t d, float* inputs,
                             uint32_t* signals) const noexcept {
  const uint32_t left = options_.depth - d;
  const bool agrees = step.cell > 0 && step.predicted >> left == path.node(d);
  const float sign = !agrees ? 0.0F : (step.predicted >> (left - 1) & 1U) != 0 ? 1.0F : -1.0F;
  inputs[0] = sign * step.logit;
  inputs[1] = sign * step.lead;
  signals[0] = agrees ? std::min(step.cell, 15U) : 0;
  signals[1] = agrees ? 1 : 0;
  signals[2] = agrees ? step.predicted & ((1U << options_.depth) - 1) : 0;
}

void MatchExpert::Learn(const Path& path, std::byte* scratch, Commit* commit) const noexcept {
  if (!commit->Keeps(options_.history)) return;
  const Scratch& step = *reinterpret_cast<const Scratch*>(scratch);
  if (step.cell > 0) {
    float& q = commit->As<float>({options_.trust, 0})[step.cell];
    for (uint32_t d = 0; d < path.depth; ++d) {
      const uint32_t left = options_.depth - d;
      if (step.predicted >> left != path.node(d)) break;
      if (!path.decides(d)) continue;
      const bool right = (step.predicted >> (left - 1) & 1U) == path.bit(d);
      q += kTrustRate * ((right ? 1.0F : 0.0F) - q);
    }
  }
  Append(step, static_cast<uint8_t>(path.leaf), commit);
}

// Writes the symbol that came into the history, and where the context before it is followed.
void MatchExpert::Append(const Scratch& step, uint8_t symbol, Commit* commit) const noexcept {
  uint32_t& end = *commit->As<uint32_t>({options_.cursor, 0});
  const uint32_t slot = end & ((1U << options_.history_log2) - 1);
  commit->As<uint8_t>({options_.history, slot / kHistoryBlock})[slot % kHistoryBlock] = symbol;
  if (step.seen >= options_.min_length && end > 0) {
    const uint32_t key = Key(step.recent);
    commit->As<uint32_t>({options_.index, key / kIndexBlock})[key % kIndexBlock] = end;
  }
  if (++end == 0) end = kLap;
}

}  // namespace gyrus
