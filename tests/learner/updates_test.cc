// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "activation/factories.h"
#include "activation/tensor.h"
#include "core/kernels/dispatch.h"
#include "core/rng.h"
#include "learner/chunk_updates.h"
#include "learner/gradient_recorder.h"
#include "learner/region_updates.h"
#include "learner/rmsprop.h"
#include "learner/sgd.h"
#include "tests/support/no_alloc.h"

namespace gyrus {
namespace {

using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

constexpr uint32_t kRows = 6;
constexpr uint32_t kColumns = 9;

BlockLayout Layout() {
  return *BlockLayout::Create(
      {{.name = "w", .rows = kRows, .columns = kColumns}, {.name = "bias", .columns = kRows}});
}

struct alignas(64) Line {
  std::byte bytes[64];
};

// A block of weights, its accumulators, and gradients to learn from.
class UpdatesTest : public testing::Test {
 protected:
  struct Pair {
    std::vector<float> a = std::vector<float>(kRows);
    std::vector<float> b = std::vector<float>(kColumns);
  };

  UpdatesTest() {
    kernels::Warmup();
    Rng rng(5);
    for (float& value : FloatsOf(layout_, 0, weights())) value = rng.Normal();
    for (Pair& pair : pairs_) {
      for (float& value : pair.a) value = rng.Normal();
      for (float& value : pair.b) value = rng.Normal();
    }
  }

  std::byte* weights() { return weights_.data()->bytes; }
  std::byte* accumulators() { return accumulators_.data()->bytes; }
  std::vector<float> W() {
    const std::span<const float> w = FloatsOf(layout_, 0, weights());
    return {w.begin(), w.end()};
  }

  // Learns from the first `count` pairs in one chunk and returns what went back through W.
  std::vector<float> Learn(RegionUpdates* updates, std::size_t count) {
    std::vector<float> backprop(kColumns);
    updates->Begin({weights(), accumulators()});
    for (std::size_t p = 0; p < count; ++p) {
      updates->Outer(0, pairs_[p].a, pairs_[p].b, backprop);
      updates->Vector(1, pairs_[p].a);
    }
    updates->End();
    return backprop;
  }

  // The dense gradient of the first `count` pairs, (rows, columns).
  std::vector<double> Dense(std::size_t count) {
    GradientRecorder recorder(layout_);
    for (std::size_t p = 0; p < count; ++p) recorder.Outer(0, pairs_[p].a, pairs_[p].b, {});
    return {recorder.gradient(0).begin(), recorder.gradient(0).end()};
  }

