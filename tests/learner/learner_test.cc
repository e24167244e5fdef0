// SPDX-License-Identifier: Apache-2.0
#include "learner/learner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "activation/plan.h"
#include "core/bytes.h"
#include "core/rng.h"
#include "core/store.h"
#include "learner/event_ring.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::IsOk;
using Routing = decltype(AreaSpec::router);

// Learned regions under a softmax head, `chunk` steps to a backward walk.
BrainSpec Chunked(const Routing& router, uint32_t chunk) {
  AreaSpec area;
  area.name = "area";
  area.inputs = {"row"};
  area.outputs = 4;
  area.regions = 64;
  area.woken = 2;
  area.router = router;
  area.cell = GluCellSpec{.hidden = 4};
  area.learning.chunk = chunk;
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = 8}};
  spec.encoders = {{"row", "row", RealsEncoderSpec{}}};
  spec.areas = {area};
  spec.heads = {{.name = "class", .classes = 3, .kind = SoftmaxHeadSpec{.input = "area"}}};
  return spec;
}

// A commit declares beforehand what it writes, and more than that is not there when the pool is as
// small as it may be: a chunk's commit holds every step's routes.
TEST(LearnerTest, ChunkOfRoutesFitsTheSmallestPoolBesideAReader) {
  const Routing routers[] = {LearnedRouterSpec{.rate = 0.5F, .balance = 0.5F},
                             HashRouterSpec{.width = 0.25F},
                             AnchorRouterSpec{.threshold = 1, .settle_after = 0}};
  for (const Routing& router : routers) {
    ASSERT_OK_AND_ASSIGN(const auto plan, Plan::Create(Chunked(router, 8)));
    ASSERT_OK_AND_ASSIGN(const auto store, plan->MakeStore({.max_readers = 1}, 1));
    ASSERT_OK_AND_ASSIGN(Reader reader, store->OpenReader());
    ASSERT_OK_AND_ASSIGN(const auto learner, Learner::Create(plan.get(), store.get()));
    Rng rng(7, router.index());
    for (uint64_t step = 1; step <= 160; ++step) {
      std::array<float, 8> row;
      for (float& x : row) x = rng.Normal();
      const Value value{.present = true, .reals = row};
      learner->Push(step, {.values = {&value, 1}});
      ASSERT_THAT(learner->Label(step, {.symbol = static_cast<uint32_t>(rng.Below(3))}), IsOk());

      ASSERT_THAT(learner->RunFor(Nanos::max(), SystemClock()), IsOk()) << "step " << step;

      reader.Pin();
      reader.Unpin();
    }
    EXPECT_EQ(learner->counts().stalled, 0);
  }
}

// Whether a learner of this brain takes back a position at which these steps wait.
bool Restores(const BrainSpec& spec, std::span<const uint64_t> steps, const Value& value,
              const std::optional<Target>& target = std::nullopt) {
  const auto plan = *Plan::Create(spec);
  const auto store = *plan->MakeStore({.max_readers = 1}, 1);
  const auto learner = *Learner::Create(plan.get(), store.get());
  EventRing waiting(plan->spec(), steps.size(), plan->state_bytes());
  for (const uint64_t step : steps) {
    Event& event = waiting.Push(step, {.values = {&value, 1}});
    if (target.has_value()) waiting.SetTarget(&event, *target);
  }
  ByteWriter writer;
  writer.PutSpan<std::byte>(learner->state());
  writer.Put<uint64_t>(0);
  for (std::size_t a = 0; a < plan->areas().size(); ++a) writer.PutSpan<float>({});
  writer.Put<uint8_t>(0);  // No watch of drift.
  waiting.Save(&writer);

  ByteReader reader(writer.bytes());
  learner->Restore(&reader);
  return reader.done();
}

TEST(LearnerTest, TakesBackOnlyStepsThatFitTheBrain) {
  const BrainSpec table = Chunked(LearnedRouterSpec{}, 1);
  const BrainSpec text = test::TinyLabelled(2);
  const uint64_t first[] = {1};
  const uint64_t twice[] = {1, 1};
  const uint64_t both[] = {1, 2};
  const uint64_t none[] = {0};
  std::array<float, 8> row = {};
  const Value good{.present = true, .reals = row};
  const Value ragged{.present = true, .reals = std::span(row).first(4)};
  const Value letter{.present = true, .symbol = 255};
  const Value no_letter{.present = true, .symbol = 0xFFFFFFFF};

  EXPECT_TRUE(Restores(table, first, good, Target{.symbol = 2}));
  EXPECT_FALSE(Restores(table, first, good, Target{.symbol = 3}));
  EXPECT_FALSE(Restores(table, first, ragged));
  EXPECT_TRUE(Restores(text, both, letter));
  EXPECT_FALSE(Restores(text, twice, letter));
  EXPECT_FALSE(Restores(text, none, letter));
  EXPECT_FALSE(Restores(text, first, no_letter));
  row[7] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(Restores(table, first, good));
}

}  // namespace
}  // namespace gyrus
