// SPDX-License-Identifier: Apache-2.0
#include "learner/learner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "activation/plan.h"
#include "core/rng.h"
#include "core/store.h"
#include "tests/support/status_matchers.h"

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

}  // namespace
}  // namespace gyrus
