// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "activation/brain_spec.h"

namespace gyrus::test {

// A text brain with a few hundred rows: predicts the next byte from memory and match.
inline BrainSpec TinyText() {
  MixingHeadSpec mixing;
  mixing.experts = {
      {.name = "memory", .kind = MemoryExpertSpec{.encoder = "symbols", .rows_log2 = 8}},
      {.name = "match", .kind = MatchExpertSpec{.encoder = "symbols", .history_log2 = 12}}};
  mixing.sets = {{{"node"}}, {{"symbols.0", "node"}}, {{"memory.0", "match.1", "node"}}};
  mixing.maps = {{.factors = {"symbols.0", "node"}, .rows_log2 = 10}};
  BrainSpec spec;
  spec.name = "tiny text";
  spec.modalities = {{.name = "byte", .kind = ModalityKind::kSymbol, .size = 256}};
  spec.encoders = {{.name = "symbols", .modality = "byte", .kind = SymbolsEncoderSpec{}}};
  spec.heads = {{.name = "next", .classes = 256, .kind = mixing}};
  spec.target_next = 1;
  spec.target_modality = "byte";
  return spec;
}

// The same, taught by labels instead of its own future: `window` steps late at most.
inline BrainSpec TinyLabelled(uint32_t window) {
  BrainSpec spec = TinyText();
  spec.target_next = 0;
  spec.target_modality = "";
  spec.label_window = window;
  return spec;
}

// Learns bytes by gradients and replays them: labels come `window` steps late at most.
inline BrainSpec TinyReplaying(uint32_t window) {
  AreaSpec area = {.name = "area", .inputs = {"symbol"}, .outputs = 8, .regions = 4, .woken = 2};
  area.router = AnchorRouterSpec{.threshold = 1, .settle_after = 0};
  area.cell = DenseCellSpec{};
  BrainSpec spec;
  spec.name = "tiny replaying";
  spec.modalities = {{.name = "byte", .kind = ModalityKind::kSymbol, .size = 256}};
  // It remembers symbols: what a sample is kept with has a state in it.
  spec.encoders = {
      {.name = "symbol", .modality = "byte", .kind = SymbolsEncoderSpec{.one_hot = true}}};
  spec.areas = {area};
  spec.heads = {{.name = "next", .classes = 256, .kind = SoftmaxHeadSpec{.input = "area"}}};
  spec.label_window = window;
  spec.replay = {.items = 32, .per_step = 2, .rivals = 100, .dark = 0.5F};
  return spec;
}

// Some prose without end: byte `i` of it.
inline uint8_t ProseByte(uint64_t i) {
  static constexpr char kProse[] =
      "the brain learns while it infers; the learner writes what the reader will see next. ";
  const uint64_t length = sizeof(kProse) - 1;
  // Every seventh pass a letter differs, so that there is something left to learn.
  const char c = kProse[i % length];
  return static_cast<uint8_t>((i / length) % 7 == 6 && c == 'e' ? 'E' : c);
}

}  // namespace gyrus::test
