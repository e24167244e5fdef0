// SPDX-License-Identifier: Apache-2.0
#include "learner/sample_codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/rng.h"
#include "tests/support/no_alloc.h"

namespace gyrus {
namespace {

BrainSpec Senses() {
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = 500},
                     {.name = "letter", .kind = ModalityKind::kSymbol, .size = 256},
                     {.name = "eye", .kind = ModalityKind::kImage, .rows = 3, .columns = 5},
                     {.name = "more", .kind = ModalityKind::kReals, .size = 2}};
  return spec;
}

// One observation of Senses() and its scales.
struct Sample {
  std::vector<float> row = std::vector<float>(500);
  std::vector<float> more = {3.0F, -2.0F};
  std::vector<uint8_t> pixels = std::vector<uint8_t>(15);
  std::vector<float> mean = std::vector<float>(502);
  std::vector<float> deviation = std::vector<float>(502);
  std::vector<std::byte> bytes = std::vector<std::byte>(1 + 500 + 2 + 1 + 15 + 1 + 2);

  Sample() {
    Rng rng(3);
    for (std::size_t i = 0; i < 502; ++i) {
      mean[i] = 100.0F * rng.Normal();
      deviation[i] = std::exp(4.0F * rng.Normal());
    }
    // From well within a deviation to beyond the codec's reach.
    for (std::size_t i = 0; i < 500; ++i) {
      row[i] = mean[i] + deviation[i] * std::exp(2.0F * rng.Normal()) * (i % 2 == 0 ? 1.0F : -1.0F);
    }
    for (uint8_t& pixel : pixels) pixel = static_cast<uint8_t>(rng.Below(256));
  }

  std::vector<Value> Values() const {
    return {{.present = true, .reals = row},
            {.present = true, .symbol = 255},
            {.present = true, .pixels = pixels},
            {.present = true, .reals = more}};
  }
  SampleScales Scales() const { return {mean, deviation}; }
};

TEST(SampleCodecTest, GivesRealsBackWithinItsError) {
  const BrainSpec spec = Senses();
  Sample sample;
  SampleCodec codec(spec);
  codec.Encode({.values = sample.Values()}, sample.Scales(), sample.bytes);
  const Observation back = codec.Decode(sample.bytes, sample.Scales());
  int within = 0;
  for (std::size_t i = 0; i < 500; ++i) {
    const double z = (double{sample.row[i]} - sample.mean[i]) / sample.deviation[i];
    const double decoded = (double{back.values[0].reals[i]} - sample.mean[i]) / sample.deviation[i];
    const double kept = std::copysign(std::min(std::abs(z), 64.0), z);
    // Beside the code's error that of the mean's rounding.
    const double rounding = 2e-7 * std::abs(sample.mean[i]) / sample.deviation[i];
    EXPECT_NEAR(decoded, kept, (std::abs(kept) + 0.26) * 0.0225 + rounding) << "z " << z;
    within += std::abs(z) < 64 ? 1 : 0;
  }
  EXPECT_GT(within, 450);
}

TEST(SampleCodecTest, GivesPixelsAndSymbolsBackAsTheyWere) {
  const BrainSpec spec = Senses();
  Sample sample;
  SampleCodec codec(spec);
  codec.Encode({.values = sample.Values()}, sample.Scales(), sample.bytes);
  const Observation back = codec.Decode(sample.bytes, sample.Scales());
  EXPECT_EQ(back.values[1].symbol, 255U);
  EXPECT_EQ(std::vector<uint8_t>(back.values[2].pixels.begin(), back.values[2].pixels.end()),
            sample.pixels);
}

TEST(SampleCodecTest, KeepsWhatIsMissingMissing) {
  const BrainSpec spec = Senses();
  Sample sample;
  sample.row[7] = std::numeric_limits<float>::quiet_NaN();
  std::vector<Value> values = sample.Values();
  values[2] = {};
  values[3] = {};
  SampleCodec codec(spec);
  codec.Encode({.values = values}, sample.Scales(), sample.bytes);
  const Observation back = codec.Decode(sample.bytes, sample.Scales());
  EXPECT_TRUE(std::isnan(back.values[0].reals[7]));
  EXPECT_FALSE(std::isnan(back.values[0].reals[8]));
  EXPECT_TRUE(back.values[0].present);
  EXPECT_FALSE(back.values[2].present);
  EXPECT_FALSE(back.values[3].present);
}

TEST(SampleCodecTest, AllocatesNothing) {
  const BrainSpec spec = Senses();
  Sample sample;
  SampleCodec codec(spec);
  const std::vector<Value> values = sample.Values();
  const test::NoAllocScope scope;
  codec.Encode({.values = values}, sample.Scales(), sample.bytes);
  codec.Decode(sample.bytes, sample.Scales());
  EXPECT_EQ(scope.count(), 0);
}

}  // namespace
}  // namespace gyrus
