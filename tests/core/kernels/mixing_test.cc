// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/mixing.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "core/kernels/reference.h"
#include "core/rng.h"
#include "tests/core/kernels/every_isa.h"

namespace gyrus::kernels {
namespace {

using test::kEps;

constexpr std::size_t kMostWidth = 64;
constexpr MixRates kRates = {.first = 0.03F, .last = 0.003F, .fade = 300.0F, .final = 0.01F};

// Decisions over vectors of their own, drawn from a seed.
struct Problem {
  alignas(64) float x[kMaxDecisions][kMostWidth] = {};
  alignas(64) float weights[kMaxSets][kMaxDecisions][kMostWidth] = {};
  float last[kMaxDecisions][kMaxSets] = {};
  MixInputs in;
  MixLesson lesson;

  Problem(std::size_t decisions, std::size_t sets, std::size_t width, float scale) {
    Rng rng(7);
    in.decisions = decisions;
    in.sets = sets;
    in.width = width;
    for (std::size_t n = 0; n < decisions; ++n) {
      for (std::size_t j = 0; j + 1 < width; ++j) x[n][j] = scale * rng.Normal();
      in.x[n] = x[n];
      in.last[n] = lesson.last[n] = last[n];
      lesson.bits[n] = static_cast<float>(n % 2);
      for (std::size_t s = 0; s < sets; ++s) {
        for (std::size_t j = 0; j + 1 < width; ++j) weights[s][n][j] = rng.Normal();
        weights[s][n][width - 1] = static_cast<float>(100 * s + n);
        in.weights[s][n] = lesson.weights[s][n] = weights[s][n];
        last[n][s] = rng.Normal();
      }
    }
  }

  std::vector<reference::Vector> Weights(std::size_t n) const {
    std::vector<reference::Vector> all;
    for (std::size_t s = 0; s < in.sets; ++s) {
      all.emplace_back(weights[s][n], weights[s][n] + in.width);
    }
    return all;
  }
  reference::Vector Last(std::size_t n) const { return {last[n], last[n] + in.sets}; }
  std::span<const float> X(std::size_t n) const { return {x[n], in.width}; }
};

// What rounding may move the sum of width products by.
double Slack(const Problem& problem, std::size_t n, std::size_t s) {
  double sum = 1.0;
  for (std::size_t j = 0; j < problem.in.width; ++j) {
    sum += std::abs(static_cast<double>(problem.x[n][j]) * problem.weights[s][n][j]);
  }
  return static_cast<double>(problem.in.width) * kEps * sum;
}

class MixingKernelTest : public test::EveryIsaTest {};

TEST_P(MixingKernelTest, MixesEveryDecisionAsTheReference) {
  for (const std::size_t decisions : {1, 3, 8}) {
    for (const std::size_t sets : {1, 5, 16}) {
      const auto problem = std::make_unique<Problem>(decisions, sets, size(), 0.3F);
      const auto mixture = std::make_unique<Mixture>();
      Mix(problem->in, mixture.get());
      for (std::size_t n = 0; n < decisions; ++n) {
        const auto exact = reference::Mix(problem->X(n), problem->Weights(n), problem->Last(n));
        double slack = 0.0;
        for (std::size_t s = 0; s < sets; ++s) {
          const double own = Slack(*problem, n, s);
          EXPECT_NEAR(mixture->logits[s][n], exact.logits[s], own);
          EXPECT_NEAR(mixture->probabilities[s][n], exact.probabilities[s], own + 2e-6);
          slack += (own + 16 * kEps * kMaxLogit) * (1.0 + std::abs(problem->last[n][s]));
        }
        EXPECT_NEAR(mixture->mixed[n], exact.mixed, slack);
        EXPECT_NEAR(mixture->probability[n], exact.probability, slack + 2e-6);
      }
    }
  }
}

TEST_P(MixingKernelTest, ClampsLogits) {
  const auto problem = std::make_unique<Problem>(8, 2, size(), 1000.0F);
  const auto mixture = std::make_unique<Mixture>();
  Mix(problem->in, mixture.get());
  for (std::size_t n = 0; n < 8; ++n) {
    for (std::size_t s = 0; s < 2; ++s) EXPECT_EQ(std::abs(mixture->logits[s][n]), kMaxLogit);
    EXPECT_LE(std::abs(mixture->mixed[n]), kMaxLogit);
  }
}

TEST_P(MixingKernelTest, LearnsAsTheReference) {
  const auto problem = std::make_unique<Problem>(8, 5, size(), 0.3F);
  const auto mixture = std::make_unique<Mixture>();
  Mix(problem->in, mixture.get());
  std::vector<std::vector<reference::Vector>> exact;
  for (std::size_t n = 0; n < 8; ++n) {
    exact.push_back(problem->Weights(n));
    exact[n].push_back(problem->Last(n));
    const std::span<reference::Vector> all(exact[n]);
    const auto decision = reference::Mix(problem->X(n), all.first(5), exact[n].back());
    reference::MixLearn(decision, problem->lesson.bits[n], kRates, problem->X(n), all);
  }

  MixLearn(problem->in, *mixture, problem->lesson, kRates);

  // A step is at most kRates.first |x|, and its error that of the probability and the rate.
  for (std::size_t n = 0; n < 8; ++n) {
    for (std::size_t s = 0; s < 5; ++s) {
      for (std::size_t j = 0; j < size(); ++j) {
        EXPECT_NEAR(problem->weights[s][n][j], exact[n][s][j],
                    1e-6 + 4 * kEps * std::abs(exact[n][s][j]));
      }
      EXPECT_NEAR(problem->last[n][s], exact[n][5][s], 1e-5);
    }
  }
}

TEST_P(MixingKernelTest, CountsEveryVisitOfASharedVector) {
  const auto problem = std::make_unique<Problem>(8, 1, size(), 0.3F);
  for (std::size_t n = 0; n < 8; ++n) {
    problem->in.weights[0][n] = problem->lesson.weights[0][n] = problem->weights[0][0];
  }
  const auto mixture = std::make_unique<Mixture>();
  Mix(problem->in, mixture.get());
  MixLearn(problem->in, *mixture, problem->lesson, kRates);
  EXPECT_EQ(problem->weights[0][0][size() - 1], 8.0F);
}

INSTANTIATE_TEST_SUITE_P(
    AllIsas, MixingKernelTest,
    testing::Combine(testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                     testing::Values<std::size_t>(kMixingLanes, 2 * kMixingLanes, 3 * kMixingLanes,
                                                  kMostWidth)),
    test::NameOfCase);

}  // namespace
}  // namespace gyrus::kernels
