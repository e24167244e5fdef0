// SPDX-License-Identifier: Apache-2.0
#include "activation/cells/glu.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "tests/activation/cells/cell_fixture.h"
#include "tests/activation/cells/reference_cells.h"
#include "tests/activation/cells/reference_gradients.h"

namespace gyrus {
namespace {

using testing::HasSubstr;

struct Sizes {
  uint32_t inputs, hidden, outputs;
};

class GluCellTest : public testing::TestWithParam<Sizes> {
 protected:
  GluCellTest()
      : cell_(
            *GluCell::Create({.hidden = GetParam().hidden}, GetParam().inputs, GetParam().outputs)),
        reference_(GetParam().inputs, GetParam().hidden, GetParam().outputs),
        block_(*cell_, 7) {
    Rng rng(11);
    point_ = {.parameters = block_.parameters(),
              .x = test::RandomSequence(2, GetParam().inputs, &rng),
              .dy = test::RandomSequence(2, GetParam().outputs, &rng)};
  }

  std::unique_ptr<Cell> cell_;
  test::ReferenceGlu reference_;
  test::Block block_;
  test::CellPoint point_;
};

using GluReferenceTest = GluCellTest;

TEST_P(GluReferenceTest, AgreesWithFiniteDifferences) {
  test::ExpectReferenceMatchesDifferences(reference_, point_);
}

TEST_P(GluCellTest, AgreesWithTheReference) {
  test::ExpectCellMatchesReference(*cell_, reference_, point_, &block_);
}

INSTANTIATE_TEST_SUITE_P(SmallSizes, GluReferenceTest,
                         testing::Values(Sizes{5, 7, 3}, Sizes{17, 6, 9}));
INSTANTIATE_TEST_SUITE_P(Sizes, GluCellTest,
                         testing::Values(Sizes{1, 1, 1}, Sizes{5, 7, 3}, Sizes{17, 6, 9},
                                         Sizes{300, 130, 64}));

TEST(GluCellCreateTest, RefusesHiddenOutOfRange) {
  EXPECT_THAT(std::string(GluCell::Create({.hidden = 0}, 4, 4).status().message()),
              HasSubstr("hidden must be in [1, 1024], got 0"));
  EXPECT_THAT(std::string(GluCell::Create({.hidden = 1025}, 4, 4).status().message()),
              HasSubstr("got 1025"));
}

}  // namespace
}  // namespace gyrus
