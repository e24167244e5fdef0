// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <numeric>
#include <vector>

#include "activation/brain_spec.h"
#include "core/rng.h"
#include "tests/support/plan_run.h"

// What the tests of ridge and Kalman heads share.
namespace gyrus::test {

using Doubles = std::vector<double>;

inline constexpr std::size_t kFeatures = 6;

inline BrainSpec BrainOf(const HeadSpec& head) {
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = kFeatures},
                     {.name = "last", .kind = ModalityKind::kReals, .size = 2}};
  spec.encoders = {{"row", "row", HeldEncoderSpec{}}, {"last", "last", HeldEncoderSpec{}}};
  AreaSpec places = {.name = "places", .inputs = {"row"}, .outputs = 3, .regions = 3, .woken = 1};
  places.router = AnchorRouterSpec{.threshold = 0.5F, .temperature = 0, .settle_after = 0};
  places.cell = SubsetCellSpec{};
  spec.areas = {places};
  spec.heads = {head};
  return spec;
}

struct Sample {
  std::vector<float> x;
  std::vector<float> y;
};

inline std::vector<Sample> Samples(std::size_t count) {
  Rng rng(7);
  std::vector<float> w(2 * kFeatures);
  for (float& value : w) value = rng.Normal();
  std::vector<Sample> samples(count);
  for (Sample& sample : samples) {
    for (std::size_t j = 0; j < kFeatures; ++j) sample.x.push_back(rng.Normal());
    for (std::size_t o = 0; o < 2; ++o) {
      sample.y.push_back(std::inner_product(sample.x.begin(), sample.x.end(),
                                            w.begin() + o * kFeatures, 0.3F * rng.Normal()));
    }
  }
  return samples;
}

inline std::vector<Value> ValuesOf(const Sample& sample) {
  return {{.present = true, .reals = sample.x}, {}};
}

inline void LearnAll(PlanRun* run, const std::vector<Sample>& samples) {
  for (const Sample& sample : samples) {
    run->Forward(ValuesOf(sample));
    run->Learn(ValuesOf(sample), {.reals = sample.y});
  }
}

inline std::vector<float> Predict(PlanRun* run, const Sample& sample) {
  std::vector<float> mean(2);
  Prediction prediction;
  prediction.mean = mean;
  run->Forward(ValuesOf(sample));
  run->Predict(Want::Kind::kReals, &prediction);
  return mean;
}

}  // namespace gyrus::test
