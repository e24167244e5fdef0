// SPDX-License-Identifier: Apache-2.0
// What a step costs here is the memory: per symbol and context two rows of one cache line each,
// at random places. So a nibble's rows are asked for as soon as its root is known (Approach), all
// contexts at once, and only then read.
#include "activation/experts/memory.h"

#include <algorithm>
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
constexpr uint32_t kMaxCount = 250;
constexpr uint32_t kSignalContexts = 7;  // Those of rising order.
constexpr float kStateRate = 0.004F;
constexpr uint32_t kHistories = 256;

// A node within its nibble: 0 is the nibble's root, then its two children, and so on.
uint32_t LocalNode(uint32_t node) {
  const int depth = std::bit_width(node) - 1;
  const int below = depth & 3;
  return ((1U << below) | (node & ((1U << below) - 1))) - 1;
}

int Half(uint32_t node) { return (std::bit_width(node) - 1) >> 2; }

// The root of the nibble that `node` is in.
uint32_t NibbleRoot(uint32_t node) { return node >> ((std::bit_width(node) - 1) & 3); }

// What a fresh state predicts after a history: newer bits weigh more.
float FirstState(uint32_t history) {
  if (history < 2) return 0.5F;
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

// Appends a bit to a history: a leading 1, then the bits; after seven the oldest goes.
uint8_t Append(uint32_t history, uint32_t bit) {
  const uint32_t longer = history << 1 | bit;
  return static_cast<uint8_t>(history < 128 ? longer : 128U | (longer & 127U));
}

}  // namespace

struct MemoryExpert::Row {
  uint16_t p[kNodes];
  uint8_t count[kNodes];
  uint8_t history[kNodes];
  uint32_t check;  // 0: empty.
};

struct MemoryExpert::Slot {
  const Row* row;  // Null: the context has no row here.
  Row* writable;   // In learning, from the nibble's root on.
  uint32_t index;  // The first of two candidates; the other is index ^ 1.
  uint32_t check;
};

struct MemoryExpert::Nibble {
  uint32_t root;  // Whose rows `slots` address; 0: none.
  bool looked;    // Whether slots[].row are valid.
  uint32_t seen;  // Signal 0.
  Slot slots[kMaxContexts];
};

struct MemoryExpert::Scratch {
  const uint64_t* contexts;
  View view;
  TableView states;
  float* writable_states[kMaxContexts];
  Nibble nibbles[2];
};

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
  GYRUS_ASSIGN_OR_RETURN(const BlockLayout state_layout,
                         BlockLayout::Create({{.name = "states", .columns = kHistories}}));
  const uint32_t nibbles = classes > 16 ? 2 : 1;
  Tables tables{};
  for (uint32_t c = 0; c < contexts; ++c) {
    const uint32_t table = builder->AddTable(absl::StrCat(spec.name, ".rows", c), row_layout,
                                             1U << memory.rows_log2, nibbles);
    if (c == 0) tables.rows = table;
  }
  tables.states = builder->AddTable(spec.name + ".states", state_layout, contexts, contexts,
                                    [](uint32_t, std::span<std::byte> block) {
                                      float* const states = reinterpret_cast<float*>(block.data());
                                      for (uint32_t h = 0; h < kHistories; ++h)
                                        states[h] = FirstState(h);
                                    });
  return std::unique_ptr<Expert>(new MemoryExpert({.width = 3 * contexts,
                                                   .scratch_bytes = sizeof(Scratch),
                                                   .signal_ranges = {kSignalContexts + 1}},
                                                  encoder->index, memory.rows_log2, tables));
}

MemoryExpert::MemoryExpert(ExpertShape shape, uint32_t encoder, uint32_t rows_log2, Tables tables)
    : Expert(std::move(shape)),
      encoder_(encoder),
      contexts_(this->shape().width / 3),
      rows_log2_(rows_log2),
      tables_(tables) {
  for (uint32_t n = 0; n < 256; ++n) {
    const float few = static_cast<float>(std::min(n, 30U));
    confidence_[n] = 3.0F * few / (few + 1.5F) / 65536.0F;
    rate_[n] = static_cast<uint32_t>(65536.0 / (n + 1.5));
  }
}

void MemoryExpert::Begin(const StepContext& context, std::byte* scratch) const noexcept {
  Scratch* const step = reinterpret_cast<Scratch*>(scratch);
  step->contexts = context.activity->encodings[encoder_].contexts.data();
  step->view = context.view;
  step->states = context.view.table(tables_.states);
  step->nibbles[0].root = 0;
  step->nibbles[1].root = 0;
  Approach(1, scratch);
}

