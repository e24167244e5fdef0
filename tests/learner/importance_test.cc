// SPDX-License-Identifier: Apache-2.0
#include "learner/importance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "activation/accumulators.h"
#include "activation/factories.h"
#include "activation/tensor.h"
#include "core/kernels/dispatch.h"
#include "core/rng.h"
#include "learner/chunk_updates.h"
#include "learner/learner.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::StatusIs;
using testing::HasSubstr;

constexpr uint32_t kRows = 5;
constexpr uint32_t kColumns = 7;
constexpr std::size_t kSize = kRows * kColumns;
constexpr double kRate = 0.05;

struct alignas(64) Line {
  std::byte bytes[64];
};

// What learner/importance.h says, plainly, in double precision, for one tensor.
class Reference {
 public:
  Reference(const ImportanceSpec& spec, std::vector<double> w)
      : spec_(spec), w_(std::move(w)), anchor_(w_), omega_(kSize), collected_(kSize) {}

  void Update(const std::vector<double>& g, const std::vector<double>& sensitivity) {
    for (std::size_t j = 0; j < kSize; ++j) {
      if (spec_.kind == ImportanceKind::kMas) collected_[j] += std::abs(sensitivity[j]);
      // A row without a gradient is left out.
      const double* const row = g.data() + j / kColumns * kColumns;
      if (std::all_of(row, row + kColumns, [](double x) { return x == 0; })) continue;
      const double s = kRate * spec_.strength;
      const double after =
          (w_[j] - kRate * g[j] + s * omega_[j] * anchor_[j]) / (1 + s * omega_[j]);
      if (spec_.kind == ImportanceKind::kEwc) collected_[j] += g[j] * g[j];
      if (spec_.kind == ImportanceKind::kSi) collected_[j] -= g[j] * (after - w_[j]);
      w_[j] = after;
    }
    if (++updates_ % spec_.every != 0) return;
    for (std::size_t j = 0; j < kSize; ++j) {
      const double way = w_[j] - anchor_[j];
      const double fresh = spec_.kind == ImportanceKind::kSi
                               ? std::max(0.0, collected_[j]) / (way * way + 1e-3)
                               : collected_[j] / spec_.every;
      omega_[j] = spec_.decay * omega_[j] + fresh;
      anchor_[j] = w_[j];
      collected_[j] = 0;
    }
  }

  const std::vector<double>& w() const { return w_; }

 private:
  ImportanceSpec spec_;
  std::vector<double> w_, anchor_, omega_, collected_;
  uint32_t updates_ = 0;
};

class ImportanceTest : public testing::TestWithParam<ImportanceKind> {
 protected:
  ImportanceTest() { kernels::Warmup(); }

  // Runs `updates` updates of a few pairs each and returns the largest difference from the
  // reference on the way.
  double LargestDifference(uint32_t updates, uint32_t pairs) {
    AreaLearningSpec spec;
    spec.optimiser = Optimiser::kSgd;
    spec.rate = static_cast<float>(kRate);
    spec.importance = {.kind = GetParam(), .strength = 20.0F, .decay = 0.8F, .every = 6};
    const BlockLayout layout =
        *BlockLayout::Create({{.name = "w", .rows = kRows, .columns = kColumns}});
    const BlockLayout important = *ImportanceLayout(layout);
    std::vector<Line> weights(layout.block_bytes() / 64);
    std::vector<Line> importance(important.block_bytes() / 64);
    const RegionBlocks blocks = {.weights = weights.data()->bytes,
                                 .importance = importance.data()->bytes};
    Rng rng(3);
    const std::span<float> w = FloatsOf(layout, 0, blocks.weights);
    for (float& x : w) x = rng.Normal();
    Reference reference(spec.importance, {w.begin(), w.end()});
    ChunkUpdates learn(layout, spec, pairs);
    double largest = 0;
    for (uint32_t u = 0; u < updates; ++u) {
      std::vector<double> sensitivity;
      if (GetParam() == ImportanceKind::kMas) {
        sensitivity = Gradient(1, blocks, &learn, &rng);
        learn.EndSensing();
      }
      const std::vector<double> gradient = Gradient(pairs, blocks, &learn, &rng);
      learn.End();
      reference.Update(gradient, sensitivity);
      for (std::size_t j = 0; j < kSize; ++j) {
        largest = std::max(largest, std::abs(w[j] - reference.w()[j]));
      }
    }
    return largest;
  }

 private:
  // Hands `pairs` random pairs over, one row silent in turn, and returns their summed product.
  static std::vector<double> Gradient(uint32_t pairs, const RegionBlocks& blocks,
                                      ChunkUpdates* learn, Rng* rng) {
    std::vector<double> gradient(kSize);
    learn->Begin(blocks);
    const std::size_t silent = rng->Below(kRows);
    for (uint32_t p = 0; p < pairs; ++p) {
      std::array<float, kRows> a;
      std::array<float, kColumns> b;
      for (float& x : a) x = rng->Normal();
      for (float& x : b) x = rng->Normal();
      a[silent] = 0.0F;
      learn->Outer(0, a, b, {});
      for (std::size_t j = 0; j < kSize; ++j) {
        gradient[j] += double{a[j / kColumns]} * b[j % kColumns];
      }
    }
    return gradient;
  }
};

