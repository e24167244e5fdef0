// SPDX-License-Identifier: Apache-2.0
#include "activation/routers/hash.h"

#include <algorithm>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/rng.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

// Wide enough for any input that a step can tell apart, and exact as a float.
constexpr float kMaxDigit = 1e9F;
constexpr uint64_t kMaxDigits = 1U << 22;

}  // namespace

absl::StatusOr<std::unique_ptr<Router>> HashRouter::Create(const AreaSpec& area, uint32_t inputs,
                                                           uint64_t seed, PlanBuilder* builder) {
  const auto& spec = std::get<HashRouterSpec>(area.router);
  if (spec.dimensions < 1 || spec.dimensions > 64) {
    return absl::InvalidArgumentError(
        absl::StrCat("dimensions must be in [1, 64], got ", spec.dimensions));
  }
  if (!(spec.width > 0.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("width must be above 0, got ", spec.width));
  }
  if (area.always_on == area.woken) {
    return absl::InvalidArgumentError("hash needs woken above always_on");
  }
  const uint64_t digits = uint64_t{area.woken - area.always_on} * spec.dimensions;
  if (digits > kMaxDigits) {
    return absl::InvalidArgumentError(absl::StrCat(
        "dimensions of all that it wakes must be at most ", kMaxDigits, ", got ", digits));
  }
  GYRUS_ASSIGN_OR_RETURN(const RouterUsage usage,
                         RouterUsage::Create(area.name, area.regions, area.woken, builder));
  std::unique_ptr<HashRouter> router(new HashRouter(area, usage));
  router->spec_ = spec;
  Rng rng(seed, Mix64(inputs));
  router->digits_.resize(digits);
  for (Digit& digit : router->digits_) {
    digit.input = static_cast<uint32_t>(rng.Below(inputs));
    digit.offset = rng.Uniform();
  }
  return router;
}

std::size_t HashRouter::Route(const View&, std::span<const float> x,
                              std::span<Woken> woken) const noexcept {
  const float gate = 1.0F / static_cast<float>(woken.size());
  const uint32_t fixed = area_.always_on;
  for (uint32_t i = 0; i < fixed; ++i) woken[i] = {i, gate};
  const uint64_t parts = area_.woken - fixed;
  const uint64_t regions = area_.regions - fixed;
  const Digit* digit = digits_.data();
  for (uint64_t j = 0; j < parts; ++j) {
    uint64_t hash = Mix64(j + 1);
    for (uint32_t d = 0; d < spec_.dimensions; ++d, ++digit) {
      const float at =
          std::clamp(x[digit->input] / spec_.width + digit->offset, -kMaxDigit, kMaxDigit);
      auto step = static_cast<int64_t>(at);           // Rounds to 0;
      step -= static_cast<float>(step) > at ? 1 : 0;  // down, without calling std::floor.
      hash = Mix64(hash + static_cast<uint64_t>(step) * 0x9E3779B97F4A7C15U);
    }
    const uint64_t first = j * regions / parts;
    const uint64_t size = (j + 1) * regions / parts - first;
    woken[fixed + j] = {static_cast<uint32_t>(fixed + first + hash % size), gate};
  }
  return woken.size();
}

void HashRouter::Learn(std::span<const float>, std::span<const Woken> woken, std::span<const float>,
                       Commit* commit) const noexcept {
  usage_.Count(woken, commit);
}

}  // namespace gyrus
