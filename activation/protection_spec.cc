// SPDX-License-Identifier: Apache-2.0
#include "activation/protection_spec.h"

#include <cmath>

#include "absl/strings/str_cat.h"

namespace gyrus {

absl::Status CheckProtection(const DriftSpec& drift) {
  if (!(drift.delta >= 0.0F && drift.delta < 1.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("drift.delta must be in [0, 1), got ", drift.delta));
  }
  if (!(drift.raise >= 1.0F) || !std::isfinite(drift.raise)) {
    return absl::InvalidArgumentError(
        absl::StrCat("drift.raise must be at least 1 and finite, got ", drift.raise));
  }
  return absl::OkStatus();
}

absl::Status CheckProtection(const GuardSpec& guard) {
  if (guard.window != 0 && (guard.window < 10 || guard.window > 1000000)) {
    return absl::InvalidArgumentError(
        absl::StrCat("guard.window must be 0 or in [10, 1e6], got ", guard.window));
  }
  if (!(guard.bound > 1.0F) || !std::isfinite(guard.bound)) {
    return absl::InvalidArgumentError(
        absl::StrCat("guard.bound must be above 1 and finite, got ", guard.bound));
  }
  return absl::OkStatus();
}

}  // namespace gyrus
