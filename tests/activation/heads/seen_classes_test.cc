// SPDX-License-Identifier: Apache-2.0
#include "activation/heads/seen_classes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

#include "activation/brain_spec.h"
#include "core/rng.h"
#include "tests/support/plan_run.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::PlanRun;

// A row of four numbers and its class.
BrainSpec BrainOf(uint32_t classes, RidgeForm form) {
  BrainSpec spec;
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = 4}};
  spec.encoders = {{"row", "row", HeldEncoderSpec{}}};
  spec.heads = {{.name = "head",
                 .classes = classes,
                 .kind = RidgeHeadSpec{.inputs = {"row"}, .form = form, .solve_every = 20}}};
  return spec;
}

TEST(SeenClassesTest, EndsBehindTheHighestClassLearned) {
  for (const uint32_t classes : {2U, 3U, 64U, 65U, 255U}) {
    PlanBuilder builder;
    ASSERT_OK_AND_ASSIGN(const SeenClasses seen, SeenClasses::Create("head", classes, &builder));
    const std::vector<TableSpec> tables = {builder.tables()[0].spec};
    ASSERT_OK_AND_ASSIGN(const auto store, Store::Create(tables, {}));
    EXPECT_EQ(seen.At(store->Draft()).End(classes), 0U);
    uint32_t end = 0;
    for (const uint32_t label : {1U, 0U, classes / 2, classes - 1, 0U}) {
      std::optional<Commit> commit = Commit::TryBegin(store.get(), {});
      seen.Learn(std::bit_ceil(classes) + label, &*commit);
      end = std::max(end, label + 1);
      EXPECT_EQ(seen.At(commit->view()).End(classes), end) << classes << ", " << label;
    }
  }
}

// The last of three classes comes late, and 37 more never do.
TEST(SeenClassesTest, RoomInARidgeHeadForClassesNeverSeenChangesNothing) {
  for (const RidgeForm form : {RidgeForm::kCovariance, RidgeForm::kInformation}) {
    std::vector<std::vector<float>> answers;
    for (const uint32_t classes : {3U, 40U}) {
      ASSERT_OK_AND_ASSIGN(const auto run, PlanRun::Create(BrainOf(classes, form)));
      Rng rng(5);
      std::array<float, 4> row;
      const Value value{.present = true, .reals = row};
      for (int i = 0; i < 100; ++i) {
        for (float& x : row) x = rng.Normal();
        const uint32_t label = row[0] > 0.5F ? 0U : i > 60 && row[1] > 0.0F ? 2U : 1U;
        run->Forward({&value, 1});
        run->Learn({&value, 1}, {.symbol = label});
      }
      Prediction prediction;
      prediction.distribution = answers.emplace_back(classes);
      run->Forward({&value, 1});
      run->Predict(Want::Kind::kDistribution, &prediction);
    }
    for (std::size_t c = 0; c < 3; ++c) {
      EXPECT_FLOAT_EQ(answers[1][c] / answers[1][0], answers[0][c] / answers[0][0]) << c;
    }
    for (std::size_t c = 3; c < 40; ++c) EXPECT_EQ(answers[1][c], answers[1][3]);
  }
}

}  // namespace
}  // namespace gyrus
