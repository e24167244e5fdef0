// SPDX-License-Identifier: Apache-2.0
#include "activation/heads/seen_classes.h"

#include <bit>
#include <utility>

#include "core/status_macros.h"

namespace gyrus {

absl::StatusOr<SeenClasses> SeenClasses::Create(const std::string& head, uint32_t classes,
                                                PlanBuilder* builder) {
  SeenClasses seen;
  if (classes == 256) return seen;
  const uint32_t nodes = 2U << std::bit_width(classes - 1);
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout layout,
      BlockLayout::Create({{.name = "labels", .columns = nodes, .merge = Merge::kSum}}));
  seen.table_ = builder->AddTable(head + ".seen", std::move(layout), 1, 1);
  return seen;
}

}  // namespace gyrus
