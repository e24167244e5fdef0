// SPDX-License-Identifier: Apache-2.0
#include "activation/encoders/symbols.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kContexts = 11;
constexpr uint32_t kFollowersPerBlock = 16;

// Cheap, and good enough for keys that are hashed again: a multiply and a fold.
uint64_t Fold(uint64_t x) {
  x *= 0x9E3779B97F4A7C15U;
  return x ^ (x >> 29);
}

uint64_t Context(uint64_t which, uint64_t value) { return Fold(Fold(value) + which * 0x51ED2701U); }

// The last `n` symbols.
uint64_t Tail(uint64_t symbols, int n) { return symbols & ((uint64_t{1} << (8 * n)) - 1); }

bool IsWordSymbol(uint32_t symbol) {
  const uint32_t lower = symbol | 32U;
  return (lower >= 'a' && lower <= 'z') || symbol >= 128;
}

// What followed `key` the last times, newest in the low byte.
uint32_t Followers(const TableView& table, uint32_t key) {
  return table.As<uint32_t>(key / kFollowersPerBlock)[key % kFollowersPerBlock];
}

void Follow(Commit* commit, uint32_t table, uint32_t key, uint32_t symbol) {
  uint32_t* const followers = commit->As<uint32_t>({table, key / kFollowersPerBlock});
  uint32_t& slot = followers[key % kFollowersPerBlock];
  slot = slot << 8 | symbol;
}

}  // namespace

struct SymbolsEncoder::State {
  uint64_t symbols;  // The last eight, newest in the low byte.
  uint64_t word;     // Hash of the word so far; 0 outside words.
  uint64_t word_before;
};

absl::StatusOr<std::unique_ptr<Encoder>> SymbolsEncoder::Create(const EncoderSpec& spec,
                                                                const ModalitySpec& modality,
                                                                PlanBuilder* builder) {
  GYRUS_ASSIGN_OR_RETURN(const BlockLayout layout,
                         BlockLayout::Create({{.name = "followers",
                                               .type = ElementType::kU32,
                                               .columns = kFollowersPerBlock,
                                               .merge = Merge::kNever}}));
  const uint32_t first =
      builder->AddTable(spec.name + ".followers1", layout, 256 / kFollowersPerBlock, 1);
  builder->AddTable(spec.name + ".followers2", layout, 65536 / kFollowersPerBlock, 1);
  const bool one_hot = std::get<SymbolsEncoderSpec>(spec.kind).one_hot;
  return std::unique_ptr<Encoder>(new SymbolsEncoder({.outputs = one_hot ? modality.size : 0,
                                                      .active = 1,
                                                      .contexts = kContexts,
                                                      .selector_ranges = {256, 256, 256, 65536}},
                                                     first, builder->AddState(sizeof(State))));
}

SymbolsEncoder::SymbolsEncoder(EncodingShape shape, uint32_t followers, std::size_t state_offset)
    : Encoder(std::move(shape)), followers_(followers), state_offset_(state_offset) {}

void SymbolsEncoder::Encode(const StepContext& context, const Value& value,
                            Encoding* encoding) const noexcept {
  State& state = *reinterpret_cast<State*>(context.state + state_offset_);
  const uint32_t symbol = value.symbol;
  const uint64_t s = state.symbols = state.symbols << 8 | symbol;
  if (IsWordSymbol(symbol)) {
    state.word = Fold(state.word + (symbol | 32U) + 1);
  } else if (state.word != 0) {
    state.word_before = state.word;
    state.word = 0;
  }
  const uint32_t c1 = symbol;
  const auto c21 = static_cast<uint32_t>(Tail(s, 2));
  const uint32_t after1 = Followers(context.view.table(followers_), c1);
  const uint32_t after2 = Followers(context.view.table(followers_ + 1), c21);
  const std::span<uint64_t> contexts = encoding->contexts;
  for (int order = 1; order <= 6; ++order) contexts[order - 1] = Context(order - 1, Tail(s, order));
  contexts[6] = Context(6, state.word + c1 * 0x1234567U);
  contexts[7] = Context(7, state.word + state.word_before * 7);
  contexts[8] = Context(8, Tail(s >> 8, 2));
  contexts[9] = Context(9, uint64_t{after1 & 0xFFFFU} << 8 | c1);
  contexts[10] = Context(10, uint64_t{after2 & 0xFFFFU} << 16 | c21);
  encoding->selectors[0] = c1;
  encoding->selectors[1] = static_cast<uint32_t>(s >> 8 & 255U);
  encoding->selectors[2] = static_cast<uint32_t>(s >> 16 & 255U);
  encoding->selectors[3] = static_cast<uint32_t>(Fold(Tail(s, 3) * 0x2F0B4C47U) >> 40 & 0xFFFFU);
  if (!encoding->vector.empty()) {
    std::fill(encoding->vector.begin(), encoding->vector.end(), 0.0F);
    encoding->vector[symbol] = 1.0F;
  }
}

void SymbolsEncoder::Learn(const Value& value, const Encoding& encoding,
                           Commit* commit) const noexcept {
  const uint32_t c2 = encoding.selectors[1];
  const uint32_t c3 = encoding.selectors[2];
  Follow(commit, followers_, c2, value.symbol);
  Follow(commit, followers_ + 1, c3 << 8 | c2, value.symbol);
}

}  // namespace gyrus