void MemoryExpert::Approach(uint32_t node, std::byte* scratch) const noexcept {
  Scratch* const step = reinterpret_cast<Scratch*>(scratch);
  Nibble& nibble = step->nibbles[Half(node)];
  if (nibble.root == node) return;
  nibble.root = node;
  nibble.looked = false;
  const uint64_t prefix = node == 1 ? 0 : node * uint64_t{0xD6E8FEB86659FD93U};
  for (uint32_t c = 0; c < contexts_; ++c) {
    uint64_t hash = (step->contexts[c] + prefix) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 29;
    Slot& slot = nibble.slots[c];
    slot.index = static_cast<uint32_t>(hash >> (64 - rows_log2_));
    slot.check = static_cast<uint32_t>(hash) | 1U;
    const TableView rows = step->view.table(tables_.rows + c);
    rows.Prefetch(slot.index);
    rows.Prefetch(slot.index ^ 1U);
  }
}

// Finds the rows of a nibble, one per context at most.
void MemoryExpert::Look(Scratch* step, int half, uint32_t root) const noexcept {
  Nibble& nibble = step->nibbles[half];
  if (nibble.root != root) Approach(root, reinterpret_cast<std::byte*>(step));
  nibble.looked = true;
  nibble.seen = 0;
  for (uint32_t c = 0; c < contexts_; ++c) {
    Slot& slot = nibble.slots[c];
    const TableView rows = step->view.table(tables_.rows + c);
    const Row* row = rows.As<Row>(slot.index);
    if (row->check != slot.check) {
      row = rows.As<Row>(slot.index ^ 1U);
      slot.index ^= row->check == slot.check ? 1U : 0U;
    }
    slot.row = row->check == slot.check ? row : nullptr;
    if (c < kSignalContexts) nibble.seen += slot.row != nullptr ? 1 : 0;
  }
}

void MemoryExpert::Evidence(uint32_t node, std::byte* scratch, std::span<float> inputs,
                            std::span<uint32_t> signals) const noexcept {
  Scratch* const step = reinterpret_cast<Scratch*>(scratch);
  const int half = Half(node);
  const uint32_t root = NibbleRoot(node);
  Nibble& nibble = step->nibbles[half];
  if (nibble.root != root || !nibble.looked) Look(step, half, root);
  const uint32_t local = LocalNode(node);
  signals[0] = nibble.seen;
  float* const logits = inputs.data();
  float* const states = logits + contexts_;
  float* const confident = states + contexts_;
  for (uint32_t c = 0; c < contexts_; ++c) {
    const Row* const row = nibble.slots[c].row;
    if (row == nullptr) {
      logits[c] = states[c] = confident[c] = 0.0F;
      continue;
    }
    const uint32_t p = row->p[local];
    const float* const state = step->states.As<float>(c);
    logits[c] = stretch_.Of16Bits(p);
    states[c] = stretch_.Of(state[row->history[local]]);
    confident[c] =
        static_cast<float>(static_cast<int32_t>(p) - 32768) * confidence_[row->count[local]];
  }
}

// Makes every context's row of a nibble writable, founding those that are missing.
void MemoryExpert::Claim(Scratch* step, int half, Commit* commit) const noexcept {
  Nibble& nibble = step->nibbles[half];
  for (uint32_t c = 0; c < contexts_; ++c) {
    Slot& slot = nibble.slots[c];
    const uint32_t table = tables_.rows + c;
    if (slot.row != nullptr) {
      slot.writable = commit->As<Row>({table, slot.index});
      continue;
    }
    const TableView rows = commit->view().table(table);
    const bool other = rows.As<Row>(slot.index ^ 1U)->count[0] < rows.As<Row>(slot.index)->count[0];
    slot.index ^= other ? 1U : 0U;
    slot.writable = commit->As<Row>({table, slot.index});
    std::fill(std::begin(slot.writable->p), std::end(slot.writable->p), uint16_t{32768});
    std::memset(slot.writable->count, 0, sizeof(Row::count));
    std::memset(slot.writable->history, 1, sizeof(Row::history));
    slot.writable->check = slot.check;
  }
}

void MemoryExpert::Learn(uint32_t node, uint32_t bit, std::byte* scratch,
                         Commit* commit) const noexcept {
  Scratch* const step = reinterpret_cast<Scratch*>(scratch);
  const int half = Half(node);
  const uint32_t local = LocalNode(node);
  Nibble& nibble = step->nibbles[half];
  if (node == 1) {
    for (uint32_t c = 0; c < contexts_; ++c) {
      step->writable_states[c] = commit->As<float>({tables_.states, c});
    }
  }
  if (local == 0) Claim(step, half, commit);
  for (uint32_t c = 0; c < contexts_; ++c) {
    const Slot& slot = nibble.slots[c];
    Row& row = *slot.writable;
    const uint32_t history = row.history[local];
    if (slot.row != nullptr) {
      float& state = step->writable_states[c][history];
      state += kStateRate * (static_cast<float>(bit) - state);
    }
    const int32_t p = row.p[local];
    const uint32_t count = row.count[local];
    const int64_t error = bit != 0 ? 65535 - p : -p;
    row.p[local] = static_cast<uint16_t>(p + ((error * rate_[count]) >> 16));
    row.count[local] = static_cast<uint8_t>(count + (count < kMaxCount ? 1 : 0));
    row.history[local] = Append(history, bit);
  }
}

}  // namespace gyrus
