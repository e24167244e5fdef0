// SPDX-License-Identifier: Apache-2.0
#include "runtime/presets.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "runtime/nearest.h"

namespace gyrus {
namespace {

// Bytes by hashed memory of the contexts before them and by the longest match in the history,
// mixed by how sure each has been.
BrainSpec Text() {
  MixingHeadSpec mixing;
  mixing.experts = {{"memory", MemoryExpertSpec{.encoder = "symbols", .rows_log2 = 18}},
                    {"match", MatchExpertSpec{.encoder = "symbols"}}};
  mixing.sets = {{{"symbols.4", "node"}},
                 {{"symbols.0", "node"}},
                 {{"symbols.5", "node"}},
                 {{"symbols.6", "depth"}},
                 {{"memory.0", "match.1", "node"}}};
  mixing.last = {"match.0", "depth"};
  mixing.maps = {{.factors = {"symbols.0", "node"}, .rate = 0.03F},
                 {.factors = {"symbols.3", "node"}, .rate = 0.03F}};
  mixing.first_weight = 0.15F;
  mixing.rate_first = 0.033F;
  mixing.rate_last = 0.003F;
  mixing.final_rate = 0.001F;
  BrainSpec spec;
  spec.name = "text";
  spec.modalities = {{.name = "byte", .kind = ModalityKind::kSymbol, .size = 256}};
  spec.encoders = {{.name = "symbols", .modality = "byte", .kind = SymbolsEncoderSpec{}}};
  spec.heads = {{.name = "next", .classes = 256, .kind = mixing}};
  spec.target_next = 1;
  spec.target_modality = "byte";
  return spec;
}

// The class of a row, from its columns and from the classes before: linear readouts at three
// speeds, one per region of the space of rows, and how often the label repeats, mixed.
BrainSpec Table() {
  const RealsEncoderSpec row = {.settle_after = 0, .rate = 0, .clip = 4, .constant = true};
  const RealsEncoderSpec trails = {
      .settle_after = 0, .rate = 0, .clip = 4, .values = false, .trails = {2, 32}};
  const std::vector<std::string> base = {"row", "category"};
  const std::vector<std::string> full = {"row", "category", "trails"};
  const auto readout = [](const std::vector<std::string>& inputs, float rate) {
    return ReadoutExpertSpec{.inputs = inputs, .rate = rate, .normalise = true, .calibrate = true};
  };
  ReadoutExpertSpec regional = readout(base, 0.02F);
  regional.regions = "places";
  regional.normalise = false;
  MixingHeadSpec mixing;
  mixing.experts = {{"slow", readout(base, 0.005F)},
                    {"fast", readout(full, 0.2F)},
                    {"steady", readout(full, 0.02F)},
                    {"regional", regional},
                    {"repeat", RepeatExpertSpec{"label"}}};
  mixing.sets = {{{"node"}}};
  mixing.final_rate = 0;
  AreaSpec places;
  places.name = "places";
  places.inputs = {"row"};
  places.outputs = 1;
  places.regions = 32;
  places.woken = 4;
  places.router =
      AnchorRouterSpec{.threshold = 1, .chance = 0.05F, .temperature = 0, .settle_after = 0};
  places.cell = SubsetCellSpec{};
  BrainSpec spec;
  spec.name = "table";
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals},
                     {.name = "category", .kind = ModalityKind::kSymbol},
                     {.name = "label", .kind = ModalityKind::kSymbol}};
  spec.encoders = {{"row", "row", row},
                   {"trails", "row", trails},
                   {"category", "category", CategoryEncoderSpec{}},
                   {"label", "label", CategoryEncoderSpec{}}};
  spec.areas = {places};
  spec.heads = {{.name = "class", .kind = mixing}};
  spec.last_target_modality = "label";
  return spec;
}

// Numbers to come, as their difference from the last ones known: one linear readout over the row,
// its past, the last targets and frozen random features of them all, served as far as it proves
// right.
BrainSpec Series() {
  const std::vector<std::string> inputs = {"row", "category", "last"};
  AreaSpec expansion;
  expansion.name = "expansion";
  expansion.inputs = inputs;
  expansion.outputs = 64;
  expansion.cell = ExpansionCellSpec{.bias = 0.25F};
  RidgeHeadSpec ridge;
  ridge.area = "expansion";
  ridge.inputs = inputs;
  ridge.lambda = 10;
  ridge.forget = 0.9995F;
  ridge.reference = "held";
  ridge.prove_over = 100;
  BrainSpec spec;
  spec.name = "series";
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals},
                     {.name = "category", .kind = ModalityKind::kSymbol},
                     {.name = "last", .kind = ModalityKind::kReals}};
  spec.encoders = {{"row", "row", RealsEncoderSpec{.rate = 0, .trails = {2, 32}, .constant = true}},
                   {"category", "category", CategoryEncoderSpec{}},
                   {"last", "last", RealsEncoderSpec{.rate = 0, .lags = 1}},
                   {"held", "last", HeldEncoderSpec{}}};
  spec.areas = {expansion};
  spec.heads = {{.name = "value", .kind = ridge}};
  spec.last_target_modality = "last";
  return spec;
}

// The class of an image: responses of frozen patches, picked by the regions whose anchors its
// coarse form is nearest to, each with a readout of its own.
BrainSpec Images() {
  AreaSpec vision;
  vision.name = "vision";
  vision.inputs = {"patches"};
  vision.route_by = "coarse";
  vision.outputs = 256;
  vision.regions = 64;
  vision.woken = 8;
  vision.router = AnchorRouterSpec{
      .threshold = 0.5F, .rising = true, .temperature = 0.03F, .settle_after = 1000};
  vision.cell = SubsetCellSpec{.constant = true};
  RidgeHeadSpec ridge;
  ridge.area = "vision";
  ridge.lambda = 0.5F;
  ridge.weigh_by_gate = true;
  BrainSpec spec;
  spec.name = "images";
  spec.modalities = {{.name = "eye", .kind = ModalityKind::kImage}};
  spec.encoders = {{"patches", "eye", ImageEncoderSpec{}},
                   {"coarse", "eye", ImageEncoderSpec{.banks = {}}}};
  spec.areas = {vision};
  spec.heads = {{.name = "class", .kind = ridge}};
  return spec;
}

struct Entry {
  PresetName name;
  BrainSpec (*make)();
};

constexpr Entry kPresets[] = {
    {{"text", "predicts the next byte of any text or file"}, Text},
    {{"images", "predicts the class of each image"}, Images},
    {{"table", "predicts the class of each row of a table"}, Table},
    {{"series", "predicts a number of each row of a table, or the next row"}, Series},
};

}  // namespace

std::span<const PresetName> PresetNames() {
  static const std::vector<PresetName> names = [] {
    std::vector<PresetName> all;
    for (const Entry& entry : kPresets) all.push_back(entry.name);
    return all;
  }();
  return names;
}

absl::StatusOr<BrainSpec> Preset(absl::string_view name) {
  std::vector<std::string> known;
  for (const Entry& entry : kPresets) {
    if (entry.name.name == name) return entry.make();
    known.emplace_back(entry.name.name);
  }
  return absl::NotFoundError(absl::StrCat("there is no preset \"", name, "\"",
                                          DidYouMean(name, known),
                                          " (presets: ", absl::StrJoin(known, ", "), ")"));
}

}  // namespace gyrus
