// SPDX-License-Identifier: Apache-2.0
// What a step costs here is the memory: per symbol and context two rows of one cache line each,
// at random places. So a nibble's rows are asked for as soon as its root is known (Approach), all
// contexts at once, and only then read.
#include "activation/experts/memory.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kNodes = 15;  // Of a nibble.
constexpr uint32_t kMaxContexts = 32;
constexpr uint32_t kMaxRows = 1U << 26;  // Of all contexts: what a table takes.
constexpr uint32_t kMaxCount = 250;
constexpr double kCountOffset = 1.3;
constexpr uint32_t kSignalContexts = 6;  // Those of rising order.
constexpr float kStateRate = 1.0F / 256;
constexpr uint32_t kHistories = 256;
// A context of 2^b values needs 17 times as many rows, and some room between them.
constexpr uint32_t kRowBitsPerContext = 6;
constexpr uint32_t kLeastRowBits = 8;

uint32_t DepthOf(uint32_t node) { return static_cast<uint32_t>(std::bit_width(node)) - 1; }

// A node within its nibble, `below` levels under the root: 0 is the root, then its two children,
// and so on.
uint32_t LocalNode(uint32_t node, uint32_t below) {
  return ((1U << below) | (node & ((1U << below) - 1))) - 1;
}

// What a fresh state predicts after a history: newer bits weigh more.
float FirstState(uint32_t history) {
  if (history < 2) return 0.5F;  // And for ever that of 0, the history in no row.
  const int length = std::bit_width(history) - 1;
  double ones = 0;
  double all = 0;
  for (int k = 0; k < length; ++k) {
    const double weight = std::pow(0.8, k);
    ones += weight * (history >> k & 1U);
    all += weight;
  }
  return static_cast<float>((ones + 0.4) / (all + 0.8));
}

// NextHistory()[history][bit]: a history is a leading 1, then the bits; after seven the oldest
// goes.
constexpr std::array<std::array<uint8_t, 2>, kHistories> MakeNextHistories() {
  std::array<std::array<uint8_t, 2>, kHistories> next{};
  for (uint32_t history = 0; history < kHistories; ++history) {
    for (uint32_t bit = 0; bit < 2; ++bit) {
      const uint32_t longer = history << 1 | bit;
      next[history][bit] = static_cast<uint8_t>(history < 128 ? longer : 128U | (longer & 127U));
    }
  }
  return next;
}

constexpr std::array<std::array<uint8_t, 2>, kHistories> kNextHistories = MakeNextHistories();

}  // namespace

struct MemoryExpert::Row {
  uint16_t p[kNodes];
  uint8_t count[kNodes];
  uint8_t history[kNodes];
  uint32_t check;  // 0: empty.
};

struct MemoryExpert::Slot {
  const Row* row;  // kAbsent where the context has no row.
  uint32_t index;  // The first of two candidates, the other is index ^ 1; once found, the row's.
  uint32_t check;
};

struct MemoryExpert::Nibble {
  uint32_t root;  // Whose rows `slots` address; 0: none.
  bool looked;    // Whether slots[].row are valid.
  uint32_t seen;  // Signal 0.
  Slot slots[kMaxContexts];
};

// What a path says at one node of a nibble.
struct MemoryExpert::Bit {
  uint32_t node;
  int32_t target;  // 65535 or 0.
  float value;     // 1 or 0.
};

struct MemoryExpert::Scratch {
  const uint64_t* contexts;
  View view;
  Nibble nibbles[2];
};

namespace {

// What stands for a row that is not there: p of one half and the history that no row has, so that
// both logits are 0.
template <typename Row>
inline constexpr Row kAbsent = [] {
  Row row{};
  for (uint16_t& p : row.p) p = 32768;
  return row;
}();

}  // namespace