TEST_P(ImportanceTest, AgreesWithItsReference) {
  const bool mas = GetParam() == ImportanceKind::kMas;
  EXPECT_LT(LargestDifference(50, 1), 2e-5);
  if (!mas) {
    EXPECT_LT(LargestDifference(50, 3), 2e-5);
  }
}

// A dense area under a softmax head.
BrainSpec Brain(const ImportanceSpec& importance, uint32_t areas = 1) {
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = 4}};
  spec.encoders = {{"row", "row", HeldEncoderSpec{}}};
  for (uint32_t a = 0; a < areas; ++a) {
    AreaSpec area;
    area.name = a == 0 ? "first" : "second";
    area.inputs = {a == 0 ? "row" : "first"};
    area.outputs = 16;
    area.cell = DenseCellSpec{};
    area.learning = {.optimiser = Optimiser::kSgd, .rate = 0.05F};
    area.learning.importance = importance;
    spec.areas.push_back(area);
  }
  spec.heads = {
      {.name = "class",
       .classes = 2,
       .kind = SoftmaxHeadSpec{
           .input = spec.areas.back().name, .rate = 0.05F, .optimiser = Optimiser::kSgd}}};
  return spec;
}

// How far the area's weights move over 300 samples of another kind, after 300 of a first kind.
double Moved(const ImportanceSpec& importance) {
  const auto plan = *Plan::Create(Brain(importance, 2));
  const auto store = *plan->MakeStore({}, 1);
  const auto learner = *Learner::Create(plan.get(), store.get());
  Rng rng(1);
  const uint32_t table = plan->areas()[0].weights_table;
  const auto weights = [&] {
    const std::span<const float> w =
        FloatsOf(plan->tables()[table].spec.layout, 0, store->Draft().table(table).Read(0));
    return std::vector<double>(w.begin(), w.end());
  };
  std::vector<double> before;
  int64_t allocations = 0;
  for (uint64_t step = 1; step <= 600; ++step) {
    if (step == 301) before = weights();
    std::array<float, 4> row;
    for (float& x : row) x = rng.Normal();
    const uint32_t label = row[step <= 300 ? 0 : 1] > 0 ? 1 : 0;
    const Value value{.present = true, .reals = row};
    const test::NoAllocScope scope;
    learner->Close(step);
    Event& event = learner->Push(step, {.values = {&value, 1}});
    std::copy(learner->state().begin(), learner->state().end(), event.state.begin());
    EXPECT_TRUE(learner->Label(step, {.symbol = label}).ok());
    EXPECT_TRUE(learner->RunFor(Nanos::max(), SystemClock()).ok());
    allocations += scope.count();
  }
  EXPECT_EQ(allocations, 0);
  double sum = 0;
  const std::vector<double> after = weights();
  for (std::size_t j = 0; j < after.size(); ++j) {
    sum += (after[j] - before[j]) * (after[j] - before[j]);
  }
  return std::sqrt(sum);
}

TEST_P(ImportanceTest, HoldsWeightsTheMoreTheStronger) {
  const auto moved = [&](float strength) {
    return Moved({.kind = GetParam(), .strength = strength, .every = 300});
  };
  const double free = moved(0.0F);
  EXPECT_GT(free, 0.3);
  EXPECT_LT(moved(1e4F), 0.2 * free);
}

INSTANTIATE_TEST_SUITE_P(Kinds, ImportanceTest,
                         testing::Values(ImportanceKind::kEwc, ImportanceKind::kSi,
                                         ImportanceKind::kMas));

TEST(ImportanceSpecTest, RefusesWhatIsOutOfRange) {
  const auto refuses = [](const BrainSpec& spec, const char* message) {
    const auto plan = *Plan::Create(spec);
    const auto store = *plan->MakeStore({}, 1);
    EXPECT_THAT(Learner::Create(plan.get(), store.get()).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  constexpr ImportanceKind kMas = ImportanceKind::kMas;
  refuses(Brain({.strength = -1.0F}), "learning.importance.strength must be in [0, 1e9], got -1");
  refuses(Brain({.decay = NAN}), "learning.importance.decay must be in [0, 1], got nan");
  refuses(Brain({.every = 0}), "learning.importance.every must be at least 1, got 0");
  BrainSpec chunked = Brain({.kind = kMas});
  chunked.areas[0].learning.chunk = 2;
  refuses(chunked, "learning.importance by MAS needs chunk 1");
  BrainSpec half = Brain({.kind = kMas}, 2);
  half.areas[0].learning.importance.kind = ImportanceKind::kEwc;
  refuses(half, "area \"first\".learning.importance must be MAS as well");
}

}  // namespace
}  // namespace gyrus
