// SPDX-License-Identifier: Apache-2.0
//
// Step() changes nothing that is learnt, so the nodes of a byte are independent, and mixing keeps
// one per SIMD lane.
#include "tests/bench/flat_text.h"

// g++ 12 rewrites addresses in loops over several arrays of one object so that they look like null
// dereferences, takes the function for one without effect, and drops the calls to it.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-delete-null-pointer-checks")
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "tests/bench/flat_lanes.h"

namespace gyrus {
namespace {

constexpr int kContexts = 11;
constexpr int kSets = 5;
constexpr int kMaps = 2;
constexpr int kBits = 8;
// Inputs of a node: per context the logit of p, then of its history; two of the match; the bias.
// The last input is always 0, so that its weight can hold the vector's visit count.
constexpr int kInputs = 32;
constexpr int kVectors = kInputs / 8;
constexpr int kHistoryLane = kContexts;
constexpr int kMatchLane = 2 * kContexts;
constexpr int kBiasLane = kMatchLane + 2;
constexpr int kVisitLane = kInputs - 1;
static_assert(kBiasLane < kVisitLane);

// log2 of the rows per context, in the order of SetContexts(); orders 0 and 1 cannot fill more.
constexpr int kRowBits[kContexts] = {8, 14, 16, 18, 18, 18, 18, 18, 18, 18, 18};
constexpr int kCountLimit = 250;
constexpr double kCountOffset = 1.3;  // p += (y - p) / (n + kCountOffset)
constexpr int kHistoryShift = 8;      // history tables learn at a rate of 2^-8

// Vectors per weight set, in the order of Select().
constexpr size_t kSetSize[kSets] = {8 << 8, 256 << 8, 512 << 8, 4096 << 3, 12 << 8};
constexpr float kFirstWeight = 0.15F;
constexpr float kBias = 0.4F;
constexpr float kRateFloor = 0.003F;  // a vector visited v times learns at
constexpr float kRateExtra = 0.03F;   // floor + extra / (1 + v / fade)
constexpr float kRateFade = 300.0F;
constexpr float kFinalRate = 0.001F;
constexpr float kMaxLogit = 11.0F;
constexpr int kMatchCells = 32;  // by length: each up to 15, then every eight
constexpr uint32_t kMinMatch = 5;
constexpr uint32_t kMaxMatch = 48;  // compared when a match starts
constexpr int kMatchBits = 18;
constexpr float kMatchRate = 0.005F;
constexpr int kMapCells = 16;  // over logits from -8 to 8, interpolated
constexpr int kMapBits = 16;   // contexts of a map
constexpr float kMapMaxLogit = 7.99F;
constexpr float kMapScale = (kMapCells - 1) / 16.0F;
constexpr float kMapRate = 0.03F;
constexpr float kServedFloor = 1.0F / 65536;  // of any bit, so that no byte costs infinitely much

// The fifteen nodes of half a byte under one context.
struct alignas(64) Row {
  uint16_t p[15];       // probability of a 1, in 2^-16
  uint8_t n[15];        // how often the node was seen, saturating
  uint8_t history[15];  // its last seven bits under a leading 1; 0 only in the absent row
  uint32_t tag;         // 0: never used
};
static_assert(sizeof(Row) == 64);
struct alignas(64) Weights {
  float w[kInputs];
};

inline uint64_t Hash(uint64_t x) {
  x *= 0x9E3779B97F4A7C15ULL;
  return x ^ (x >> 29);
}

inline int BitOf(int symbol, int bit) { return symbol >> (7 - bit) & 1; }
inline size_t NodeOf(int symbol, int bit) { return (256U | symbol) >> (8 - bit); }
inline int PathOf(int symbol, int half) { return 16 | (half == 0 ? symbol >> 4 : symbol & 15); }

// What a byte looks like from afar, and whether it is part of a word.
constexpr int kKindMask = 15, kLetter = 16;

uint8_t Kind(int symbol) {
  if (symbol >= 'a' && symbol <= 'z') return 1 | kLetter;
  if (symbol >= 'A' && symbol <= 'Z') return 2 | kLetter;
  if (symbol >= 128) return 3 | kLetter;
  if (symbol >= '0' && symbol <= '9') return 4;
  const char pairs[] = {' ', ' ', '\n', '\n', '.', ',', '[', ']', '&', ';', '<', '>'};
  const auto at = std::find(std::begin(pairs), std::end(pairs), symbol) - pairs;
  return static_cast<uint8_t>(5 + at / 2);  // 11: anything else
}

// What the walk of one symbol saw; Learn() starts from it. An F8 has one lane per bit.
struct Trace {
  alignas(32) float x[kBits][kInputs];
  Weights* set[kSets][kBits];
  F8 dot[kSets][kBits];  // products of one node, not yet summed over lanes
  F8 out[kSets];         // logits of the sets
  F8* final_weights;     // one per set
  F8 mixed;              // the final mixer's probability
  float* map[kMaps][kBits];
  F8 fraction;            // place between the map's cell and the next
  int match_cell[kBits];  // -1: no match
};

class Model {
 public:
  Model() : match_head_(1 << kMatchBits), follow1_(1 << 8), follow2_(1 << 16) {
    for (int c = 0; c < kContexts; ++c) rows_[c] = MakeArray<Row>(size_t{1} << kRowBits[c]);
    for (int s = 0; s < kSets; ++s) {
      sets_[s] = MakeArray<Weights>(kSetSize[s]);
      for (size_t i = 0; i < kSetSize[s]; ++i) std::fill_n(sets_[s][i].w, kVisitLane, kFirstWeight);
    }
    for (auto& weights : final_) std::fill_n(weights, kSets, Splat(1.0F / kSets));
    InitTables();
    SetContexts();
    Address(2, 0);
  }

