// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/matrix.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/kernels/reference.h"
#include "tests/core/kernels/every_isa.h"

namespace gyrus::kernels {
namespace {

using test::Guarded;
using test::kEps;
using test::Magnitudes;
using test::Normals;

// Matrices of size() columns and of every remainder of rows.
class MatrixTest : public test::EveryIsaTest {
 protected:
  static constexpr std::size_t kRows[] = {0, 1, 2, 3, 4, 5, 7, 17};
};

TEST_P(MatrixTest, MatVecStaysWithinItsBoundAndItsSpan) {
  const std::size_t n = size();
  const std::vector<float> x = Normals(n, 1);
  for (const std::size_t m : kRows) {
    const std::vector<float> w = Normals(m * n, 2);
    Guarded y(std::vector<float>(m, 7.0F));
    Guarded sum(std::vector<float>(m, 0.5F));

    MatVec(Guarded(w).span(), Guarded(x).span(), y.span());
    MatVecAdd(w, x, sum.span());

    const reference::Vector exact = n == 0 ? reference::Vector(m) : reference::MatVec(w, x);
    for (std::size_t i = 0; i < m; ++i) {
      const std::span row = std::span(w).subspan(i * n, n);
      const double bound =
          (static_cast<double>(n) / 2 + 12) * kEps * reference::Dot(Magnitudes(row), Magnitudes(x));
      EXPECT_NEAR(y.span()[i], exact[i], bound) << "row " << i << " of " << m;
      EXPECT_EQ(sum.span()[i], 0.5F + y.span()[i]);
    }
    EXPECT_TRUE(y.guards_intact());
    EXPECT_TRUE(sum.guards_intact());
  }
}

TEST_P(MatrixTest, MatVecGivesARowTheSameBitsInAnyMatrix) {
  const std::size_t n = size();
  const std::vector<float> x = Normals(n, 1);
  const std::vector<float> w = Normals(17 * n, 2);
  std::vector<float> all(17);
  std::vector<float> one(1);

  MatVec(w, x, all);

  for (std::size_t i = 0; i < 17; ++i) {
    MatVec(std::span(w).subspan(i * n, n), x, one);
    EXPECT_EQ(one[0], all[i]) << "row " << i;
  }
}

TEST_P(MatrixTest, TransposedMatVecAddStaysWithinItsBoundAndItsSpan) {
  const std::size_t n = size();
  const std::vector<float> before = Normals(n, 3);
  for (const std::size_t m : kRows) {
    const std::vector<float> w = Normals(m * n, 2);
    const std::vector<float> dy = Normals(m, 1);
    Guarded dx(before);

    TransposedMatVecAdd(Guarded(w).span(), dy, dx.span());

    const reference::Vector exact = reference::TransposedMatVec(w, dy, n);
    const reference::Vector size = reference::TransposedMatVec(Magnitudes(w), Magnitudes(dy), n);
    for (std::size_t j = 0; j < n; ++j) {
      EXPECT_NEAR(dx.span()[j], before[j] + exact[j],
                  static_cast<double>(m + 1) * kEps * (std::abs(before[j]) + size[j]));
    }
    EXPECT_TRUE(dx.guards_intact());
  }
}

TEST_P(MatrixTest, Rank1AddStaysWithinItsBoundAndItsSpan) {
  const std::size_t n = size();
  const std::vector<float> v = Normals(n, 1);
  for (const std::size_t m : kRows) {
    const std::vector<float> u = Normals(m, 3);
    const std::vector<float> before = Normals(m * n, 2);
    Guarded w(before);

    Rank1Add(-0.3F, u, Guarded(v).span(), w.span());

    const reference::Vector exact = reference::Rank1Add(-0.3F, u, v, before);
    for (std::size_t i = 0; i < m * n; ++i) {
      const double step = std::abs(exact[i] - before[i]);
      EXPECT_NEAR(w.span()[i], exact[i], 3 * kEps * (std::abs(before[i]) + step));
    }
    EXPECT_TRUE(w.guards_intact());
  }
}

TEST_P(MatrixTest, RowsOfZeroCoefficientAreNotRead) {
  const std::size_t n = size();
  std::vector<float> w(5 * n, NAN);
  for (std::size_t j = 0; j < n; ++j) w[2 * n + j] = 1.0F;
  const std::vector<float> only_third = {0.0F, 0.0F, 2.0F, 0.0F, -0.0F};
  std::vector<float> dx(n, 1.0F);

  TransposedMatVecAdd(w, only_third, dx);
  Rank1Add(1.0F, only_third, std::vector<float>(n, 1.0F), w);

  for (std::size_t j = 0; j < n; ++j) {
    EXPECT_EQ(dx[j], 3.0F);
    EXPECT_EQ(w[2 * n + j], 3.0F);
  }
}

GYRUS_INSTANTIATE_EVERY_ISA(MatrixTest);

}  // namespace
}  // namespace gyrus::kernels
