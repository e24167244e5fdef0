// SPDX-License-Identifier: Apache-2.0
#include "activation/routers/usage.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kRegionsPerBlock = 16;

}  // namespace

absl::StatusOr<RouterUsage> RouterUsage::Create(absl::string_view area, uint32_t regions,
                                                uint32_t woken, PlanBuilder* builder) {
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout layout,
      BlockLayout::Create({{.name = "steps", .columns = kRegionsPerBlock, .merge = Merge::kNever}},
                          TensorReader::kLearner));
  const uint32_t blocks = (regions + kRegionsPerBlock - 1) / kRegionsPerBlock;
  return RouterUsage(builder->AddTable(absl::StrCat(area, ".usage"), std::move(layout), blocks,
                                       std::min(woken, blocks)));
}

void RouterUsage::Count(std::span<const Woken> woken, Commit* commit) const noexcept {
  for (const Woken& w : woken) {
    commit->As<float>({table_, w.region / kRegionsPerBlock})[w.region % kRegionsPerBlock] += 1.0F;
  }
}

RouterLoad RouterUsage::Summarise(const View& draft, uint32_t table, uint32_t regions) {
  std::vector<float> steps(regions);
  const TableView view = draft.table(table);
  for (uint32_t r = 0; r < regions; ++r) {
    steps[r] = view.As<float>(r / kRegionsPerBlock)[r % kRegionsPerBlock];
  }
  std::sort(steps.begin(), steps.end());
  return {.min = steps.front(), .median = steps[regions / 2], .max = steps.back()};
}

}  // namespace gyrus
