// SPDX-License-Identifier: Apache-2.0
#include "learner/event_copy.h"

#include <algorithm>
#include <cstddef>

namespace gyrus {

EventCopy::EventCopy(const BrainSpec& spec)
    : modalities_(&spec.modalities), values_(spec.modalities.size()) {
  std::size_t reals = 0;
  std::size_t pixels = 0;
  for (const ModalitySpec& modality : spec.modalities) {
    if (modality.kind == ModalityKind::kReals) reals += modality.size;
    if (modality.kind == ModalityKind::kImage) {
      pixels += std::size_t{modality.rows} * modality.columns;
    }
  }
  std::size_t outputs = 0;
  for (const HeadSpec& head : spec.heads) outputs = std::max<std::size_t>(outputs, head.outputs);
  reals_.resize(reals);
  pixels_.resize(pixels);
  target_.resize(outputs);
}

Observation EventCopy::Take(const Observation& observation) noexcept {
  float* reals = reals_.data();
  uint8_t* pixels = pixels_.data();
  for (std::size_t m = 0; m < values_.size(); ++m) {
    const Value& from = observation.values[m];
    Value& to = values_[m];
    to = {.present = from.present, .symbol = from.symbol};
    if (!from.present) continue;
    // By kind: the spans that a modality does not use are unchecked.
    if ((*modalities_)[m].kind == ModalityKind::kReals) {
      to.reals = {reals, from.reals.size()};
      reals = std::copy(from.reals.begin(), from.reals.end(), reals);
    } else if ((*modalities_)[m].kind == ModalityKind::kImage) {
      to.pixels = {pixels, from.pixels.size()};
      pixels = std::copy(from.pixels.begin(), from.pixels.end(), pixels);
    }
  }
  return {.time = observation.time, .values = values_};
}

Target EventCopy::Take(const Target& target) noexcept {
  std::copy(target.reals.begin(), target.reals.end(), target_.begin());
  return {.symbol = target.symbol, .reals = std::span(target_).first(target.reals.size())};
}

}  // namespace gyrus