  // The probability of `symbol` as the next byte. Changes nothing that is learnt.
  double Step(int symbol) {
    std::copy(std::begin(slots_[2]), std::end(slots_[2]), std::begin(slots_[0]));
    Address(1, PathOf(symbol, 0));
    Select(symbol);
    MatchEvidence(symbol);
    for (int half = 0; half < 2; ++half) {
      RowEvidence(symbol, half);
      Dot(symbol, half);
    }
    const F8 p = Mix();
    double product = 1;
    for (int bit = 0; bit < kBits; ++bit) product *= BitOf(symbol, bit) != 0 ? p[bit] : 1 - p[bit];
    return product;
  }

  // Learns that `symbol`, the one given to the last Step(), came.
  void Learn(int symbol) {
    LearnMaps(symbol);
    Advance(symbol);  // now, so that the next rows arrive while these ones learn
    LearnMixing(symbol);
    LearnRows(symbol);
  }

 private:
  struct Slot {
    Row* row;  // &absent_ if none was found
    uint32_t index;
    uint32_t tag;
  };

  void InitTables() {
    for (int i = 0; i < 4096; ++i) {
      stretch_[i] = static_cast<float>(std::log((i + 0.5) / (4095.5 - i)));
    }
    for (int i = 0; i < 256; ++i) {
      rate_[i] = static_cast<int32_t>(32768 / (i + kCountOffset));
      kind_[i] = Kind(i);
      // A first guess from the bits of the history, each worth four fifths of the next newer one.
      double ones = 0.4, all = 0.8, weight = 1;
      for (int bits = i; bits > 1; bits >>= 1, weight *= 0.8) {
        ones += weight * (bits & 1);
        all += weight;
      }
      for (auto& table : history_) table[i] = static_cast<uint32_t>(ones / all * 4294967295.0);
    }
    for (int i = 0; i < kMatchCells; ++i) match_p_[i] = 1 - 0.5F / (static_cast<float>(i) + 1.5F);
    for (auto& maps : maps_) {
      maps = MakeArray<float>(kMapCells << kMapBits);
      for (int i = 0; i < kMapCells << kMapBits; ++i) {
        const float logit =
            (static_cast<float>(i % kMapCells) - (kMapCells - 1) / 2.0F) / kMapScale;
        maps[i] = 1 / (1 + std::exp(-logit));
      }
    }
    std::fill_n(absent_.p, 15, uint16_t{32768});
  }

  // Where the rows of half a byte may be: in slot `index` or its neighbour.
  void Address(int slots, int prefix) {
    for (int c = 0; c < kContexts; ++c) {
      const uint64_t h = Hash(hash_[c] + static_cast<uint64_t>(prefix) * 0xD6E8FEB86659FD93ULL);
      const uint32_t index = static_cast<uint32_t>(h >> (64 - kRowBits[c]));
      slots_[slots][c] = {&absent_, index, static_cast<uint32_t>(h) | 1};
      __builtin_prefetch(&rows_[c][index]);
      __builtin_prefetch(&rows_[c][index ^ 1]);
    }
  }