absl::StatusOr<std::unique_ptr<Expert>> MemoryExpert::Create(const ExpertSpec& spec,
                                                             uint32_t classes,
                                                             const std::vector<Readable>& readables,
                                                             PlanBuilder* builder) {
  static_assert(sizeof(Row) == 64);
  const auto& memory = std::get<MemoryExpertSpec>(spec.kind);
  GYRUS_ASSIGN_OR_RETURN(const Readable* encoder, FindReadable(readables, memory.encoder));
  const uint32_t contexts = encoder->encoding.contexts;
  if (contexts < 1 || contexts > kMaxContexts) {
    return absl::InvalidArgumentError(absl::StrCat("encoder \"", memory.encoder, "\" has ",
                                                   contexts, " contexts: a memory needs 1 to ",
                                                   kMaxContexts));
  }
  if (memory.rows_log2 < 4 || memory.rows_log2 > 24) {
    return absl::InvalidArgumentError(
        absl::StrCat("rows_log2 must be in [4, 24], got ", memory.rows_log2));
  }
  GYRUS_ASSIGN_OR_RETURN(
      const BlockLayout row_layout,
      BlockLayout::Create(
          {{.name = "p", .type = ElementType::kU16, .columns = kNodes, .merge = Merge::kCounts},
           {.name = "n", .type = ElementType::kU8, .columns = kNodes, .merge = Merge::kCounts},
           {.name = "history",
            .type = ElementType::kU8,
            .columns = kNodes,
            .merge = Merge::kCounts},
           {.name = "check", .type = ElementType::kU32, .merge = Merge::kCounts}}));
  GYRUS_ASSIGN_OR_RETURN(
      const BlockLayout state_layout,
      BlockLayout::Create({{.name = "states", .rows = contexts, .columns = kHistories}}));
  const uint32_t nibbles = classes > 16 ? 2 : 1;
  Tables tables{};
  std::vector<Place> places;
  uint32_t rows = 0;
  for (uint32_t c = 0; c < contexts; ++c) {
    uint32_t bits = memory.rows_log2;
    if (c < encoder->encoding.context_bits.size()) {
      const uint32_t enough = encoder->encoding.context_bits[c] + kRowBitsPerContext;
      bits = std::min(bits, std::max(enough, kLeastRowBits));
    }
    places.push_back({.first = rows, .shift = 64 - bits});
    rows += 1U << bits;
    if (rows > kMaxRows) {
      return absl::InvalidArgumentError(absl::StrCat("rows_log2 ", memory.rows_log2,
                                                     " makes more than ", kMaxRows, " rows for ",
                                                     contexts, " contexts"));
    }
  }
  tables.rows = builder->AddTable(spec.name + ".rows", row_layout, rows, nibbles * contexts);
  // Common to all users: what a history means is no one's own, and the block is long.
  builder->SetPersonal(false);
  tables.states = builder->AddTable(spec.name + ".states", state_layout, 1, 1,
                                    [contexts](uint32_t, std::span<std::byte> block) {
                                      float* const states = reinterpret_cast<float*>(block.data());
                                      for (uint32_t h = 0; h < contexts * kHistories; ++h)
                                        states[h] = FirstState(h % kHistories);
                                    });
  builder->SetPersonal(true);
  return std::unique_ptr<Expert>(new MemoryExpert({.width = 2 * contexts,
                                                   .scratch_bytes = sizeof(Scratch),
                                                   .signal_ranges = {kSignalContexts + 1}},
                                                  encoder->index, std::move(places), tables));
}

MemoryExpert::MemoryExpert(ExpertShape shape, uint32_t encoder, std::vector<Place> places,
                           Tables tables)
    : Expert(std::move(shape)),
      encoder_(encoder),
      contexts_(static_cast<uint32_t>(places.size())),
      places_(std::move(places)),
      tables_(tables) {
  for (uint32_t n = 0; n < 256; ++n) rate_[n] = static_cast<int32_t>(32768.0 / (n + kCountOffset));
}

void MemoryExpert::Begin(const StepContext& context, std::byte* scratch) const noexcept {
  Scratch* const step = reinterpret_cast<Scratch*>(scratch);
  step->contexts = context.activity->encodings[encoder_].contexts.data();
  step->view = context.view;
  step->nibbles[0].root = 0;
  step->nibbles[1].root = 0;
  Approach(1, scratch);
}

