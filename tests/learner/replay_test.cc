// SPDX-License-Identifier: Apache-2.0
#include "learner/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "activation/plan.h"
#include "core/rng.h"
#include "core/store.h"
#include "learner/learner.h"
#include "tests/support/blocks.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::StatusIs;
using testing::HasSubstr;

constexpr uint32_t kSize = 6;
constexpr uint32_t kClasses = 4;

// A dense area, and a wide one of frozen features, under a softmax and a ridge head.
BrainSpec Brain(const ReplaySpec& replay) {
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = kSize}};
  spec.encoders = {{"row", "row", HeldEncoderSpec{}}};
  AreaSpec dense = {.name = "dense", .inputs = {"row"}, .outputs = 16, .regions = 8, .woken = 2};
  dense.router = AnchorRouterSpec{.threshold = 1, .settle_after = 0};
  dense.cell = DenseCellSpec{};
  dense.learning = {.optimiser = Optimiser::kSgd, .rate = 0.05F};
  AreaSpec frozen = {.name = "frozen", .inputs = {"row"}, .outputs = 8};
  frozen.cell = ExpansionCellSpec{};
  spec.areas = {dense, frozen};
  spec.heads = {
      {.name = "class",
       .classes = kClasses,
       .kind = SoftmaxHeadSpec{.input = "dense", .rate = 0.1F, .optimiser = Optimiser::kSgd}},
      {.name = "ridge", .classes = kClasses, .kind = RidgeHeadSpec{.area = "frozen"}}};
  spec.replay = replay;
  return spec;
}

// A brain that learns rows in line.
class Pupil {
 public:
  explicit Pupil(const BrainSpec& spec)
      : plan_(*Plan::Create(spec)),
        store_(*plan_->MakeStore({.max_readers = 1}, 1)),
        learner_(*Learner::Create(plan_.get(), store_.get())) {}

  void Learn(std::span<const float> row, uint32_t label) {
    const Value value{.present = true, .reals = row};
    learner_->Close(++step_);
    Event& event = learner_->Push(step_, {.values = {&value, 1}});
    std::copy(learner_->state().begin(), learner_->state().end(), event.state.begin());
    ASSERT_THAT(learner_->Label(step_, {.symbol = label}), IsOk());
    ASSERT_THAT(learner_->RunFor(Nanos::max(), clock_), IsOk());
  }

  // A row that tells its class, with noise.
  void LearnOne(uint32_t label, Rng* rng) {
    std::array<float, kSize> row;
    for (float& x : row) x = 0.2F * rng->Normal();
    row[label] += 1.0F;
    Learn(row, label);
  }

  // Items held, by class.
  std::vector<uint32_t> Held() const {
    const uint32_t table = plan_->replay()->index;
    const BlockLayout& layout = plan_->tables()[table].spec.layout;
    const std::byte* const block = store_->Draft().table(table).Read(0);
    const auto* const held = reinterpret_cast<const uint32_t*>(block + layout.offset(1));
    return {held, held + kClasses};
  }

  // All blocks of the tables whose name begins so.
  std::string Tables(const std::string& prefix) const {
    std::string bytes;
    for (uint32_t t = 0; t < store_->num_tables(); ++t) {
      const TableSpec& spec = store_->spec(t);
      if (!absl::StartsWith(spec.name, prefix)) continue;
      for (uint32_t i = 0; i < spec.blocks; ++i) {
        bytes.append(reinterpret_cast<const char*>(store_->Draft().table(t).Read(i)),
                     spec.layout.block_bytes());
      }
    }
    return bytes;
  }

  const Plan& plan() const { return *plan_; }
  Store& store() { return *store_; }
  Learner& learner() { return *learner_; }

 private:
  std::unique_ptr<const Plan> plan_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Learner> learner_;
  SystemClock clock_;
  uint64_t step_ = 0;
};

TEST(ReplayTest, HoldsEveryClassAlike) {
  Pupil pupil(Brain({.items = 40}));
  Rng rng(1);
  for (int i = 0; i < 1000; ++i) pupil.LearnOne(0, &rng);
  for (int i = 0; i < 200; ++i) pupil.LearnOne(1, &rng);
  for (int i = 0; i < 5; ++i) pupil.LearnOne(2, &rng);
  for (int i = 0; i < 600; ++i) pupil.LearnOne(3, &rng);
  // What there is of the rare class, and a fair share of each other.
  const std::vector<uint32_t> held = pupil.Held();
  EXPECT_EQ(held[2], 5U);
  EXPECT_EQ(held[0] + held[1] + held[2] + held[3], 40U);
  for (const uint32_t c : {0, 1, 3}) EXPECT_NEAR(held[c], 35.0 / 3, 1.0) << "class " << c;
}

// Of a table of floats.
std::vector<float> Floats(const std::string& bytes) {
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), bytes.size());
  return floats;
}

