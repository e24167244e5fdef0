// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "activation/factories.h"

namespace gyrus {
namespace {

using testing::HasSubstr;

template <typename CellSpec>
AreaSpec AreaOf(CellSpec cell, uint32_t outputs) {
  AreaSpec spec;
  spec.outputs = outputs;
  spec.cell = cell;
  return spec;
}

TEST(MakeCellTest, MakesEachKindWithItsSizes) {
  const std::pair<AreaSpec, bool> specs_and_whether_they_learn[] = {
      {AreaOf(ExpansionCellSpec{}, 6), false},
      {AreaOf(SubsetCellSpec{}, 6), false},
      {AreaOf(DenseCellSpec{}, 6), true},
      {AreaOf(GluCellSpec{.hidden = 4}, 6), true},
      {AreaOf(McsdCellSpec{.units = 8, .channels = 2}, 6), true},
  };
  for (const auto& [spec, learns] : specs_and_whether_they_learn) {
    const auto cell = MakeCell(spec, 10);
    ASSERT_TRUE(cell.ok()) << cell.status();
    EXPECT_EQ((*cell)->shape().inputs, 10U);
    EXPECT_EQ((*cell)->shape().outputs, 6U);
    EXPECT_EQ((*cell)->shape().learns, learns);
  }
}

TEST(MakeCellTest, RefusesATraceWithoutAState) {
  AreaSpec glu = AreaOf(GluCellSpec{}, 6);
  glu.learning.trace = Trace::kExact;
  AreaSpec mcsd = AreaOf(McsdCellSpec{}, 6);
  mcsd.learning.trace = Trace::kExact;
  EXPECT_THAT(std::string(MakeCell(glu, 10).status().message()),
              HasSubstr("learning.trace must be none"));
  EXPECT_TRUE(MakeCell(mcsd, 10).ok());
}

TEST(MakeCellTest, RefusesEmptyVectors) {
  EXPECT_FALSE(MakeCell(AreaOf(GluCellSpec{}, 6), 0).ok());
  EXPECT_FALSE(MakeCell(AreaOf(GluCellSpec{}, 0), 3).ok());
}

}  // namespace
}  // namespace gyrus
