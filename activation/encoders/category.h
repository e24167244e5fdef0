// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/encoder.h"
#include "activation/plan_builder.h"

namespace gyrus {

// One symbol that is a name and no part of a text: a category, a class, the last known label.
//
// Vector: one-hot, (size,). Contexts: one, a hash of the symbol. Selectors: the symbol.
// Learns nothing and remembers nothing.
class CategoryEncoder final : public Encoder {
 public:
  // Returns InvalidArgument if the modality is not of symbols.
  static absl::StatusOr<std::unique_ptr<Encoder>> Create(const ModalitySpec& modality);

  void Encode(const StepContext& context, const Value& value,
              Encoding* encoding) const noexcept override;
  void Learn(const Value&, const Encoding&, Commit*) const noexcept override {}

 private:
  using Encoder::Encoder;
};

}  // namespace gyrus