TEST(ReplayTest, ADriftRaisesTheRateOfStoredSamplesToo) {
  BrainSpec spec = Brain({.items = 40});
  spec.areas.clear();
  spec.heads = {
      {.name = "class",
       .classes = kClasses,
       .kind = SoftmaxHeadSpec{.input = "row", .rate = 1e-5F, .optimiser = Optimiser::kSgd}}};
  spec.drift = {.delta = 0.002F, .raise = 10, .steps = 1000};
  DriftWatch raised(spec.drift);
  for (int i = 0; i < 1000; ++i) raised.Add(1.0);
  for (int i = 0; i < 1000 && raised.rate_factor() == 1.0F; ++i) raised.Add(100.0);
  ASSERT_EQ(raised.rate_factor(), 10.0F);

  double moved[2];
  for (const bool drifted : {false, true}) {
    Pupil pupil(spec);
    Rng rng(1);
    for (uint32_t i = 0; i < 150; ++i) pupil.LearnOne(i % kClasses, &rng);
    if (drifted) {
      ByteWriter watch;
      raised.Save(&watch);
      ByteWriter position;
      pupil.learner().Save(&position);
      std::string bytes = position.bytes();
      bytes.replace(2 * sizeof(uint64_t) + pupil.learner().state().size(), watch.bytes().size(),
                    watch.bytes());
      ByteReader reader(bytes);
      pupil.learner().Restore(&reader);
      ASSERT_TRUE(reader.done());
    }
    const std::vector<float> before = Floats(pupil.Tables("class.weights"));
    pupil.LearnOne(0, &rng);
    const std::vector<float> after = Floats(pupil.Tables("class.weights"));
    double sum = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
      sum += std::abs(static_cast<double>(after[i]) - static_cast<double>(before[i]));
    }
    moved[drifted ? 1 : 0] = sum;
  }
  EXPECT_NEAR(moved[1] / moved[0], 10.0, 0.1);
}

TEST(ReplayTest, KeepsEarlyAndLateSamplesOfAClassAlike) {
  double sum = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    BrainSpec spec = Brain({.items = 50});
    spec.seed = seed;
    Pupil pupil(spec);
    std::array<float, kSize> row = {};
    for (int i = 0; i < 1000; ++i) {
      row[0] = static_cast<float>(i % 2);  // A scale.
      row[1] = i < 550 ? -1.0F : 1.0F;     // The first 100 settle it and are not kept.
      pupil.Learn(row, 0);
    }
    Replay replay(&pupil.plan(), &pupil.store());
    int late = 0;
    for (uint32_t draw = 0; draw < 31; ++draw) {
      Lesson lesson;
      ASSERT_TRUE(replay.Recall(draw, &lesson));
      late += replay.context().activity->encodings[0].vector[1] > 0.0F ? 1 : 0;
    }
    sum += late / 31.0;
  }
  EXPECT_NEAR(sum / 10, 0.5, 0.1);
}

TEST(ReplayTest, TeachesWhatIsFreeOfOrderNothing) {
  Pupil with(Brain({.items = 20, .per_step = 2}));
  Pupil without(Brain({}));
  for (Pupil* const pupil : {&with, &without}) {
    Rng rng(2);
    for (int i = 0; i < 300; ++i) pupil->LearnOne(static_cast<uint32_t>(i / 80), &rng);
  }
  for (const char* const table : {"ridge", "frozen", "dense.anchors", "dense.usage"}) {
    EXPECT_EQ(with.Tables(table), without.Tables(table)) << table;
  }
  for (const char* const table : {"class.weights", "dense.weights"}) {
    EXPECT_FALSE(with.Tables(table).empty());
    EXPECT_NE(with.Tables(table), without.Tables(table)) << table;
  }
}

// Classes that come one after the other, never again: the mean loss on all of them at the end.
double LossAfterOrder(const ReplaySpec& replay) {
  Pupil pupil(Brain(replay));
  Rng rng(4);
  for (uint32_t label = 0; label < kClasses; ++label) {
    for (int i = 0; i < 300; ++i) pupil.LearnOne(label, &rng);
  }
  double loss = 0;
  Rng test_rng(5);
  // Learning goes on, too little to matter.
  for (uint32_t i = 0; i < kClasses; ++i) {
    pupil.LearnOne(i, &test_rng);
    loss += pupil.learner().last().loss;
  }
  return loss / kClasses;
}

TEST(ReplayTest, KeepsWhatGradientsLearned) {
  const double without = LossAfterOrder({});
  EXPECT_GT(without, 1.0);
  EXPECT_LT(LossAfterOrder({.items = 40}), 0.5 * without);
  EXPECT_LT(LossAfterOrder({.items = 40, .rivals = 20}), 0.5 * without);
  EXPECT_LT(LossAfterOrder({.items = 40, .dark = 0.5F}), 0.5 * without);
}

