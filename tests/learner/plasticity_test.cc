// SPDX-License-Identifier: Apache-2.0
#include "learner/plasticity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "activation/plan.h"
#include "activation/tensor.h"
#include "core/rng.h"
#include "learner/learner.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::StatusIs;
using testing::HasSubstr;

constexpr uint32_t kInputs = 4;
constexpr uint32_t kUnits = 12;
constexpr uint32_t kMaturity = 64;

using CellSpec = decltype(AreaSpec::cell);

// Two areas of 12 units each under a softmax head.
BrainSpec Brain(const CellSpec& cell, const PlasticitySpec& plasticity) {
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = kInputs}};
  spec.encoders = {{"row", "row", HeldEncoderSpec{}}};
  AreaSpec area = {.name = "first", .inputs = {"row"}, .outputs = kUnits};
  area.cell = cell;
  // So small a rate that only renewing moves a weight that can be seen.
  area.learning = {.optimiser = Optimiser::kSgd, .rate = 1e-9F, .plasticity = plasticity};
  spec.areas.push_back(area);
  area.name = "second";
  area.inputs = {"first"};
  spec.areas.push_back(area);
  spec.heads = {
      {.name = "class",
       .classes = 3,
       .kind = SoftmaxHeadSpec{.input = "second", .rate = 1e-9F, .optimiser = Optimiser::kSgd}}};
  return spec;
}

// Learns noise, and shows what is in the blocks.
class Pupil {
 public:
  explicit Pupil(const BrainSpec& spec)
      : plan_(*Plan::Create(spec)),
        store_(*plan_->MakeStore({}, 1)),
        learner_(*Learner::Create(plan_.get(), store_.get())) {}

  // Returns how often it allocated.
  int64_t Learn(int steps) {
    int64_t allocations = 0;
    for (int s = 0; s < steps; ++s) {
      std::array<float, kInputs> row;
      for (float& x : row) x = rng_.Normal();
      const Value value{.present = true, .reals = row};
      const test::NoAllocScope scope;
      learner_->Close(++step_);
      Event& event = learner_->Push(step_, {.values = {&value, 1}});
      std::copy(learner_->state().begin(), learner_->state().end(), event.state.begin());
      EXPECT_TRUE(learner_->Label(step_, {.symbol = static_cast<uint32_t>(step_ % 3)}).ok());
      EXPECT_TRUE(learner_->RunFor(Nanos::max(), clock_).ok());
      Account();
      allocations += scope.count();
    }
    return allocations;
  }

  // A tensor of the first area's, or of the second's, only region.
  std::span<const float> Weights(std::size_t area, std::size_t tensor) const {
    const AreaPlan& plan = plan_->areas()[area];
    return FloatsOf(plan.cell->layout(), tensor, store_->Draft().table(plan.weights_table).Read(0));
  }
  const std::byte* Utility(std::size_t area) const {
    return store_->Draft().table(plan_->areas()[area].utility_table).Read(0);
  }
  const BlockLayout& utility_layout(std::size_t area) const {
    return plan_->tables()[plan_->areas()[area].utility_table].spec.layout;
  }
  std::vector<uint32_t> Ages(std::size_t area) const {
    const auto* const ages =
        reinterpret_cast<const uint32_t*>(Utility(area) + utility_layout(area).offset(1));
    return {ages, ages + kUnits};
  }
  uint32_t Renewed(std::size_t area) const {
    return reinterpret_cast<const uint32_t*>(Utility(area) + utility_layout(area).offset(3))[1];
  }
  std::span<const float> Utilities(std::size_t area) const {
    return FloatsOf(utility_layout(area), 0, Utility(area));
  }
  // By the definition, from what the learner showed at every look; of a dense first area.
  const std::vector<double>& expected() const { return expected_; }

 private:
  void Account() {
    if (step_ % Plasticity::kEvery != 0 || plan_->areas()[0].cell->shape().tape_floats != kUnits) {
      return;
    }
    const std::span<const float> out = Weights(1, 0);
    for (std::size_t j = 0; j < kUnits; ++j) {
      double mean = 0;
      for (std::size_t i = 0; i < kUnits; ++i) mean += std::abs(out[i * kUnits + j]) / kUnits;
      const double h = learner_->activity().areas[0].output[j];
      expected_[j] = 0.9 * expected_[j] + 0.1 * std::abs(h) * mean;
    }
  }

  std::unique_ptr<const Plan> plan_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Learner> learner_;
  std::vector<double> expected_ = std::vector<double>(kUnits);
  SystemClock clock_;
  Rng rng_{5};
  uint64_t step_ = 0;
};

// At this rho the twelve mature units owe one in about 100 samples.
constexpr PlasticitySpec kOneInAHundred = {.rho = 0.01F / 12, .maturity = kMaturity, .decay = 0.9F};

