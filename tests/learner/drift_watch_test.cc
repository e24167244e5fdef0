// SPDX-License-Identifier: Apache-2.0
#include "learner/drift_watch.h"

#include <gtest/gtest.h>

#include "core/rng.h"

namespace gyrus {
namespace {

TEST(DriftWatchTest, LearnsFasterForSoManyStepsAfterARise) {
  DriftWatch watch({.delta = 0.002F, .raise = 5, .steps = 50});
  Rng rng(1);
  const auto draw = [&](double scale) { return scale * static_cast<double>(rng.Uniform()); };
  for (int i = 0; i < 5000; ++i) ASSERT_FALSE(watch.Add(draw(1e-3)));
  EXPECT_EQ(watch.rate_factor(), 1.0F);
  int delay = 1;
  while (!watch.Add(draw(1e-2))) ASSERT_LT(++delay, 200);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(watch.rate_factor(), 5.0F);
    watch.Add(draw(1e-2));
  }
  EXPECT_EQ(watch.rate_factor(), 1.0F);
}

// However large the losses were from which a brain has come.
TEST(DriftWatchTest, TakesAFallForLearningAndSeesWhatRisesFromThere) {
  DriftWatch watch({.delta = 0.002F});
  Rng rng(2);
  const auto draw = [&](double scale) { return scale * static_cast<double>(rng.Uniform()); };
  for (int i = 0; i < 4000; ++i) ASSERT_FALSE(watch.Add(draw(i < 500 ? 1e6 : 1e-2)));
  int delay = 1;
  while (!watch.Add(draw(1e-1))) ASSERT_LT(++delay, 200);
}

// Wherever among the first hundred it comes.
TEST(DriftWatchTest, IsNotBlindedByAnOutlier) {
  for (const int at : {0, 50, 99}) {
    DriftWatch watch({.delta = 0.002F});
    Rng rng(4);
    const auto draw = [&](double scale) { return scale * static_cast<double>(rng.Uniform()); };
    for (int i = 0; i < 3000; ++i) ASSERT_FALSE(watch.Add(i == at ? 1e6 : draw(1.0)));
    int delay = 1;
    while (!watch.Add(draw(10.0))) ASSERT_LT(++delay, 200);
  }
}

TEST(DriftWatchTest, MayBeTurnedOnAndOffBetweenSaves) {
  DriftWatch on({.delta = 0.01F});
  for (int i = 0; i < 500; ++i) on.Add(1.0);
  for (const bool was_on : {false, true}) {
    for (const bool is_on : {false, true}) {
      ByteWriter writer;
      (was_on ? on : DriftWatch({})).Save(&writer);
      EXPECT_EQ(writer.bytes().size(), (was_on ? on : DriftWatch({})).saved_bytes());
      writer.Put<uint32_t>(7);
      DriftWatch resumed(is_on ? DriftSpec{.delta = 0.001F} : DriftSpec{});
      ByteReader reader(writer.bytes());
      resumed.Restore(&reader);
      EXPECT_EQ(reader.Get<uint32_t>(), 7U);
      EXPECT_TRUE(reader.done());
    }
  }
}

TEST(DriftWatchTest, GoesOnFromWhereItWasSaved) {
  DriftWatch straight({.delta = 0.01F, .steps = 300});
  Rng rng(3);
  for (int i = 0; i < 700; ++i) {
    straight.Add((i < 400 ? 1 : 9) * static_cast<double>(rng.Uniform()));
  }
  ByteWriter writer;
  straight.Save(&writer);
  EXPECT_EQ(writer.bytes().size(), straight.saved_bytes());
  DriftWatch resumed({.delta = 0.01F, .steps = 300});
  ByteReader reader(writer.bytes());
  resumed.Restore(&reader);
  ASSERT_TRUE(reader.done());
  for (int i = 0; i < 3000; ++i) {
    const double loss = (i < 1500 ? 9 : 50) * static_cast<double>(rng.Uniform());
    ASSERT_EQ(resumed.Add(loss), straight.Add(loss));
    ASSERT_EQ(resumed.rate_factor(), straight.rate_factor());
  }
}

}  // namespace
}  // namespace gyrus
