// SPDX-License-Identifier: Apache-2.0
#include "learner/sample_codec.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace gyrus {
namespace {

constexpr float kMu = 255.0F;
constexpr int kMissing = -128;

int CodeOf(float x, float mean, float deviation) {
  if (std::isnan(x)) return kMissing;
  const float z = (x - mean) / deviation;
  const float size = std::min(std::abs(z), SampleCodec::kReach) / SampleCodec::kReach;
  const float code = 127.0F * std::log1p(kMu * size) / std::log1p(kMu);
  return static_cast<int>(std::lround(std::copysign(code, z)));
}

}  // namespace

SampleCodec::SampleCodec(const BrainSpec& spec)
    : modalities_(&spec.modalities), values_(spec.modalities.size()) {
  z_[0] = std::numeric_limits<float>::quiet_NaN();
  for (int code = -127; code <= 127; ++code) {
    const double size = std::expm1(std::abs(code) / 127.0 * std::log1p(double{kMu})) / kMu;
    z_[static_cast<std::size_t>(code + 128)] =
        static_cast<float>(std::copysign(kReach * size, static_cast<double>(code)));
  }
  std::size_t reals = 0;
  std::size_t pixels = 0;
  for (const ModalitySpec& modality : spec.modalities) {
    if (modality.kind == ModalityKind::kReals) reals += modality.size;
    if (modality.kind == ModalityKind::kImage) {
      pixels += std::size_t{modality.rows} * modality.columns;
    }
  }
  reals_.resize(reals);
  pixels_.resize(pixels);
}

void SampleCodec::Encode(const Observation& observation, const SampleScales& scales,
                         std::span<std::byte> sample) const noexcept {
  std::byte* to = sample.data();
  std::size_t real = 0;
  for (std::size_t m = 0; m < modalities_->size(); ++m) {
    const ModalitySpec& modality = (*modalities_)[m];
    const Value& value = observation.values[m];
    *to++ = std::byte{value.present};
    if (modality.kind == ModalityKind::kSymbol) {
      *to++ = static_cast<std::byte>(value.symbol);
    } else if (modality.kind == ModalityKind::kImage) {
      const std::size_t pixels = std::size_t{modality.rows} * modality.columns;
      if (value.present) std::memcpy(to, value.pixels.data(), pixels);
      to += pixels;
    } else {
      for (std::size_t i = 0; i < modality.size; ++i, ++real) {
        const float x = value.present ? value.reals[i] : 0.0F;
        *to++ = static_cast<std::byte>(CodeOf(x, scales.mean[real], scales.deviation[real]));
      }
    }
  }
}

Observation SampleCodec::Decode(std::span<const std::byte> sample,
                                const SampleScales& scales) noexcept {
  const std::byte* from = sample.data();
  std::size_t real = 0;
  uint8_t* image = pixels_.data();
  for (std::size_t m = 0; m < modalities_->size(); ++m) {
    const ModalitySpec& modality = (*modalities_)[m];
    Value& value = values_[m];
    value = {.present = *from++ != std::byte{0}};
    if (modality.kind == ModalityKind::kSymbol) {
      value.symbol = static_cast<uint32_t>(*from++);
    } else if (modality.kind == ModalityKind::kImage) {
      const std::size_t pixels = std::size_t{modality.rows} * modality.columns;
      std::memcpy(image, from, pixels);
      value.pixels = {image, pixels};
      image += pixels;
      from += pixels;
    } else {
      float* const first = reals_.data() + real;
      for (std::size_t i = 0; i < modality.size; ++i, ++real) {
        // The code as stored, biased: -128 comes first.
        const auto place = static_cast<std::size_t>(*from++ ^ std::byte{0x80});
        reals_[real] = scales.mean[real] + scales.deviation[real] * z_[place];
      }
      value.reals = {first, modality.size};
    }
  }
  return {.values = values_};
}

}  // namespace gyrus
