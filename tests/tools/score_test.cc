// SPDX-License-Identifier: Apache-2.0
#include "tools/score.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace gyrus {
namespace {

TEST(ScoreTest, SymbolsAreScoredInBitsBesideOrderZero) {
  Score score(Task::kNextSymbol, 0);
  score.Symbol(std::log(2.0), 'a');
  score.Symbol(std::log(8.0), 'a');
  const Means means = score.Total();
  EXPECT_EQ(means.scored, 2U);
  EXPECT_DOUBLE_EQ(means.loss, 2.0);
  // 1/256 for the first, 1.5/129 for the second.
  EXPECT_DOUBLE_EQ(means.baseline, (8.0 - std::log2(1.5 / 129)) / 2);
  EXPECT_TRUE(std::isnan(means.accuracy));
  EXPECT_EQ(means.baseline_name, "order 0");
}

TEST(ScoreTest, ClassesTakeTheBetterOfMajorityAndNoChange) {
  Score score(Task::kClass, 0);
  for (const uint32_t label : {0U, 0U, 1U, 1U, 0U, 0U}) {
    score.Class(0, label, 0.5);
    score.KnowClass(label);
  }
  const Means means = score.Total();
  EXPECT_DOUBLE_EQ(means.accuracy, 4.0 / 6);
  // No change hits the second, fourth and sixth; the majority the second, fifth and sixth.
  EXPECT_EQ(means.baseline_name, "majority");
  EXPECT_DOUBLE_EQ(means.baseline, 3.0 / 6);
}

TEST(ScoreTest, AGuessKnowsNoLabelBeforeItHasCome) {
  Score score(Task::kClass, 0);
  score.Class(1, 1, 0);
  score.Class(1, 1, 0);  // The first label is late.
  EXPECT_DOUBLE_EQ(score.Total().baseline, 0);
  score.KnowClass(1);
  score.Class(1, 1, 0);
  EXPECT_DOUBLE_EQ(score.Total().baseline, 1.0 / 3);
}

TEST(ScoreTest, OneRealKeepsItsUnits) {
  Score score(Task::kReal, 1);
  const std::vector<float> targets = {1, 3, 7};
  for (const float target : targets) {
    const float predicted = target - 1;
    score.Reals({&predicted, 1}, {&target, 1});
    score.KnowReals({&target, 1});
  }
  const Means means = score.Total();
  EXPECT_EQ(means.scored, 2U);  // Persistence cannot guess the first.
  EXPECT_DOUBLE_EQ(means.loss, 1);
  EXPECT_DOUBLE_EQ(means.mae, 1);
  EXPECT_DOUBLE_EQ(means.baseline, (4.0 + 16.0) / 2);
}

TEST(ScoreTest, SeveralRealsCountAlikeWhateverTheirUnits) {
  Score score(Task::kNextReals, 3);
  for (int i = 0; i < 100; ++i) {
    const auto swing = static_cast<float>(i % 2);
    const std::vector<float> target = {swing, swing * 1e6F, 5};  // The last never changes.
    const std::vector<float> mean = {0.5F, 0.5e6F, 5};
    score.Reals(mean, target);
    score.KnowReals(target);
  }
  // Guessing the mean costs one variance; persistence twice the deviation, so four.
  EXPECT_EQ(score.Total().scored, 100 - Score::kWarmup);
  EXPECT_NEAR(score.Total().loss, 1, 0.01);
  EXPECT_NEAR(score.Total().baseline, 4, 0.04);
}

TEST(ScoreTest, SumsOfIntervalsAddUpToTheTotal) {
  Score score(Task::kNextSymbol, 0);
  score.Symbol(1, 'x');
  Score::Sums sums = score.TakeSums();
  score.Symbol(2, 'y');
  score.Symbol(3, 'x');
  sums += score.TakeSums();
  EXPECT_EQ(score.TakeSums().scored, 0U);
  EXPECT_DOUBLE_EQ(score.MeansOf(sums).loss, score.Total().loss);
  EXPECT_TRUE(std::isnan(score.MeansOf({}).loss));
}

}  // namespace
}  // namespace gyrus
