// SPDX-License-Identifier: Apache-2.0
#include "activation/encoders/symbols.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/string_view.h"
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

// What a byte of text looks like from afar, and whether it is part of a word.
constexpr uint8_t kKindMask = 15;
constexpr uint8_t kLetter = 16;

constexpr uint8_t KindOf(uint32_t symbol) {
  if (symbol >= 'a' && symbol <= 'z') return 1 | kLetter;
  if (symbol >= 'A' && symbol <= 'Z') return 2 | kLetter;
  if (symbol >= 128) return 3 | kLetter;
  if (symbol >= '0' && symbol <= '9') return 4;
  switch (symbol) {
    case ' ':
      return 5;
    case '\n':
      return 6;
    case '.':
    case ',':
      return 7;
    case '[':
    case ']':
      return 8;
    case '&':
    case ';':
      return 9;
    case '<':
    case '>':
      return 10;
    default:
      return 11;
  }
}

// What a symbol does to the opener: opens that one, closes (kCloses), or nothing (kKeeps).
constexpr uint8_t kCloses = 0;
constexpr uint8_t kKeeps = 255;

constexpr uint8_t OpenerAfter(uint32_t symbol) {
  constexpr absl::string_view kOpeners = "[<({&=|";
  constexpr absl::string_view kClosers = "]>)};\n";
  for (std::size_t i = 0; i < kOpeners.size(); ++i) {
    if (symbol == static_cast<uint8_t>(kOpeners[i])) return static_cast<uint8_t>(i + 1);
  }
  for (const char closer : kClosers) {
    if (symbol == static_cast<uint8_t>(closer)) return kCloses;
  }
  return kKeeps;
}

template <typename Function>
constexpr std::array<uint8_t, 256> Tabulate(Function function) {
  std::array<uint8_t, 256> table{};
  for (uint32_t symbol = 0; symbol < 256; ++symbol) table[symbol] = function(symbol);
  return table;
}

constexpr std::array<uint8_t, 256> kKinds = Tabulate(KindOf);
constexpr std::array<uint8_t, 256> kOpenerAfter = Tabulate(OpenerAfter);

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
  uint64_t kinds;  // Four bits each, newest lowest.
  uint32_t opener;
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
  return std::unique_ptr<Encoder>(
      new SymbolsEncoder({.outputs = one_hot ? modality.size : 0,
                          .active = 1,
                          .contexts = kContexts,
                          .context_bits = {0, 8, 16},
                          .selector_ranges = {256, 256, 256, 65536, 8, 512, 4096}},
                         first, builder->AddState(sizeof(State))));
}

SymbolsEncoder::SymbolsEncoder(EncodingShape shape, uint32_t followers, std::size_t state_offset)
    : Encoder(std::move(shape)), followers_(followers), state_offset_(state_offset) {}

void SymbolsEncoder::Encode(const StepContext& context, const Value& value,
                            Encoding* encoding) const noexcept {
  State& state = *reinterpret_cast<State*>(context.state + state_offset_);
  const uint32_t symbol = value.symbol;
  const uint64_t s = state.symbols = state.symbols << 8 | symbol;
  const uint8_t kind = kKinds[symbol];
  state.kinds = state.kinds << 4 | (kind & kKindMask);
  if (kOpenerAfter[symbol] != kKeeps) state.opener = kOpenerAfter[symbol];
  if ((kind & kLetter) != 0) {
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
  for (int order = 0; order <= 4; ++order) contexts[order] = Context(order, Tail(s, order));
  contexts[5] = Context(5, Tail(s, 6));
  contexts[6] = Context(6, state.word + c1 * 0x1234567U + state.opener);
  contexts[7] = Context(7, state.word + state.word_before * 7);
  contexts[8] = Context(8, uint64_t{after1 & 0xFFFFU} << 8 | c1);
  contexts[9] = Context(9, uint64_t{after2 & 0xFFFFU} << 16 | c21);
  contexts[10] = Context(10, (state.kinds & 0xFFFFFFU) << 8 | c1);
  encoding->selectors[0] = c1;
  encoding->selectors[1] = static_cast<uint32_t>(s >> 8 & 255U);
  encoding->selectors[2] = static_cast<uint32_t>(s >> 16 & 255U);
  encoding->selectors[4] = state.opener;
  encoding->selectors[5] =
      static_cast<uint32_t>((s >> 5 & 7U) << 6 | (s >> 13 & 7U) << 3 | (s >> 21 & 7U));
  encoding->selectors[6] = static_cast<uint32_t>(state.kinds & 0xFFFU);
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
