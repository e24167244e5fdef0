// SPDX-License-Identifier: Apache-2.0
#include "activation/routers/usage.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "activation/count.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kRegionsPerBlock = 8;

}  // namespace

absl::StatusOr<RouterUsage> RouterUsage::Create(absl::string_view area, uint32_t regions,
                                                uint32_t woken, PlanBuilder* builder) {
  GYRUS_ASSIGN_OR_RETURN(BlockLayout layout, BlockLayout::Create({{.name = "steps",
                                                                   .type = ElementType::kU32,
                                                                   .rows = kRegionsPerBlock,
                                                                   .columns = 2,
                                                                   .merge = Merge::kNever}},
                                                                 TensorReader::kLearner));
  const uint32_t blocks = (regions + kRegionsPerBlock - 1) / kRegionsPerBlock;
  return RouterUsage(builder->AddTable(absl::StrCat(area, ".usage"), std::move(layout), blocks,
                                       std::min(woken, blocks)));
}

void RouterUsage::Count(std::span<const Woken> woken, Commit* commit) const noexcept {
  for (const Woken& w : woken) {
    uint32_t* const steps = commit->As<uint32_t>({table_, w.region / kRegionsPerBlock});
    CountUp(steps + 2 * (w.region % kRegionsPerBlock));
  }
}

RouterLoad RouterUsage::Summarise(const View& draft, uint32_t table, uint32_t regions) {
  std::vector<uint64_t> steps(regions);
  const TableView view = draft.table(table);
  for (uint32_t r = 0; r < regions; ++r) {
    steps[r] = CountOf(view.As<uint32_t>(r / kRegionsPerBlock) + 2 * (r % kRegionsPerBlock));
  }
  std::sort(steps.begin(), steps.end());
  return {.min = steps.front(), .median = steps[regions / 2], .max = steps.back()};
}

}  // namespace gyrus
