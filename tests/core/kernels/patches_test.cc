// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/patches.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "core/kernels/reference.h"
#include "tests/core/kernels/every_isa.h"

namespace gyrus::kernels {
namespace {

using test::Guarded;
using test::kEps;

// Patches of unit length whose elements sum to 0.
std::vector<float> RandomTaps(const PatchBank& bank, uint64_t seed) {
  const std::size_t taps = bank.patch_size * bank.patch_size;
  const std::size_t stride = PatchStride(bank.patches);
  std::vector<float> result(taps * stride);
  Rng rng(seed);
  for (std::size_t k = 0; k < bank.patches; ++k) {
    float sum = 0.0F;
    for (std::size_t t = 0; t < taps; ++t) sum += result[t * stride + k] = rng.Normal();
    float squares = 1e-6F;
    for (std::size_t t = 0; t < taps; ++t) {
      float& d = result[t * stride + k];
      d -= sum / static_cast<float>(taps);
      squares += d * d;
    }
    for (std::size_t t = 0; t < taps; ++t) result[t * stride + k] /= std::sqrt(squares);
  }
  return result;
}

// Half of it blank, so that whole cells are.
std::vector<uint8_t> RandomImage(const PatchBank& bank, uint64_t seed) {
  std::vector<uint8_t> pixels(bank.rows * bank.columns, 255);
  Rng rng(seed);
  for (std::size_t i = pixels.size() / 2; i < pixels.size(); ++i) {
    pixels[i] = static_cast<uint8_t>(rng.Below(256));
  }
  return pixels;
}

class PatchesTest : public test::EveryIsaTest {
 protected:
  static std::size_t patches() { return 1 + size() % 100; }
};

TEST_P(PatchesTest, PoolPatchesStaysWithinItsBoundAndItsSpan) {
  constexpr PatchBank kBanks[] = {
      {.rows = 9, .columns = 13, .patch_size = 5, .grid = 4, .threshold = 0.15F, .epsilon = 0.003F},
      {.rows = 8, .columns = 7, .patch_size = 7, .grid = 1, .epsilon = 1e-6F},
      {.rows = 21, .columns = 17, .patch_size = 16, .grid = 2, .threshold = 0.1F, .epsilon = 1.0F},
      {.rows = 3, .columns = 50, .patch_size = 2, .grid = 2, .threshold = 0.5F, .epsilon = 0.1F},
      {.rows = 1, .columns = 1, .patch_size = 1, .grid = 1, .epsilon = 0.1F}};
  for (PatchBank bank : kBanks) {
    bank.patches = patches();
    const std::vector<float> taps = RandomTaps(bank, 1);
    const std::vector<uint8_t> pixels = RandomImage(bank, 2);
    Guarded scratch(std::vector<float>(PatchScratch(bank.rows, bank.columns), NAN));
    Guarded pooled(std::vector<float>(bank.grid * bank.grid * bank.patches, 7.0F));

    PoolPatches(bank, taps, pixels, scratch.span(), pooled.span());

    reference::Vector sizes;
    const reference::Vector exact = reference::PoolPatches(bank, taps, pixels, &sizes);
    const std::size_t terms = bank.patch_size * bank.patch_size + bank.rows * bank.columns + 12;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const double mean = static_cast<double>(pooled.span()[i]) * pooled.span()[i];
      EXPECT_NEAR(mean, exact[i], static_cast<double>(terms) * kEps * (1.0 + sizes[i]))
          << "output " << i << " of patches of size " << bank.patch_size;
    }
    EXPECT_TRUE(scratch.guards_intact());
    EXPECT_TRUE(pooled.guards_intact());
  }
}

TEST_P(PatchesTest, AFlatImageRespondsWithExactlyZero) {
  const PatchBank bank = {.rows = 28,
                          .columns = 28,
                          .patch_size = 7,
                          .patches = patches(),
                          .grid = 3,
                          .epsilon = 1e-6F};
  const std::vector<uint8_t> pixels(28 * 28, 201);
  std::vector<float> scratch(PatchScratch(28, 28));
  std::vector<float> pooled(9 * bank.patches, 7.0F);

  PoolPatches(bank, RandomTaps(bank, 1), pixels, scratch, pooled);

  for (const float value : pooled) EXPECT_EQ(value, 0.0F);
}

GYRUS_INSTANTIATE_EVERY_ISA(PatchesTest);

}  // namespace
}  // namespace gyrus::kernels