  // The weight vectors and maps of the path. All but the fifth set, which waits for the rows.
  void Select(int symbol) {
    const size_t c1 = last_ & 255, c2 = last_ >> 8 & 255, c3 = last_ >> 16 & 255;
    const size_t tops = (c1 >> 5) << 6 | (c2 >> 5) << 3 | c3 >> 5, shape = shape_ & 4095;
    const uint64_t order3 = (last_ & 0xFFFFFF) * 0x2F0B4C47;
    for (int bit = 0; bit < kBits; ++bit) {
      const size_t node = NodeOf(symbol, bit);
      trace_.set[0][bit] = &sets_[0][opener_ << 8 | node];
      trace_.set[1][bit] = &sets_[1][c1 << 8 | node];
      trace_.set[2][bit] = &sets_[2][tops << 8 | node];
      trace_.set[3][bit] = &sets_[3][shape << 3 | static_cast<size_t>(bit)];
      for (int s = 1; s < 4; ++s) {
        __builtin_prefetch(trace_.set[s][bit]);
        __builtin_prefetch(&trace_.set[s][bit]->w[16]);
      }
      trace_.map[0][bit] = &maps_[0][(c1 << 8 | node) * kMapCells];
      const uint64_t hashed = Hash(order3 + node) >> 40 & ((1 << kMapBits) - 1);
      trace_.map[1][bit] = &maps_[1][hashed * kMapCells];
      for (auto& map : trace_.map) __builtin_prefetch(map[bit]);
    }
  }

  void MatchEvidence(int symbol) {
    const int length = static_cast<int>(match_length_);
    const int cell = length < 16 ? length : std::min(15 + (length - 16) / 8, kMatchCells - 1);
    const float p = match_p_[cell];
    const float logit = stretch_[static_cast<int>(p * 4095.99F)];
    bool alive = length > 0;
    for (int bit = 0; bit < kBits; ++bit) {
      const float sign = !alive ? 0.0F : BitOf(expected_, bit) != 0 ? 1.0F : -1.0F;
      trace_.x[bit][kMatchLane] = sign * logit;
      trace_.x[bit][kMatchLane + 1] = sign * 4 * (p - 0.5F);
      trace_.x[bit][kBiasLane] = kBias;
      trace_.match_cell[bit] = alive ? cell : -1;
      alive = alive && BitOf(expected_, bit) == BitOf(symbol, bit);
    }
    trace_.final_weights = final_[std::min(length, 15)];
  }

  // An absent row has logit 0 in both of its inputs: history 0 never learns.
  void RowEvidence(int symbol, int half) {
    const int path = PathOf(symbol, half);
    seen_ = 0;
    for (int c = 0; c < kContexts; ++c) {
      Slot& slot = slots_[half][c];
      Row* const pair[] = {&rows_[c][slot.index], &rows_[c][slot.index ^ 1]};
      Row* row = pair[0]->tag == slot.tag ? pair[0] : pair[1]->tag == slot.tag ? pair[1] : &absent_;
      slot.row = row;
      if (c >= 1 && c <= 5) seen_ += row != &absent_;
      for (int k = 0; k < 4; ++k) {
        const int node = (path >> (4 - k)) - 1;
        float* x = trace_.x[4 * half + k];
        x[c] = stretch_[row->p[node] >> 4];
        x[kHistoryLane + c] = stretch_[history_[c][row->history[node]] >> 20];
      }
    }
  }

  void Dot(int symbol, int half) {
    for (int bit = 4 * half; bit < 4 * half + 4; ++bit) {
      const size_t known = 2 * seen_ + (trace_.match_cell[bit] >= 0);
      trace_.set[4][bit] = &sets_[4][known << 8 | NodeOf(symbol, bit)];
      const F8* x = Lanes(trace_.x[bit]);
      for (int s = 0; s < kSets; ++s) {
        const F8* w = Lanes(trace_.set[s][bit]->w);
        trace_.dot[s][bit] = w[3] * x[3] + (w[2] * x[2] + (w[1] * x[1] + w[0] * x[0]));
      }
    }
  }

  // The final mixer, then half its probability and a quarter from each map.
  F8 Mix() {
    F8 logit = Splat(0);
    for (int s = 0; s < kSets; ++s) {
      trace_.out[s] = Clamp(SumEach(trace_.dot[s]), kMaxLogit);
      logit += trace_.final_weights[s] * trace_.out[s];
    }
    trace_.mixed = Squash(Clamp(logit, kMaxLogit));
    const F8 place = Clamp(logit, kMapMaxLogit) * Splat(kMapScale) + Splat((kMapCells - 1) / 2.0F);
    const I8 cell = __builtin_convertvector(place, I8);
    trace_.fraction = place - __builtin_convertvector(cell, F8);
    F8 p = Splat(0.5F) * trace_.mixed;
    for (auto& map : trace_.map) {
      F8 low = Splat(0), high = Splat(0);
      for (int bit = 0; bit < kBits; ++bit) {
        map[bit] += cell[bit];
        low[bit] = map[bit][0];
        high[bit] = map[bit][1];
      }
      p += Splat(0.25F) * (low + (high - low) * trace_.fraction);
    }
    return Max(Splat(kServedFloor), Min(p, Splat(1 - kServedFloor)));
  }

