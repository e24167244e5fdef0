// SPDX-License-Identifier: Apache-2.0
// What becomes of a region's state while it sleeps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/rng.h"
#include "tests/support/plan_run.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::PlanRun;
using test::StatusIs;
using testing::FloatNear;
using testing::Pointwise;

constexpr uint32_t kInputs = 5;

// One recurrent region under the values of "row" as they are.
BrainSpec Recurrent(Asleep asleep) {
  AreaSpec area;
  area.name = "area";
  area.inputs = {"row"};
  area.outputs = 6;
  area.asleep = asleep;
  area.cell = McsdCellSpec{.units = 12, .channels = 4};
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = kInputs}};
  spec.encoders = {{"row", "row", HeldEncoderSpec{}}};
  spec.areas = {area};
  spec.heads = {{.name = "class", .classes = 2, .kind = SoftmaxHeadSpec{.input = "area"}}};
  return spec;
}

// The area's output after ten inputs, a pause of `pause` steps, and one more input. In the pause
// the row is absent, or all zero. The session is `first_step` steps old at the start.
std::vector<float> OutputAfter(Asleep asleep, int pause, bool absent, uint64_t first_step = 0) {
  const auto run = PlanRun::Create(Recurrent(asleep));
  EXPECT_THAT(run, IsOk());
  if (const auto clock = (*run)->plan().areas()[0].clock_offset; clock.has_value()) {
    *reinterpret_cast<uint64_t*>((*run)->context().state + *clock) = first_step;
  }
  Rng rng(11, 0);
  std::vector<float> row(kInputs);
  const auto step = [&](bool present) {
    const Value value{.present = present, .reals = row};
    (*run)->Forward({&value, 1});
  };
  const auto draw = [&] {
    for (float& x : row) x = rng.Normal();
  };
  for (int i = 0; i < 10; ++i) {
    draw();
    step(true);
  }
  row.assign(kInputs, 0.0F);
  for (int i = 0; i < pause; ++i) step(!absent);
  draw();
  step(true);
  const std::span<const float> output = (*run)->activity().areas[0].output;
  return {output.begin(), output.end()};
}

TEST(AsleepTest, DecayIsWhatZeroInputsLeave) {
  for (const int pause : {0, 1, 2, 7, 300}) {
    EXPECT_THAT(OutputAfter(Asleep::kDecay, pause, true),
                Pointwise(FloatNear(1e-5F), OutputAfter(Asleep::kDecay, pause, false)))
        << pause;
  }
}

TEST(AsleepTest, DecayOutlivesA32BitClock) {
  for (const uint64_t wrap : {uint64_t{1} << 32, uint64_t{1} << 40}) {
    // The last waking before the pause, and the one after it, on either side.
    for (const uint64_t before : {8U, 10U, 15U, 20U}) {
      EXPECT_EQ(OutputAfter(Asleep::kDecay, 7, true, wrap - before),
                OutputAfter(Asleep::kDecay, 7, true))
          << wrap << " - " << before;
    }
  }
}

TEST(AsleepTest, FreezeKeepsTheStateAsItWas) {
  EXPECT_EQ(OutputAfter(Asleep::kFreeze, 50, true), OutputAfter(Asleep::kFreeze, 0, true));
  EXPECT_NE(OutputAfter(Asleep::kDecay, 50, true), OutputAfter(Asleep::kDecay, 0, true));
}

TEST(AsleepTest, RefusesDecayOfWhatHasNone) {
  BrainSpec spec = Recurrent(Asleep::kDecay);
  spec.areas[0].cell = GluCellSpec{};
  EXPECT_THAT(Plan::Create(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::HasSubstr("area \"area\".asleep: only an mcsd cell")));
}

}  // namespace
}  // namespace gyrus
