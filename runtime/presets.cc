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
  mixing.sets = {{{"node"}},
                 {{"symbols.0", "node"}},
                 {{"match.0", "depth"}},
                 {{"symbols.1", "node"}},
                 {{"memory.0", "match.1", "node"}}};
  mixing.maps = {{.factors = {"symbols.0", "node"}}, {.factors = {"symbols.3", "node"}}};
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

struct Entry {
  PresetName name;
  BrainSpec (*make)();
};

constexpr Entry kPresets[] = {
    {{"text", "predicts the next byte of any text or file"}, Text},
    {{"table", "predicts the class of each row of a table"}, Table},
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