void MemoryExpert::Approach(uint32_t node, std::byte* scratch) const noexcept {
  Scratch* const step = reinterpret_cast<Scratch*>(scratch);
  Nibble& nibble = step->nibbles[node == 1 ? 0 : 1];
  if (nibble.root == node) return;
  nibble.root = node;
  nibble.looked = false;
  const uint64_t prefix = node == 1 ? 0 : node * uint64_t{0xD6E8FEB86659FD93U};
  const TableView rows = step->view.table(tables_.rows);
  const uint64_t* const contexts = step->contexts;
  const Place* const places = places_.data();
  const uint32_t count = contexts_;
  for (uint32_t c = 0; c < count; ++c) {
    uint64_t hash = (contexts[c] + prefix) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 29;
    const uint32_t index = places[c].first + static_cast<uint32_t>(hash >> places[c].shift);
    nibble.slots[c].index = index;
    nibble.slots[c].check = static_cast<uint32_t>(hash) | 1U;
    rows.Prefetch(index);
    rows.Prefetch(index ^ 1U);
  }
}

// The rows that nodes below `root` read.
MemoryExpert::Nibble& MemoryExpert::NibbleAt(uint32_t root, uint32_t half,
                                             Scratch* step) const noexcept {
  Nibble& nibble = step->nibbles[half];
  if (nibble.root != root) Approach(root, reinterpret_cast<std::byte*>(step));
  if (!nibble.looked) Look(step->view, &nibble);
  return nibble;
}

// Finds the rows of a nibble, one per context at most.
void MemoryExpert::Look(const View& view, Nibble* nibble) const noexcept {
  const TableView rows = view.table(tables_.rows);
  const uint32_t contexts = contexts_;
  uint32_t seen = 0;
  for (uint32_t c = 0; c < contexts; ++c) {
    Slot& slot = nibble->slots[c];
    const Row* const first = rows.As<Row>(slot.index);
    const Row* const second = rows.As<Row>(slot.index ^ 1U);
    const bool in_first = first->check == slot.check;
    const bool in_second = second->check == slot.check;
    slot.row = in_first ? first : in_second ? second : &kAbsent<Row>;
    slot.index ^= !in_first && in_second ? 1U : 0U;
    seen += c < kSignalContexts && (in_first || in_second) ? 1 : 0;
  }
  nibble->seen = seen;
  nibble->looked = true;
}

void MemoryExpert::Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                            std::span<uint32_t> signals) const noexcept {
  Scratch* const step = reinterpret_cast<Scratch*>(scratch);
  const uint32_t depth = DepthOf(node);
  const Nibble& nibble = NibbleAt(node >> (depth % 4), depth / 4, step);
  const uint32_t local = LocalNode(node, depth % 4);
  signals[0] = nibble.seen;
  Say<1>(nibble, &local, *step, inputs.data(), 0);
}

// The evidence of a nibble's rows at `levels` of their nodes.
template <uint32_t levels>
inline void MemoryExpert::Say(const Nibble& nibble, const uint32_t* nodes, const Scratch& step,
                              float* inputs, std::size_t stride) const noexcept {
  const uint32_t contexts = contexts_;
  const float* state = step.view.table(tables_.states).As<float>(0);
  for (uint32_t c = 0; c < contexts; ++c, state += kHistories) {
    const Row& row = *nibble.slots[c].row;
    float* const x = inputs + c;
    for (uint32_t k = 0; k < levels; ++k) {
      x[k * stride] = stretch_.Of16Bits(row.p[nodes[k]]);
      x[k * stride + contexts] = stretch_.Of(state[row.history[nodes[k]]]);
    }
  }
}