  BlockLayout layout_ = Layout();
  BlockLayout accumulated_ = *AccumulatorLayout(layout_);
  std::vector<Line> weights_ = std::vector<Line>(layout_.block_bytes() / 64);
  std::vector<Line> accumulators_ = std::vector<Line>(accumulated_.block_bytes() / 64);
  std::vector<Pair> pairs_ = std::vector<Pair>(5);
};

TEST_F(UpdatesTest, AccumulatorsAreOnePerRowAndForTheLearnerOnly) {
  EXPECT_EQ(accumulated_.reader(), TensorReader::kLearner);
  ASSERT_EQ(accumulated_.tensors().size(), 3U);
  EXPECT_EQ(accumulated_.tensors()[0].columns, kRows);
  EXPECT_EQ(accumulated_.tensors()[1].columns, 1U);
  for (const TensorSpec& tensor : accumulated_.tensors()) EXPECT_EQ(tensor.merge, Merge::kNever);
}

TEST_F(UpdatesTest, SgdStepsDownTheGradient) {
  const std::vector<float> before = W();
  const std::vector<double> gradient = Dense(1);
  SgdUpdates updates(layout_, 0.1F);
  Learn(&updates, 1);
  const std::vector<float> after = W();
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_NEAR(after[i], before[i] - 0.1 * gradient[i], 1e-6);
  }
  for (std::size_t i = 0; i < kRows; ++i) {
    EXPECT_FLOAT_EQ(FloatsOf(layout_, 1, weights())[i], -0.1F * pairs_[0].a[i]);
  }
}

TEST_F(UpdatesTest, ARateFactorIsThatMuchMoreRate) {
  for (const Optimiser optimiser : {Optimiser::kSgd, Optimiser::kRmsprop}) {
    for (const bool bounded : {false, true}) {
      AreaLearningSpec spec{.optimiser = optimiser, .rate = 0.0625F, .bounded = bounded};
      std::vector<float> after[2];
      const std::vector<Line> before = weights_;
      for (const bool by_factor : {false, true}) {
        weights_ = before;
        std::fill(accumulators_.begin(), accumulators_.end(), Line{});
        spec.rate = by_factor ? 0.0625F : 0.25F;
        std::unique_ptr<RegionUpdates> updates;
        if (bounded) {
          updates = std::make_unique<ChunkUpdates>(layout_, spec, 1);
        } else if (optimiser == Optimiser::kSgd) {
          updates = std::make_unique<SgdUpdates>(layout_, spec.rate);
        } else {
          updates = std::make_unique<RmspropUpdates>(layout_, spec);
        }
        if (by_factor) updates->set_rate_factor(4);
        Learn(updates.get(), 1);
        after[by_factor ? 1 : 0] = W();
      }
      // Powers of two: exact.
      EXPECT_EQ(after[0], after[1]);
      weights_ = before;
    }
  }
}

TEST_F(UpdatesTest, ErrorsGoBackThroughTheWeightsAsTheyWere) {
  const std::vector<float> before = W();
  std::vector<double> expected(kColumns);
  for (std::size_t p = 0; p < 3; ++p) {
    for (std::size_t i = 0; i < kRows; ++i) {
      for (std::size_t j = 0; j < kColumns; ++j) {
        expected[j] += double{pairs_[p].a[i]} * before[i * kColumns + j];
      }
    }
  }
  AreaLearningSpec spec;
  spec.rate = 0.5F;
  ChunkUpdates updates(layout_, spec, 3);
  const std::vector<float> backprop = Learn(&updates, 3);
  for (std::size_t j = 0; j < kColumns; ++j) EXPECT_NEAR(backprop[j], expected[j], 1e-5);
}

TEST_F(UpdatesTest, AChunkIsOneStepOfTheSummedGradient) {
  const std::vector<float> before = W();
  const std::vector<double> gradient = Dense(5);
  AreaLearningSpec spec;
  spec.optimiser = Optimiser::kSgd;
  spec.rate = 0.1F;
  ChunkUpdates updates(layout_, spec, 5);
  Learn(&updates, 5);
  const std::vector<float> after = W();
  for (std::size_t i = 0; i < after.size(); ++i) {
    EXPECT_NEAR(after[i], before[i] - 0.1 * gradient[i], 2e-6);
  }
}

TEST_F(UpdatesTest, RmspropDividesARowByItsRunningSize) {
  AreaLearningSpec spec;
  spec.rate = 0.01F;
  spec.beta = 0.9F;
  ChunkUpdates updates(layout_, spec, 5);
  std::vector<double> w;
  for (const float value : W()) w.push_back(value);
  std::vector<double> v(kRows);
  for (int step = 1; step <= 4; ++step) {
    const std::size_t count = static_cast<std::size_t>(step);
    const std::vector<double> g = Dense(count);
    for (std::size_t i = 0; i < kRows; ++i) {
      double mean = 0.0;
      for (std::size_t j = 0; j < kColumns; ++j) {
        mean += g[i * kColumns + j] * g[i * kColumns + j] / kColumns;
      }
      v[i] = 0.9 * v[i] + 0.1 * mean;
      const double rate = 0.01 / (std::sqrt(v[i] / (1.0 - std::pow(0.9, step))) + 1e-8);
      for (std::size_t j = 0; j < kColumns; ++j) w[i * kColumns + j] -= rate * g[i * kColumns + j];
    }
    Learn(&updates, count);
  }
  const std::vector<float> after = W();
  for (std::size_t i = 0; i < after.size(); ++i) EXPECT_NEAR(after[i], w[i], 2e-6);
}

TEST_F(UpdatesTest, AtOnceAndInAChunkOfOneAgree) {
  const AreaLearningSpec spec;
  const std::vector<Line> start = weights_;
  RmspropUpdates at_once(layout_, spec);
  for (int i = 0; i < 3; ++i) Learn(&at_once, 1);
  const std::vector<float> expected = W();

  weights_ = start;
  accumulators_.assign(accumulators_.size(), Line{});
  ChunkUpdates chunked(layout_, spec, 1);
  for (int i = 0; i < 3; ++i) Learn(&chunked, 1);
  EXPECT_THAT(W(), Pointwise(FloatNear(1e-6F), expected));
}

// The loss of a layer over a chunk, |y - target|^2 / 2 summed, with targets such that the first
// gradient is a; after the step the residual must still lie on the side where it began.
TEST_F(UpdatesTest, ABoundedStepPassesNoTarget) {
  for (const Optimiser optimiser : {Optimiser::kSgd, Optimiser::kRmsprop}) {
    AreaLearningSpec spec;
    spec.optimiser = optimiser;
    spec.rate = 100.0F;
    spec.bounded = true;
    const std::vector<float> before = W();
    ChunkUpdates updates(layout_, spec, 5);
    Learn(&updates, 1);
    const std::vector<float> after = W();
    for (std::size_t i = 0; i < kRows; ++i) {
      double moved = 0.0;
      for (std::size_t j = 0; j < kColumns; ++j) {
        moved += (double{after[i * kColumns + j]} - before[i * kColumns + j]) * pairs_[0].b[j];
      }
      // With one pair and a rate above the bound the step meets the target exactly.
      EXPECT_NEAR(moved, -pairs_[0].a[i], 1e-5);
    }
  }
}

TEST_F(UpdatesTest, ABoundedChunkNeverRaisesTheLoss) {
  AreaLearningSpec spec;
  spec.optimiser = Optimiser::kSgd;
  spec.rate = 100.0F;
  spec.bounded = true;
  const std::vector<float> before = W();
  ChunkUpdates updates(layout_, spec, 5);
  Learn(&updates, 5);
  const std::vector<float> after = W();
  double loss_before = 0.0;
  double loss_after = 0.0;
  for (const Pair& pair : pairs_) {
    for (std::size_t i = 0; i < kRows; ++i) {
      double residual = pair.a[i];
      loss_before += residual * residual;
      for (std::size_t j = 0; j < kColumns; ++j) {
        residual += (double{after[i * kColumns + j]} - before[i * kColumns + j]) * pair.b[j];
      }
      loss_after += residual * residual;
    }
  }
  EXPECT_LT(loss_after, loss_before);
}

TEST_F(UpdatesTest, RefusesWhatIsNotFinite) {
  AreaLearningSpec spec;
  ChunkUpdates chunk(layout_, spec, 5);
  RmspropUpdates rmsprop(layout_, spec);
  SgdUpdates sgd(layout_, 0.1F);
  const std::vector<float> before = W();
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30F}) {
    pairs_[0].a[2] = bad;
    pairs_[0].b[1] = 1e10F;
    for (RegionUpdates* updates :
         {static_cast<RegionUpdates*>(&chunk), static_cast<RegionUpdates*>(&rmsprop),
          static_cast<RegionUpdates*>(&sgd)}) {
      std::vector<float> backprop(kColumns, 1.0F);
      updates->Begin({weights(), accumulators()});
      updates->Outer(0, pairs_[0].a, pairs_[0].b, backprop);
      updates->End();
      EXPECT_EQ(backprop, std::vector<float>(kColumns, 1.0F));
    }
  }
  EXPECT_EQ(W(), before);
  EXPECT_EQ(chunk.refused(), 3);
  EXPECT_EQ(rmsprop.refused(), 3);
  EXPECT_EQ(sgd.refused(), 3);
}