TEST(PlasticityTest, UtilityFollowsItsDefinition) {
  Pupil pupil(Brain(DenseCellSpec{}, kOneInAHundred));
  pupil.Learn(80);  // Nothing is renewed yet.
  ASSERT_EQ(pupil.Renewed(0), 0U);
  const std::span<const float> utility = pupil.Utilities(0);
  for (std::size_t j = 0; j < kUnits; ++j) {
    EXPECT_NEAR(utility[j], pupil.expected()[j], 1e-5 * (1 + pupil.expected()[j]));
  }
}

TEST(PlasticityTest, RenewsTheLeastUsefulDenseUnit) {
  BrainSpec spec = Brain(DenseCellSpec{}, kOneInAHundred);
  spec.areas[1].learning.plasticity = {};  // It would renew rows that read the unit.
  Pupil pupil(spec);
  std::vector<float> before;
  std::vector<float> utility;
  while (pupil.Renewed(0) == 0) {
    const std::span<const float> w = pupil.Weights(0, 0);
    before.assign(w.begin(), w.end());
    EXPECT_EQ(pupil.Learn(1), 0);
    utility.assign(pupil.expected().begin(), pupil.expected().end());
  }
  const std::vector<uint32_t> ages = pupil.Ages(0);
  const auto unit =
      static_cast<std::size_t>(std::min_element(ages.begin(), ages.end()) - ages.begin());
  EXPECT_EQ(ages[unit], 0U);
  EXPECT_EQ(
      static_cast<std::size_t>(std::min_element(utility.begin(), utility.end()) - utility.begin()),
      unit);
  for (std::size_t j = 0; j < kUnits; ++j) {
    double moved = 0;
    for (std::size_t i = 0; i < kInputs; ++i) {
      moved += std::abs(pupil.Weights(0, 0)[j * kInputs + i] - before[j * kInputs + i]);
    }
    EXPECT_EQ(moved > 1e-4, j == unit) << j;
    for (std::size_t i = 0; i < kUnits; ++i) {
      EXPECT_EQ(pupil.Weights(1, 0)[i * kUnits + j] == 0.0F, j == unit);
    }
  }
}

TEST(PlasticityTest, RenewsAsManyAsRhoSays) {
  for (const CellSpec& cell :
       {CellSpec(DenseCellSpec{}), CellSpec(GluCellSpec{.hidden = kUnits})}) {
    Pupil pupil(Brain(cell, kOneInAHundred));
    EXPECT_EQ(pupil.Learn(4000), 0);
    // A renewed unit is not mature for some of the time.
    for (std::size_t area = 0; area < 2; ++area) {
      EXPECT_GT(pupil.Renewed(area), 30U);
      EXPECT_LE(pupil.Renewed(area), 40U);
    }
  }
}

TEST(PlasticityTest, ARenewedGluUnitSaysNothingAndListensAnew) {
  Pupil pupil(Brain(GluCellSpec{.hidden = kUnits}, kOneInAHundred));
  while (pupil.Renewed(0) == 0) pupil.Learn(1);
  const std::vector<uint32_t> ages = pupil.Ages(0);
  for (std::size_t j = 0; j < kUnits; ++j) {
    for (std::size_t i = 0; i < kUnits; ++i) {
      EXPECT_EQ(pupil.Weights(0, 1)[i * kUnits + j] == 0.0F, ages[j] == 0);
    }
    for (const std::size_t row : {j, kUnits + j}) {
      EXPECT_NE(pupil.Weights(0, 0)[row * kInputs], 0.0F);
    }
  }
}

TEST(PlasticityTest, RefusesWhatItCannotRenew) {
  const auto refuses = [](const BrainSpec& spec, const char* message) {
    const auto plan = *Plan::Create(spec);
    const auto store = *plan->MakeStore({}, 1);
    EXPECT_THAT(Learner::Create(plan.get(), store.get()).status(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses(Brain(DenseCellSpec{}, {.rho = 0.1F}), "plasticity.rho must be in [0, 0.01], got 0.1");
  refuses(Brain(DenseCellSpec{}, {.rho = 1e-5F, .decay = 1.0F}), "plasticity.decay must be in");
  refuses(Brain(McsdCellSpec{}, {.rho = 1e-5F}), "needs a dense or a glu cell");
  BrainSpec routed = Brain(DenseCellSpec{}, {.rho = 1e-5F});
  routed.areas[0].regions = 2;
  routed.areas[0].woken = 2;
  refuses(routed, "dense units need one region and no residual");
  BrainSpec frozen = Brain(DenseCellSpec{}, {.rho = 1e-5F});
  frozen.areas[1].cell = ExpansionCellSpec{};
  frozen.areas[1].learning = {};
  refuses(frozen, "area \"second\" reads its dense units, and must be a trained one");
  BrainSpec held = Brain(DenseCellSpec{}, {.rho = 1e-5F});
  held.areas[0].learning.importance.kind = ImportanceKind::kEwc;
  refuses(held, "learning.plasticity beside importance");
}

}  // namespace
}  // namespace gyrus
