// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/vector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/kernels/reference.h"
#include "tests/core/kernels/every_isa.h"

namespace gyrus::kernels {
namespace {

using test::Guarded;
using test::kEps;
using test::Magnitudes;
using test::Normals;

class VectorTest : public test::EveryIsaTest {};

TEST_P(VectorTest, DotStaysWithinItsBound) {
  const std::vector<float> x = Normals(size(), 1);
  const std::vector<float> y = Normals(size(), 2);

  const double bound =
      (static_cast<double>(size()) / 4 + 12) * kEps * reference::Dot(Magnitudes(x), Magnitudes(y));
  EXPECT_NEAR(Dot(x, y), reference::Dot(x, y), bound);
  EXPECT_NEAR(SumOfSquares(x), reference::Dot(x, x),
              (static_cast<double>(size()) / 4 + 12) * kEps * reference::Dot(x, x));
}

TEST_P(VectorTest, DotHasTheSameBitsAtAnyAlignment) {
  const std::vector<float> x = Normals(size(), 1);
  const std::vector<float> y = Normals(size(), 2);

  EXPECT_EQ(Dot(Guarded(x).span(), y), Dot(x, y));
}

TEST_P(VectorTest, AxpyStaysWithinItsBoundAndItsSpan) {
  const std::vector<float> x = Normals(size(), 1);
  const std::vector<float> before = Normals(size(), 2);
  Guarded y(before);

  Axpy(0.3F, Guarded(x).span(), y.span());

  for (std::size_t i = 0; i < size(); ++i) {
    const double step = static_cast<double>(0.3F) * x[i];
    EXPECT_NEAR(y.span()[i], before[i] + step, 2 * kEps * (std::abs(step) + std::abs(before[i])));
  }
  EXPECT_TRUE(y.guards_intact());
}

TEST_P(VectorTest, ScaleRoundsOnce) {
  const std::vector<float> before = Normals(size(), 1);
  Guarded x(before);

  Scale(-1.7F, x.span());

  for (std::size_t i = 0; i < size(); ++i) EXPECT_EQ(x.span()[i], -1.7F * before[i]);
  EXPECT_TRUE(x.guards_intact());
}

TEST_P(VectorTest, AllFiniteFindsOneBadElementAnywhere) {
  Guarded guarded(Normals(size(), 1));
  const std::span<float> x = guarded.span();

  EXPECT_TRUE(AllFinite(x));
  for (std::size_t i = 0; i < size(); ++i) {
    const float before = x[i];
    for (const float bad : {std::numeric_limits<float>::infinity(), -HUGE_VALF, NAN}) {
      x[i] = bad;
      EXPECT_FALSE(AllFinite(x)) << "element " << i;
    }
    x[i] = std::numeric_limits<float>::max();
    EXPECT_TRUE(AllFinite(x)) << "element " << i;
    x[i] = before;
  }
}

TEST_P(VectorTest, GatherAddSumsRowsInOrder) {
  const std::size_t n = size();
  const std::vector<float> table = Normals(4 * n, 1);
  const std::vector<float> before = Normals(n, 2);
  const std::vector<const float*> rows = {table.data(), table.data() + 3 * n, table.data() + n,
                                          table.data() + 3 * n};
  Guarded y(before);

  GatherAdd(rows, y.span());

  for (std::size_t j = 0; j < n; ++j) {
    EXPECT_EQ(y.span()[j],
              (((before[j] + table[j]) + table[3 * n + j]) + table[n + j]) + table[3 * n + j]);
  }
  EXPECT_TRUE(y.guards_intact());
}

GYRUS_INSTANTIATE_EVERY_ISA(VectorTest);

TEST(VectorTest, GatherAddOfNoRowsChangesNothing) {
  std::vector<float> y = {1.0F, 2.0F};

  GatherAdd({}, y);

  EXPECT_EQ(y, (std::vector<float>{1.0F, 2.0F}));
}

}  // namespace
}  // namespace gyrus::kernels
