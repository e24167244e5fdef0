// SPDX-License-Identifier: Apache-2.0
#include "activation/routers/all.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gyrus {

absl::StatusOr<std::unique_ptr<Router>> AllRouter::Create(const AreaSpec& area) {
  if (area.woken != area.regions) {
    return absl::InvalidArgumentError(
        absl::StrCat("all needs woken = regions = ", area.regions, ", got ", area.woken));
  }
  return std::unique_ptr<Router>(new AllRouter());
}

std::size_t AllRouter::Route(const View&, std::span<const float>,
                             std::span<Woken> woken) const noexcept {
  const float gate = 1.0F / static_cast<float>(woken.size());
  for (std::size_t i = 0; i < woken.size(); ++i) woken[i] = {static_cast<uint32_t>(i), gate};
  return woken.size();
}

}  // namespace gyrus