void MemoryExpert::EvidenceAlong(const Path& path, std::byte* scratch,
                                 const PathEvidence& out) const noexcept {
  Scratch* const step = reinterpret_cast<Scratch*>(scratch);
  for (uint32_t first = 0; first < path.depth; first += 4) {
    const Nibble& nibble = NibbleAt(path.node(first), first / 4, step);
    const uint32_t levels = std::min(path.depth - first, 4U);
    uint32_t nodes[4];
    for (uint32_t k = 0; k < levels; ++k) {
      nodes[k] = LocalNode(path.node(first + k), k);
      out.signals[(first + k) * out.signals_stride] = nibble.seen;
    }
    float* const inputs = out.inputs + first * out.inputs_stride;
    if (levels == 4) {
      Say<4>(nibble, nodes, *step, inputs, out.inputs_stride);
      continue;
    }
    for (uint32_t k = 0; k < levels; ++k) {
      Say<1>(nibble, nodes + k, *step, inputs + k * out.inputs_stride, 0);
    }
  }
}

// A new row in the less used of a context's two slots.
MemoryExpert::Row* MemoryExpert::Found(const Slot& slot, const TableView& rows,
                                       const TableWriter& writer) noexcept {
  const bool other = rows.As<Row>(slot.index ^ 1U)->count[0] < rows.As<Row>(slot.index)->count[0];
  Row* const row = writer.As<Row>(slot.index ^ (other ? 1U : 0U));
  *row = kAbsent<Row>;
  std::memset(row->history, 1, sizeof(row->history));
  row->check = slot.check;
  return row;
}

// One bit at one node of a row.
inline void MemoryExpert::LearnBit(const Bit& bit, Row* row, float* state) const noexcept {
  const uint32_t history = row->history[bit.node];
  const uint32_t n = row->count[bit.node];
  const int32_t p = row->p[bit.node];
  const float s = state[history];
  const int32_t step = ((bit.target - p) * rate_[n]) >> 15;
  row->history[bit.node] = kNextHistories[history][bit.target & 1];
  row->count[bit.node] = static_cast<uint8_t>(n + (n < kMaxCount ? 1 : 0));
  row->p[bit.node] = static_cast<uint16_t>(p + step);
  state[history] = s + kStateRate * (bit.value - s);
}

void MemoryExpert::LearnNibble(const Path& path, uint32_t half, Scratch* step,
                               Commit* commit) const noexcept {
  Bit bits[4];
  uint32_t count = 0;
  for (uint32_t d = 4 * half; d < std::min(path.depth, 4 * half + 4); ++d) {
    if (!path.decides(d)) continue;
    const bool one = path.bit(d) != 0;
    bits[count++] = {LocalNode(path.node(d), d % 4), one ? 65535 : 0, one ? 1.0F : 0.0F};
  }
  if (count == 0) return;
  const Nibble& nibble = NibbleAt(path.node(4 * half), half, step);
  const TableView rows = step->view.table(tables_.rows);
  const TableWriter writer = commit->table(tables_.rows);
  float* states = commit->As<float>({tables_.states, 0});
  const uint32_t contexts = contexts_;
  for (uint32_t c = 0; c < contexts; ++c, states += kHistories) {
    const Slot& slot = nibble.slots[c];
    // A row founded just now served no history, so it teaches none: every one of its nodes met
    // here is at its first.
    float untaught[2] = {0.0F, 0.0F};
    const bool absent = slot.row == &kAbsent<Row>;
    float* const state = absent ? untaught : states;
    Row* const row = absent ? Found(slot, rows, writer) : writer.As<Row>(slot.index);
    if (count == 4) {
      for (uint32_t k = 0; k < 4; ++k) LearnBit(bits[k], row, state);
    } else {
      for (uint32_t k = 0; k < count; ++k) LearnBit(bits[k], row, state);
    }
  }
}

void MemoryExpert::Learn(const Path& path, std::byte* scratch, Commit* commit) const noexcept {
  Scratch* const step = reinterpret_cast<Scratch*>(scratch);
  for (uint32_t half = 0; 4 * half < path.depth; ++half) LearnNibble(path, half, step, commit);
}

}  // namespace gyrus
