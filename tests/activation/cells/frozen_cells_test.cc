// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "activation/cells/expansion.h"
#include "activation/cells/subset.h"
#include "activation/tensor.h"

namespace gyrus {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;

std::vector<std::byte> Fresh(const Cell& cell, uint64_t stream) {
  std::vector<std::byte> block(cell.layout().block_bytes());
  Rng rng(3, stream);
  cell.Initialise(&rng, block);
  return block;
}

TEST(ExpansionCellTest, AgreesWithTheFormula) {
  const auto cell = *ExpansionCell::Create(37, 50);
  const std::vector<std::byte> block = Fresh(*cell, 0);
  const std::span<const float> r = FloatsOf(cell->layout(), 0, block.data());
  const std::span<const float> b = FloatsOf(cell->layout(), 1, block.data());
  Rng rng(5);
  std::vector<float> x(37), y(50);
  for (float& value : x) value = rng.Normal();
  cell->Forward(block.data(), x, nullptr, y, nullptr);

  for (std::size_t i = 0; i < y.size(); ++i) {
    double sum = b[i];
    double size = std::abs(sum);
    for (std::size_t j = 0; j < x.size(); ++j) {
      sum += double{r[i * 37 + j]} * x[j];
      size += std::abs(double{r[i * 37 + j]} * x[j]);
    }
    EXPECT_NEAR(y[i], std::max(0.0, sum), (37 / 2 + 14) * 0x1p-24 * size);
  }
  // About half of the units are silent.
  EXPECT_GT(std::count(y.begin(), y.end(), 0.0F), 10);
  EXPECT_LT(std::count(y.begin(), y.end(), 0.0F), 40);
}

TEST(ExpansionCellTest, SpreadsThresholdsAsToldAndRefusesANegativeSpread) {
  const auto cell = *ExpansionCell::Create(2, 10000, 0.25F);
  const std::vector<std::byte> block = Fresh(*cell, 0);
  double squares = 0.0;
  for (const float value : FloatsOf(cell->layout(), 1, block.data())) {
    squares += double{value} * value;
  }
  EXPECT_NEAR(std::sqrt(squares / 10000.0), 0.25, 0.01);
  EXPECT_THAT(std::string(ExpansionCell::Create(2, 3, -1.0F).status().message()),
              HasSubstr("bias must be finite and at least 0, got -1"));
}

TEST(ExpansionCellTest, KeepsTheVarianceOfAStandardisedInput) {
  const auto cell = *ExpansionCell::Create(100, 1000);
  const std::vector<std::byte> block = Fresh(*cell, 0);
  double squares = 0.0;
  for (const float value : FloatsOf(cell->layout(), 0, block.data())) {
    squares += double{value} * value;
  }
  EXPECT_NEAR(squares / 1000.0, 1.0, 0.02);  // Three standard deviations of 100,000 samples.
}

TEST(ExpansionCellTest, IsTheSameForTheSameStreamOnly) {
  const auto cell = *ExpansionCell::Create(5, 8);
  EXPECT_EQ(Fresh(*cell, 1), Fresh(*cell, 1));
  EXPECT_NE(Fresh(*cell, 1), Fresh(*cell, 2));
}

TEST(SubsetCellTest, PicksDistinctInputsInOrder) {
  const auto cell = *SubsetCell::Create({}, 20, 12);
  std::vector<float> x(20), y(12);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  cell->Forward(Fresh(*cell, 4).data(), x, nullptr, y, nullptr);

  EXPECT_TRUE(std::is_sorted(y.begin(), y.end()));
  EXPECT_EQ(std::set<float>(y.begin(), y.end()).size(), 12U);
  EXPECT_LT(y.back(), 20.0F);
  EXPECT_NE(Fresh(*cell, 4), Fresh(*cell, 5));
}

TEST(SubsetCellTest, OfAllInputsIsTheInput) {
  const auto cell = *SubsetCell::Create({}, 7, 7);
  const std::vector<float> x = {3, 1, 4, 1, 5, 9, 2};
  std::vector<float> y(7);
  cell->Forward(Fresh(*cell, 0).data(), x, nullptr, y, nullptr);
  EXPECT_THAT(y, ElementsAreArray(x));
}

TEST(SubsetCellTest, EndsWithAConstantIfAsked) {
  const auto cell = *SubsetCell::Create({.constant = true}, 7, 8);
  const std::vector<float> x = {3, 1, 4, 1, 5, 9, 2};
  std::vector<float> y(8);
  cell->Forward(Fresh(*cell, 0).data(), x, nullptr, y, nullptr);
  EXPECT_THAT(y, ElementsAreArray({3, 1, 4, 1, 5, 9, 2, 1}));
}

TEST(SubsetCellTest, RefusesMoreOutputsThanInputs) {
  EXPECT_THAT(std::string(SubsetCell::Create({}, 3, 4).status().message()),
              HasSubstr("a subset of 3 inputs cannot have 4 outputs"));
}

TEST(FrozenCellsTest, NeverMergeAndNeverLearn) {
  std::unique_ptr<Cell> cells[] = {*ExpansionCell::Create(6, 4), *SubsetCell::Create({}, 6, 4)};
  for (const auto& cell : cells) {
    EXPECT_FALSE(cell->shape().learns);
    EXPECT_EQ(cell->layout().parameters(), 0U);
    for (const TensorSpec& tensor : cell->layout().tensors()) {
      EXPECT_EQ(tensor.merge, Merge::kNever);
    }
  }
}

}  // namespace
}  // namespace gyrus