TEST_F(UpdatesTest, LearnWithoutAllocation) {
  const AreaLearningSpec spec;
  ChunkUpdates chunk(layout_, spec, 5);
  RmspropUpdates rmsprop(layout_, spec);
  SgdUpdates sgd(layout_, 0.1F);
  const test::NoAllocScope scope;
  for (RegionUpdates* updates :
       {static_cast<RegionUpdates*>(&chunk), static_cast<RegionUpdates*>(&rmsprop),
        static_cast<RegionUpdates*>(&sgd)}) {
    updates->Begin({weights(), accumulators()});
    updates->Outer(0, pairs_[0].a, pairs_[0].b, {});
    updates->Vector(1, pairs_[0].a);
    updates->End();
  }
  EXPECT_EQ(scope.count(), 0);
}

TEST(MakeRegionUpdatesTest, ChoosesByChunkTraceAndBound) {
  AreaSpec area;
  area.cell = McsdCellSpec{.units = 8, .channels = 2};
  const std::unique_ptr<Cell> cell = *MakeCell(area, 4);
  AreaLearningSpec spec;
  const auto is_chunk = [&] {
    const std::unique_ptr<RegionUpdates> made = *MakeRegionUpdates(spec, *cell);
    return dynamic_cast<ChunkUpdates*>(made.get()) != nullptr;
  };
  EXPECT_FALSE(is_chunk());
  spec.optimiser = Optimiser::kSgd;
  EXPECT_FALSE(is_chunk());
  spec.chunk = 2;
  EXPECT_TRUE(is_chunk());
  spec = {};
  spec.trace = Trace::kFactored;
  EXPECT_TRUE(is_chunk());
  spec = {};
  spec.bounded = true;
  EXPECT_TRUE(is_chunk());
}

TEST(MakeRegionUpdatesTest, RefusesNumbersOutOfRange) {
  const std::unique_ptr<Cell> cell = *MakeCell(
      [] {
        AreaSpec area;
        area.cell = GluCellSpec{};
        return area;
      }(),
      4);
  const auto message = [&](float rate, float beta, uint32_t chunk) {
    AreaLearningSpec spec;
    spec.rate = rate;
    spec.beta = beta;
    spec.chunk = chunk;
    return std::string(MakeRegionUpdates(spec, *cell).status().message());
  };
  EXPECT_THAT(message(0.0F, 0.9F, 1), HasSubstr("learning.rate must be above 0"));
  EXPECT_THAT(message(NAN, 0.9F, 1), HasSubstr("learning.rate"));
  EXPECT_THAT(message(0.1F, 1.0F, 1), HasSubstr("learning.beta must be in [0, 1), got 1"));
  EXPECT_THAT(message(0.1F, 0.9F, 257), HasSubstr("learning.chunk must be in [1, 256], got 257"));
}

}  // namespace
}  // namespace gyrus
