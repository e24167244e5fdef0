// SPDX-License-Identifier: Apache-2.0
#include "activation/encoders/held.h"

#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gyrus {

absl::StatusOr<std::unique_ptr<Encoder>> HeldEncoder::Create(const ModalitySpec& modality,
                                                             PlanBuilder* builder) {
  if (modality.kind != ModalityKind::kReals) {
    return absl::InvalidArgumentError(
        absl::StrCat("a held encoder needs reals, and \"", modality.name, "\" has none"));
  }
  return std::unique_ptr<Encoder>(
      new HeldEncoder(modality.size, builder->AddState(modality.size * sizeof(float))));
}

void HeldEncoder::Encode(const StepContext& context, const Value& value,
                         Encoding* encoding) const noexcept {
  float* const held = reinterpret_cast<float*>(context.state + state_offset_);
  for (std::size_t j = 0; j < value.reals.size(); ++j) {
    if (!std::isnan(value.reals[j])) held[j] = value.reals[j];
    encoding->vector[j] = held[j];
  }
}

}  // namespace gyrus
