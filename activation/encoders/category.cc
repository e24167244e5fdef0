// SPDX-License-Identifier: Apache-2.0
#include "activation/encoders/category.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/rng.h"

namespace gyrus {

absl::StatusOr<std::unique_ptr<Encoder>> CategoryEncoder::Create(const ModalitySpec& modality) {
  if (modality.kind != ModalityKind::kSymbol) {
    return absl::InvalidArgumentError(
        absl::StrCat("a category encoder needs symbols, and \"", modality.name, "\" has none"));
  }
  return std::unique_ptr<Encoder>(new CategoryEncoder(
      {.outputs = modality.size, .active = 1, .contexts = 1, .selector_ranges = {modality.size}}));
}

void CategoryEncoder::Encode(const StepContext&, const Value& value,
                             Encoding* encoding) const noexcept {
  std::fill(encoding->vector.begin(), encoding->vector.end(), 0.0F);
  encoding->vector[value.symbol] = 1.0F;
  encoding->contexts[0] = Mix64(value.symbol + 1);
  encoding->selectors[0] = value.symbol;
}

}  // namespace gyrus
