// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <new>
#include <system_error>

#include "runtime/binding.h"
#include "runtime/presets.h"
#include "runtime/runtime.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::StatusIs;
using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kGibi = uint64_t{1} << 30;

// A recurrent area whose session has 1 GiB of state.
BrainSpec LongMemory(uint32_t label_window) {
  AreaSpec area;
  area.name = "association";
  area.inputs = {"row"};
  area.outputs = 1;
  area.regions = 1U << 20;
  area.router = HashRouterSpec{};
  area.cell = McsdCellSpec{.units = 256, .channels = 2};
  BrainSpec spec;
  spec.name = "long memory";
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = 1}};
  spec.encoders = {{"row", "row", RealsEncoderSpec{}}};
  spec.areas = {area};
  spec.heads = {{.name = "class", .classes = 2, .kind = SoftmaxHeadSpec{.input = "association"}}};
  spec.label_window = label_window;
  return spec;
}

TEST(MemoryTest, SaysWhichTableIsTooLarge) {
  const auto plan = *Plan::Create(LongMemory(1));
  EXPECT_THAT(CheckMemory(*plan, 2, Mode::kInline, kGibi),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("the 1048576 of table \"association.weights\""),
                             HasSubstr("this machine has 1024.0 MiB"))));
  EXPECT_THAT(CheckMemory(*plan, 2, Mode::kInline, 100 * kGibi), IsOk());
}

TEST(MemoryTest, TurnsWhatTheSystemRefusesIntoAStatus) {
  EXPECT_THAT(WithinMemory([]() -> absl::Status { throw std::bad_alloc(); }),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("no room")));
  EXPECT_THAT(WithinMemory([]() -> absl::Status {
                throw std::system_error(EAGAIN, std::generic_category());
              }),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("no thread")));
}

TEST(MemoryTest, CountsTheStateOfEveryStepThatWaitsForItsLabel) {
  const auto plan = *Plan::Create(LongMemory(1000));
  EXPECT_THAT(CheckMemory(*plan, 2, Mode::kInline, 100 * kGibi),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("a state of 1024.0 MiB"),
                             HasSubstr("for each step of label_window = 1000"))));
  EXPECT_THAT(CheckMemory(*plan, 2, Mode::kFrozen, 100 * kGibi), IsOk());
}

TEST(MemoryTest, CountsTheCopiesOfLearningSteps) {
  const auto plan = *Plan::Create(LongMemory(1));
  const auto least = [&](uint32_t spares) {
    uint64_t bytes = kGibi;
    while (!CheckMemory(*plan, spares, Mode::kInline, bytes).ok()) bytes += kGibi / 256;
    return bytes;
  };
  const uint64_t block = plan->tables()[0].spec.layout.block_bytes();
  EXPECT_GE(least(1 << 20) - least(1), uint64_t{1 << 20} * block * 9 / 10);
  EXPECT_EQ(least(1 << 22), least(1 << 24)) << "no more than two copies of a table";
}

TEST(MemoryTest, RuntimeRefusesABrainBeyondTheMachine) {
  EXPECT_THAT(Runtime::Create(LongMemory(65536), {}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("too large")));
}

TEST(MemoryTest, WhatTheSystemRefusesIsAStatus) {
  EXPECT_THAT(WithinMemory([]() -> absl::Status { throw std::bad_alloc(); }),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("no room")));
  EXPECT_THAT(WithinMemory([] { return absl::OkStatus(); }), IsOk());
}

TEST(MemoryTest, PresetsFitASmallMachine) {
  for (const PresetName& preset : PresetNames()) {
    BrainSpec spec = *Preset(preset.name);
    if (!IsBound(spec)) {
      auto bound = Bind(spec, SmallestInput(spec));
      ASSERT_THAT(bound, IsOk()) << preset.name;
      spec = *bound;
    }
    const auto plan = Plan::Create(spec);
    ASSERT_THAT(plan, IsOk()) << preset.name;
    EXPECT_THAT(CheckMemory(**plan, Runtime::Options().spares, Mode::kInline, kGibi), IsOk())
        << preset.name;
  }
}

}  // namespace
}  // namespace gyrus
