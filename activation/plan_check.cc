// SPDX-License-Identifier: Apache-2.0
// What comes in of a plan that stands: observations and targets.
#include <cmath>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "activation/plan.h"

namespace gyrus {

absl::Status Plan::Check(const Observation& observation) const {
  if (observation.values.size() != spec_.modalities.size()) {
    return absl::InvalidArgumentError(absl::StrCat("an observation of this brain has ",
                                                   spec_.modalities.size(), " values, got ",
                                                   observation.values.size()));
  }
  for (std::size_t m = 0; m < spec_.modalities.size(); ++m) {
    const ModalitySpec& modality = spec_.modalities[m];
    const Value& value = observation.values[m];
    if (!value.present) continue;
    if (modality.kind == ModalityKind::kSymbol && value.symbol >= modality.size) {
      return absl::InvalidArgumentError(absl::StrCat("modality \"", modality.name, "\" has ",
                                                     modality.size, " symbols, got symbol ",
                                                     value.symbol));
    }
    if (modality.kind == ModalityKind::kReals) {
      if (value.reals.size() != modality.size) {
        return absl::InvalidArgumentError(absl::StrCat("modality \"", modality.name, "\" has ",
                                                       modality.size, " elements, got ",
                                                       value.reals.size()));
      }
      for (std::size_t i = 0; i < value.reals.size(); ++i) {
        if (std::abs(value.reals[i]) > kLargestReal) {
          return absl::InvalidArgumentError(absl::StrCat("modality \"", modality.name,
                                                         "\": element ", i, " is ", value.reals[i],
                                                         ": the limit is ", kLargestReal));
        }
      }
    }
    const std::size_t pixels = std::size_t{modality.rows} * modality.columns;
    if (modality.kind == ModalityKind::kImage && value.pixels.size() != pixels) {
      return absl::InvalidArgumentError(absl::StrCat("modality \"", modality.name, "\" has ",
                                                     pixels, " pixels, got ", value.pixels.size()));
    }
  }
  return absl::OkStatus();
}

absl::Status Plan::Check(const Target& target) const {
  const HeadSpec& head = spec_.heads[0];
  if (head.classes > 0 && target.symbol >= head.classes) {
    return absl::InvalidArgumentError(absl::StrCat("head \"", head.name, "\" has ", head.classes,
                                                   " classes, got class ", target.symbol));
  }
  if (target.reals.size() != head.outputs) {
    return absl::InvalidArgumentError(absl::StrCat("head \"", head.name, "\" has ", head.outputs,
                                                   " outputs, got ", target.reals.size()));
  }
  for (const float real : target.reals) {
    if (!(std::abs(real) <= kLargestReal)) {
      return absl::InvalidArgumentError(
          absl::StrCat("a target is ", real, ": the limit is ", kLargestReal));
    }
  }
  return absl::OkStatus();
}

}  // namespace gyrus