TEST(ReplayTest, ALiveSampleCompetesWithRecentClassesOnly) {
  Pupil pupil(Brain({.items = 8, .rivals = 10}));
  Rng rng(6);
  for (int i = 0; i < 20; ++i) pupil.LearnOne(0, &rng);
  for (int i = 0; i < 5; ++i) pupil.LearnOne(1, &rng);
  Replay replay(&pupil.plan(), &pupil.store());
  const auto rivals = [&](uint32_t label) {
    Lesson lesson = {.target = {.symbol = label}};
    replay.Prepare(&lesson);
    return std::vector<uint8_t>(lesson.rivals.begin(), lesson.rivals.end());
  };
  EXPECT_EQ(rivals(1), (std::vector<uint8_t>{1, 1, 0, 0}));
  EXPECT_EQ(rivals(3), (std::vector<uint8_t>{1, 1, 0, 1}));
  for (int i = 0; i < 6; ++i) pupil.LearnOne(1, &rng);
  EXPECT_EQ(rivals(2), (std::vector<uint8_t>{0, 1, 1, 0}));
}

TEST(ReplayTest, DependsOnBlocksAndEventsAlone) {
  const BrainSpec spec = Brain({.items = 20, .per_step = 2, .rivals = 50, .dark = 0.3F});
  Pupil straight(spec);
  Pupil changing(spec);
  Rng rng(7);
  Rng same(7);
  for (int i = 0; i < 400; ++i) {
    straight.LearnOne(static_cast<uint32_t>(i / 100), &rng);
    changing.LearnOne(static_cast<uint32_t>(i / 100), &same);
    if (i % 50 != 0) continue;
    // Another learner of the same stream that begins where this one stands.
    ByteWriter writer;
    changing.learner().Save(&writer);
    ByteReader reader(writer.bytes());
    changing.learner().Restore(&reader);
    ASSERT_TRUE(reader.done());
  }
  EXPECT_EQ(test::Blocks(&straight.store()), test::Blocks(&changing.store()));
}

TEST(ReplayTest, FitsTheSmallestPoolBesideAReader) {
  Pupil pupil(Brain({.items = 16, .per_step = 3}));
  ASSERT_OK_AND_ASSIGN(Reader reader, pupil.store().OpenReader());
  Rng rng(8);
  for (int i = 0; i < 400; ++i) {
    pupil.LearnOne(static_cast<uint32_t>(rng.Below(kClasses)), &rng);
    reader.Pin();
    reader.Unpin();
  }
  EXPECT_EQ(pupil.learner().counts().stalled, 0U);
}

TEST(ReplayTest, LearnsWithoutAllocation) {
  Pupil pupil(Brain({.items = 30, .per_step = 2, .rivals = 50, .dark = 0.5F}));
  Rng rng(9);
  for (int i = 0; i < 120; ++i) pupil.LearnOne(static_cast<uint32_t>(i % 4), &rng);
  const SystemClock clock;
  const std::array<float, kSize> row = {1.0F};
  const Value value{.present = true, .reals = row};
  const test::NoAllocScope scope;
  for (uint64_t step = 121; step < 221; ++step) {
    pupil.learner().Close(step);
    pupil.learner().Push(step, {.values = {&value, 1}});
    if (!pupil.learner().Label(step, {.symbol = 0}).ok()) break;
    if (!pupil.learner().RunFor(Nanos::max(), clock).ok()) break;
  }
  EXPECT_EQ(scope.count(), 0);
  EXPECT_EQ(pupil.learner().counts().learned, 220U);
}

TEST(ReplayTest, RefusesWhatItCannotReplay) {
  const auto refuses = [](const BrainSpec& spec, const char* message) {
    EXPECT_THAT(Plan::Create(spec),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  refuses(Brain({.items = 65537}), "replay.items must be in [0, 65536], got 65537");
  refuses(Brain({.per_step = 0}), "replay.per_step must be in [1, 16], got 0");
  refuses(Brain({.items = 1, .rivals = 1U << 21}), "replay.rivals must be in [0, 1048576]");
  refuses(Brain({.items = 1, .dark = NAN}), "replay.dark must be in [0, 100], got nan");
  BrainSpec spec = Brain({.items = 1});
  spec.areas[0].learning.chunk = 4;
  refuses(spec, "area \"dense\".learning.chunk must be 1 beside replay, got 4");
  spec = Brain({.items = 1});
  spec.areas[0].cell = McsdCellSpec{};
  refuses(spec, "cells with a state");
  spec = Brain({.items = 1});
  spec.heads = {{.name = "value", .outputs = 2, .kind = RidgeHeadSpec{.area = "frozen"}}};
  refuses(spec, "replay needs classes, and head \"value\" predicts reals");
}

}  // namespace
}  // namespace gyrus
