// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/inspect.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "activation/routers/usage.h"
#include "core/status_macros.h"
#include "runtime/binding.h"
#include "runtime/runtime.h"
#include "tools/bind_brain.h"
#include "tools/columns_text.h"
#include "tools/progress.h"
#include "tools/report/history.h"

namespace gyrus {
namespace {

struct Size {
  uint64_t parameters = 0;
  uint64_t bytes = 0;

  void Add(const TableSpec& table) {
    if (table.layout.reader() == TensorReader::kStep) {
      parameters += uint64_t{table.blocks} * table.layout.parameters();
    }
    bytes += uint64_t{table.blocks} * table.layout.block_bytes();
  }
  std::string ToString() const {
    return absl::StrCat(FormatCount(static_cast<double>(parameters)), " parameters, ",
                        FormatCount(static_cast<double>(bytes)), "B");
  }
};

// How often the regions of an area were learned from, or woken in the last run.
std::string LoadText(const Runtime& runtime, Store& store, const AreaPlan& area,
                     const HistoryLines& history) {
  const auto& tables = runtime.plan().tables();
  for (uint32_t t = 0; t < tables.size(); ++t) {
    if (tables[t].spec.name != area.spec.name + ".usage") continue;
    const RouterLoad load = RouterUsage::Summarise(store.Draft(), t, area.spec.regions);
    return absl::StrFormat("steps learned per region: %d least, %d median, %d most", load.min,
                           load.median, load.max);
  }
  if (history.summaries.empty()) return "";
  for (const RegionCounts& counts : history.summaries.back().load) {
    if (counts.area != area.spec.name || counts.bins.empty()) continue;
    std::vector<double> bins = counts.bins;
    std::sort(bins.begin(), bins.end());
    return absl::StrFormat(
        "wakings in the last run, by %d groups: %.0f least, %.0f median, %.0f most", bins.size(),
        bins.front(), bins[bins.size() / 2], bins.back());
  }
  return "";
}

void PrintAreas(Runtime& runtime, const HistoryLines& history) {
  std::vector<bool> shown(runtime.plan().tables().size());
  for (const AreaPlan& area : runtime.plan().areas()) {
    Size size;
    for (std::size_t t = 0; t < shown.size(); ++t) {
      const TableSpec& table = runtime.plan().tables()[t].spec;
      if (!absl::StartsWith(table.name, area.spec.name + ".")) continue;
      size.Add(table);
      shown[t] = true;
    }
    std::printf("area %s: %u regions, %u woken per step, %s\n", area.spec.name.c_str(),
                area.spec.regions, area.spec.woken, size.ToString().c_str());
    const std::string load = LoadText(runtime, runtime.store(), area, history);
    if (!load.empty()) std::printf("  %s\n", load.c_str());
  }
  Size rest;
  for (std::size_t t = 0; t < shown.size(); ++t) {
    if (!shown[t]) rest.Add(runtime.plan().tables()[t].spec);
  }
  std::printf("encoders, experts and heads: %s\n", rest.ToString().c_str());
}

std::string SizeText(const ModalitySpec& modality) {
  const bool image = modality.kind == ModalityKind::kImage;
  if (image ? modality.rows == 0 : modality.size == 0) return "as the first input has it";
  if (image) return absl::StrCat("an image of ", modality.rows, " x ", modality.columns);
  if (modality.kind == ModalityKind::kSymbol) return absl::StrCat("a symbol of ", modality.size);
  return absl::StrCat(modality.size, modality.size == 1 ? " number" : " numbers");
}

// What it senses and what it is asked.
void PrintSenses(const BrainSpec& spec) {
  for (const ModalitySpec& modality : spec.modalities) {
    std::printf("modality %s: %s\n", modality.name.c_str(), SizeText(modality).c_str());
  }
  if (!spec.schema.columns.empty()) {
    std::printf("columns: %s\n", ColumnsText(spec.schema, {}).c_str());
  }
  if (spec.target_next == 0 && !spec.heads.empty() && spec.heads[0].classes > 0) {
    std::printf("classes: %s\n", ClassesText(spec.schema, spec.heads[0].classes).c_str());
  }
}

}  // namespace

absl::Status InspectCommand(const std::string& directory) {
  GYRUS_ASSIGN_OR_RETURN(const BrainSpec spec, ReadBrain(directory));
  std::printf("brain \"%s\", seed %llu\n", spec.name.c_str(),
              static_cast<unsigned long long>(spec.seed));
  PrintSenses(spec);
  if (!HasState(directory)) {
    std::printf("has not learned anything yet: gyrus learn %s INPUT\n", directory.c_str());
    return absl::OkStatus();
  }
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Runtime> runtime,
                         Runtime::Open(directory, {.read_only = true}));
  GYRUS_ASSIGN_OR_RETURN(const std::vector<std::string> lines, runtime->History());
  const HistoryLines history = ReadHistory(lines);
  PrintAreas(*runtime, history);
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                         runtime->OpenSession({.mode = Mode::kFrozen}));
  std::printf("session main: %llu steps\n", static_cast<unsigned long long>(session->steps()));
  if (history.summaries.empty()) return absl::OkStatus();
  const SummaryLine& last = history.summaries.back();
  std::printf("runs: %zu; last save %s: %s examples of %s\n", history.summaries.size(),
              last.Word("time").c_str(), FormatCount(last.Number("examples")).c_str(),
              last.Word("input").c_str());
  return absl::OkStatus();
}

}  // namespace gyrus
