// SPDX-License-Identifier: Apache-2.0
#include "activation/cells/dense.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/activation/cells/cell_fixture.h"
#include "tests/activation/cells/reference_cells.h"
#include "tests/activation/cells/reference_gradients.h"

namespace gyrus {
namespace {

using testing::HasSubstr;

struct Sizes {
  uint32_t inputs, outputs;
};

class DenseCellTest : public testing::TestWithParam<Sizes> {
 protected:
  DenseCellTest()
      : cell_(*DenseCell::Create(GetParam().inputs, GetParam().outputs)),
        reference_(GetParam().inputs, GetParam().outputs),
        block_(*cell_, 7) {
    Rng rng(11);
    for (float& b : FloatsOf(cell_->layout(), 1, block_.bytes().data())) b = 0.3F * rng.Normal();
    point_ = {.parameters = block_.parameters(),
              .x = test::RandomSequence(3, GetParam().inputs, &rng),
              .dy = test::RandomSequence(3, GetParam().outputs, &rng)};
  }

  std::unique_ptr<Cell> cell_;
  test::ReferenceDense reference_;
  test::Block block_;
  test::CellPoint point_;
};

using DenseReferenceTest = DenseCellTest;

TEST_P(DenseReferenceTest, AgreesWithFiniteDifferences) {
  test::ExpectReferenceMatchesDifferences(reference_, point_);
}

TEST_P(DenseCellTest, AgreesWithTheReference) {
  test::ExpectCellMatchesReference(*cell_, reference_, point_, &block_);
}

INSTANTIATE_TEST_SUITE_P(SmallSizes, DenseReferenceTest,
                         testing::Values(Sizes{5, 7}, Sizes{17, 9}));
INSTANTIATE_TEST_SUITE_P(Sizes, DenseCellTest,
                         testing::Values(Sizes{1, 1}, Sizes{5, 7}, Sizes{17, 9}, Sizes{300, 130}));

TEST(DenseCellCreateTest, RefusesTooManyOutputs) {
  EXPECT_THAT(std::string(DenseCell::Create(4, 4097).status().message()),
              HasSubstr("at most 4096 outputs, got 4097"));
}

}  // namespace
}  // namespace gyrus
