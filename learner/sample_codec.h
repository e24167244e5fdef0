// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "activation/brain_spec.h"
#include "activation/observation.h"

namespace gyrus {

// The scale of each real of an observation, over all modalities in their order: (reals,).
struct SampleScales {
  std::span<const float> mean;
  std::span<const float> deviation;  // > 0.
};

// An observation as few bytes: pixels and symbols as they are, a real in one, by the mu-law
// (ITU-T G.711, with mu = 255) of its distance from the mean in deviations, z:
//
//   code = round(127 sign(z) ln(1 + 255 min(|z|, 64) / 64) / ln 256),  -128: missing
//
// so that what is common is kept finely and what once was far off still has room.
// Error: (|z| + 0.26) 0.0225 deviations for |z| <= 64.
//
// Thread-compatible. Real-time safe but its creation. What Decode returns lies here and holds until
// the next Decode.
class SampleCodec {
 public:
  static constexpr float kReach = 64.0F;  // In deviations.

  // `spec` must outlive it.
  explicit SampleCodec(const BrainSpec& spec);

  // Shapes: `sample` (sample_bytes,) as activation/replay_tables.h says. Requires: Plan::Check.
  void Encode(const Observation& observation, const SampleScales& scales,
              std::span<std::byte> sample) const noexcept;
  Observation Decode(std::span<const std::byte> sample, const SampleScales& scales) noexcept;

  // What it holds beyond itself.
  std::size_t bytes() const {
    return values_.size() * sizeof(Value) + reals_.size() * sizeof(float) + pixels_.size();
  }

 private:
  const std::vector<ModalitySpec>* modalities_;
  std::array<float, 256> z_;  // By code + 128.
  std::vector<Value> values_;
  std::vector<float> reals_;
  std::vector<uint8_t> pixels_;
};

}  // namespace gyrus