  void LearnMaps(int symbol) {
    bool right = true;
    for (int bit = 0; bit < kBits; ++bit) {
      const float y = static_cast<float>(BitOf(symbol, bit));
      const float high = kMapRate * trace_.fraction[bit];
      for (auto& map : trace_.map) {
        map[bit][0] += (kMapRate - high) * (y - map[bit][0]);
        map[bit][1] += high * (y - map[bit][1]);
      }
      if (trace_.match_cell[bit] < 0) continue;
      right = right && BitOf(expected_, bit) == BitOf(symbol, bit);
      float& p = match_p_[trace_.match_cell[bit]];
      p += kMatchRate * ((right ? 1.0F : 0.0F) - p);
    }
  }

  void LearnMixing(int symbol) {
    F8 y = Splat(0), step[kSets];
    for (int bit = 0; bit < kBits; ++bit) y[bit] = static_cast<float>(BitOf(symbol, bit));
    for (int s = 0; s < kSets; ++s) {
      F8 visits = Splat(0);
      for (int bit = 0; bit < kBits; ++bit) visits[bit] = trace_.set[s][bit]->w[kVisitLane]++;
      const F8 fading = Splat(kRateExtra * kRateFade) / (Splat(kRateFade) + visits);
      step[s] = (Splat(kRateFloor) + fading) * (y - Squash(trace_.out[s]));
      trace_.final_weights[s] += Splat(kFinalRate) * (y - trace_.mixed) * trace_.out[s];
    }
    for (int bit = 0; bit < kBits; ++bit) {
      const F8* x = Lanes(trace_.x[bit]);
      for (int s = 0; s < kSets; ++s) {
        F8* w = Lanes(trace_.set[s][bit]->w);
        const F8 scale = Splat(step[s][bit]);
        for (int k = 0; k < kVectors; ++k) w[k] += scale * x[k];
      }
    }
  }

  // A new row in the less used of the two slots.
  Row* Found(const Slot& slot, int context) {
    Row* const pair[] = {&rows_[context][slot.index], &rows_[context][slot.index ^ 1]};
    Row* row = pair[pair[0]->n[0] <= pair[1]->n[0] ? 0 : 1];
    *row = absent_;
    std::memset(row->history, 1, sizeof(row->history));
    row->tag = slot.tag;
    return row;
  }

  void LearnRows(int symbol) {
    for (int half = 0; half < 2; ++half) {
      const int path = PathOf(symbol, half);
      for (int c = 0; c < kContexts; ++c) {
        const Slot& slot = slots_[half][c];
        const bool absent = slot.row == &absent_;
        Row& row = absent ? *Found(slot, c) : *slot.row;
        // A row founded just now served no history, so it teaches none.
        uint32_t* history = history_[absent ? kContexts : c];
        for (int k = 0; k < 4; ++k) {
          const int node = (path >> (4 - k)) - 1;
          const int y = path >> (3 - k) & 1;
          const int h = row.history[node], n = row.n[node], p = row.p[node];
          const int64_t target = y != 0 ? 0xFFFFFFFF : 0;
          history[h] += static_cast<uint32_t>((target - history[h]) >> kHistoryShift);
          row.p[node] = static_cast<uint16_t>(p + (((y * 65535 - p) * rate_[n]) >> 15));
          row.n[node] = static_cast<uint8_t>(n + (n < kCountLimit));
          const int next = h << 1 | y;
          row.history[node] = static_cast<uint8_t>(next < 256 ? next : 128 | (next & 127));
        }
      }
    }
  }

