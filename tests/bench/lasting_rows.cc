// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/lasting_rows.h"

#include <utility>

#include "core/check.h"
#include "runtime/presets.h"

namespace gyrus::bench {
namespace {

constexpr uint32_t kSide = 28;

// A plain network 784-400-400-10 by stochastic gradient descent, on pixels in [0, 1].
BrainSpec DenseBrain(Optimiser optimiser, float rate) {
  BrainSpec brain;
  brain.name = "dense";
  brain.modalities = {
      {.name = "eye", .kind = ModalityKind::kImage, .rows = kSide, .columns = kSide}};
  brain.encoders = {{.name = "pixels",
                     .modality = "eye",
                     .kind = ImageEncoderSpec{.banks = {}, .raw_grid = kSide}}};
  AreaSpec area;
  area.outputs = 400;
  area.cell = DenseCellSpec{};
  area.learning = {.optimiser = optimiser, .rate = rate};
  area.name = "first";
  area.inputs = {"pixels"};
  brain.areas.push_back(area);
  area.name = "second";
  area.inputs = {"first"};
  brain.areas.push_back(area);
  brain.heads = {
      {.name = "class",
       .classes = 10,
       .kind = SoftmaxHeadSpec{.input = "second", .rate = rate, .optimiser = optimiser}}};
  return brain;
}

BrainSpec Sgd() { return DenseBrain(Optimiser::kSgd, 0.01F); }

BrainSpec WithReplay(BrainSpec brain, const ReplaySpec& replay) {
  brain.replay = replay;
  return brain;
}

BrainSpec WithImportance(BrainSpec brain, ImportanceKind kind, float strength) {
  for (AreaSpec& area : brain.areas) {
    area.learning.importance = {.kind = kind, .strength = strength};
  }
  return brain;
}

BrainSpec WithPlasticity(BrainSpec brain, float rho) {
  for (AreaSpec& area : brain.areas) area.learning.plasticity.rho = rho;
  return brain;
}

}  // namespace

BrainSpec ImagesBrain(uint32_t classes) {
  absl::StatusOr<BrainSpec> brain = Preset("images");
  GYRUS_CHECK(brain.ok());
  brain->modalities[0].rows = kSide;
  brain->modalities[0].columns = kSide;
  brain->heads[0].classes = classes;
  return *std::move(brain);
}

std::vector<Row> SplitRows() {
  return {
      {"fine-tuning, SGD", Sgd()},
      {"fine-tuning, RMSprop", DenseBrain(Optimiser::kRmsprop, 0.0003F)},
      {"ER, 500 items", WithReplay(Sgd(), {.items = 500})},
      {"ER, 500 items, 3 per sample", WithReplay(Sgd(), {.items = 500, .per_step = 3})},
      {"ER-ACE, 500 items", WithReplay(Sgd(), {.items = 500, .rivals = 100})},
      {"DER++, 500 items", WithReplay(Sgd(), {.items = 500, .dark = 0.5F})},
      {"online EWC", WithImportance(Sgd(), ImportanceKind::kEwc, 100.0F)},
      {"SI", WithImportance(Sgd(), ImportanceKind::kSi, 0.1F)},
      {"MAS", WithImportance(Sgd(), ImportanceKind::kMas, 1.0F)},
      {"plasticity", WithPlasticity(Sgd(), 1e-5F)},
      {"images", ImagesBrain(10)},
      {"images, replay of 500", WithReplay(ImagesBrain(10), {.items = 500})},
  };
}

std::vector<Row> PermutedRows() {
  return {{"SGD", Sgd()}, {"SGD, plasticity", WithPlasticity(Sgd(), 1e-5F)}};
}

}  // namespace gyrus::bench
