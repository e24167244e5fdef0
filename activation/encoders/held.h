// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/encoder.h"
#include "activation/plan_builder.h"

namespace gyrus {

// The values as they are, in their own units, and where one is missing the last one known (0
// before the first), which is session state.
//
// Vector: (size,).
class HeldEncoder final : public Encoder {
 public:
  // Returns InvalidArgument if the modality is not of reals.
  static absl::StatusOr<std::unique_ptr<Encoder>> Create(const ModalitySpec& modality,
                                                         PlanBuilder* builder);

  void Encode(const StepContext& context, const Value& value,
              Encoding* encoding) const noexcept override;
  void Learn(const Value&, const Encoding&, Commit*) const noexcept override {}

 private:
  HeldEncoder(uint32_t size, std::size_t state_offset)
      : Encoder({.outputs = size, .active = size}), state_offset_(state_offset) {}

  std::size_t state_offset_;
};

}  // namespace gyrus