  void Advance(int symbol) {
    for (uint32_t* follow : {&follow1_[last_ & 0xFF], &follow2_[last_ & 0xFFFF]}) {
      *follow = *follow << 8 | static_cast<uint32_t>(symbol);
    }
    last_ = last_ << 8 | static_cast<uint64_t>(symbol);
    text_.push_back(static_cast<uint8_t>(symbol));
    const int kind = kind_[symbol];
    shape_ = shape_ << 4 | static_cast<uint64_t>(kind & kKindMask);
    if ((kind & kLetter) != 0) {
      word_ = Hash(word_ + static_cast<uint64_t>(symbol | 32) + 1);  // case does not matter
    } else if (word_ != 0) {
      previous_word_ = std::exchange(word_, 0);
    }
    constexpr char kOpeners[] = "[<({&=|", kClosers[] = "]>)};\n";
    const char* end = kOpeners + sizeof(kOpeners) - 1;
    const char* opener = std::find(kOpeners, end, symbol);
    if (opener != end) opener_ = static_cast<uint32_t>(opener - kOpeners) + 1;
    if (symbol != 0 && std::strchr(kClosers, symbol) != nullptr) opener_ = 0;
    AdvanceMatch(symbol);
    SetContexts();
    Address(2, 0);
  }

  void AdvanceMatch(int symbol) {
    const bool right = match_length_ > 0 && expected_ == symbol;
    match_length_ = right ? match_length_ + 1 : 0;
    match_position_ += 1;
    const uint32_t size = static_cast<uint32_t>(text_.size());
    uint32_t& head = match_head_[Hash(last_ << (64 - 8 * kMinMatch)) >> (64 - kMatchBits)];
    if (!right && head > 0) {
      match_position_ = head;
      const uint32_t longest = std::min(head, kMaxMatch);
      uint32_t length = 0;
      while (length < longest && text_[head - 1 - length] == text_[size - 1 - length]) ++length;
      match_length_ = length < kMinMatch ? 0 : length;
    }
    head = size;
    expected_ = match_length_ > 0 ? text_[match_position_] : -1;
  }

  void SetContexts() {
    const uint64_t c1 = last_ & 0xFF, c2 = last_ & 0xFFFF;
    const uint64_t context[kContexts] = {
        0,
        c1,
        c2,
        last_ & 0xFFFFFF,
        last_ & 0xFFFFFFFF,
        last_ & 0xFFFFFFFFFFFF,                 // orders 0-4, 6
        word_ + c1 * 0x1234567 + opener_,       // the word so far, under its bracket
        word_ + previous_word_ * 7,             // two words
        (follow1_[c1] & 0xFFFF) << 8 | c1,      // what last followed this byte
        (follow2_[c2] & 0xFFFFULL) << 16 | c2,  // ... these two bytes
        (shape_ & 0xFFFFFF) << 8 | c1,          // the kinds of the last six bytes
    };
    for (int c = 0; c < kContexts; ++c) {
      hash_[c] = Hash(Hash(context[c]) + static_cast<uint64_t>(c) * 0x51ED2701);
    }
  }

  // Learnt.
  Array<Row> rows_[kContexts];
  uint32_t history_[kContexts + 1][256];  // probability in 2^-32; the last table is a sink
  float match_p_[kMatchCells];
  Array<Weights> sets_[kSets];
  F8 final_[16][kSets];  // by match length
  Array<float> maps_[kMaps];
  // The stream.
  std::vector<uint8_t> text_ = {0};
  std::vector<uint32_t> match_head_;  // where a hash of kMinMatch bytes last ended
  std::vector<uint32_t> follow1_;     // the bytes that last followed one byte
  std::vector<uint32_t> follow2_;     // ... two bytes
  uint64_t last_ = 0;                 // the last eight bytes, the newest lowest
  uint64_t word_ = 0;                 // hash of the letters since the last other byte
  uint64_t previous_word_ = 0;
  uint64_t shape_ = 0;   // kinds of the last bytes, four bits each
  uint32_t opener_ = 0;  // which of [<({&=| is still open, from 1
  uint32_t match_position_ = 0;
  uint32_t match_length_ = 0;
  int expected_ = -1;  // the byte that the match predicts

  // Caches and constants.
  uint64_t hash_[kContexts];
  Slot slots_[3][kContexts];  // of the two halves, and of the next byte's first half
  uint32_t seen_ = 0;         // rows found among orders 1 to 6
  Trace trace_{};
  Row absent_{};
  float stretch_[4096];
  int32_t rate_[256];  // of a node seen n times, in 2^-15
  uint8_t kind_[256];
};

}  // namespace

struct FlatText::Impl {
  Model model;
};

FlatText::FlatText() : impl_(std::make_unique<Impl>()) {}
FlatText::~FlatText() = default;

double FlatText::Run(std::span<const uint8_t> text) {
  double bits = 0;
  for (const uint8_t symbol : text) {
    bits -= std::log2(impl_->model.Step(symbol));
    impl_->model.Learn(symbol);
  }
  return bits;
}

}  // namespace gyrus
