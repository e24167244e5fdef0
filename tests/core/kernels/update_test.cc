// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/update.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/kernels/matrix.h"
#include "core/kernels/reference.h"
#include "tests/core/kernels/every_isa.h"

namespace gyrus::kernels {
namespace {

using test::Guarded;
using test::kEps;
using test::Normals;

class UpdateTest : public test::EveryIsaTest {
 protected:
  static constexpr std::size_t kRows = 11;

  // Two rows in five have no gradient.
  static std::vector<float> Gradient() {
    std::vector<float> dy = Normals(kRows, 1);
    for (std::size_t i = 0; i < kRows; ++i) {
      if (i % 5 < 2) dy[i] = 0.0F;
    }
    return dy;
  }
};

TEST_P(UpdateTest, SgdOuterIsBackwardThenRank1AddBitForBit) {
  const std::size_t n = size();
  const std::vector<float> dy = Gradient();
  const std::vector<float> x = Normals(n, 2);
  const std::vector<float> before = Normals(kRows * n, 3);
  Guarded w(before);
  Guarded dx(Normals(n, 4));
  std::vector<float> w_apart = before;
  std::vector<float> dx_apart = Normals(n, 4);

  SgdOuter(0.1F, dy, Guarded(x).span(), w.span(), dx.span());
  TransposedMatVecAdd(w_apart, dy, dx_apart);
  Rank1Add(-0.1F, dy, x, w_apart);

  for (std::size_t i = 0; i < w_apart.size(); ++i) EXPECT_EQ(w.span()[i], w_apart[i]);
  for (std::size_t j = 0; j < n; ++j) EXPECT_EQ(dx.span()[j], dx_apart[j]);
  EXPECT_TRUE(w.guards_intact());
  EXPECT_TRUE(dx.guards_intact());
}

TEST_P(UpdateTest, RmspropOuterStaysWithinItsBoundAndItsSpan) {
  const std::size_t n = size();
  const RmspropStep step{.rate = 0.01F, .beta = 0.9F, .epsilon = 1e-6F, .bias_correction = 1.5F};
  const std::vector<float> dy = Gradient();
  const std::vector<float> x = Normals(n, 2);
  const std::vector<float> before = Normals(kRows * n, 3);
  Guarded w(before);
  Guarded dx(std::vector<float>(n, 0.0F));
  Guarded v(std::vector<float>(kRows, 0.2F));
  reference::Vector v_exact(kRows, static_cast<double>(0.2F));

  RmspropOuter(step, dy, Guarded(x).span(), w.span(), v.span(), dx.span());

  const reference::Vector exact = reference::RmspropOuter(step, dy, x, before, &v_exact);
  const double relative = (static_cast<double>(n) / 4 + 16) * kEps;
  for (std::size_t i = 0; i < kRows; ++i) EXPECT_NEAR(v.span()[i], v_exact[i], relative);
  for (std::size_t i = 0; i < exact.size(); ++i) {
    EXPECT_NEAR(w.span()[i], exact[i],
                relative * std::abs(exact[i] - before[i]) + kEps * std::abs(before[i]));
  }
  std::vector<float> dx_apart(n);
  TransposedMatVecAdd(before, dy, dx_apart);
  for (std::size_t j = 0; j < n; ++j) EXPECT_EQ(dx.span()[j], dx_apart[j]);
  EXPECT_TRUE(w.guards_intact() && dx.guards_intact() && v.guards_intact());
}

TEST_P(UpdateTest, EmptyInputGradientLeavesTheUpdateUnchanged) {
  const std::size_t n = size();
  const std::vector<float> dy = Gradient();
  const std::vector<float> x = Normals(n, 2);
  std::vector<float> sgd = Normals(kRows * n, 3);
  std::vector<float> rmsprop = sgd;
  std::vector<float> sgd_alone = sgd;
  std::vector<float> rmsprop_alone = sgd;
  std::vector<float> v(kRows, 0.2F);
  std::vector<float> v_alone = v;
  std::vector<float> dx(n);

  SgdOuter(0.1F, dy, x, sgd, dx);
  SgdOuter(0.1F, dy, x, sgd_alone, {});
  RmspropOuter({}, dy, x, rmsprop, v, dx);
  RmspropOuter({}, dy, x, rmsprop_alone, v_alone, {});

  EXPECT_EQ(sgd, sgd_alone);
  EXPECT_EQ(rmsprop, rmsprop_alone);
  EXPECT_EQ(v, v_alone);
}

TEST_P(UpdateTest, RowsWithoutGradientOnlyForget) {
  const std::size_t n = size();
  std::vector<float> w(2 * n, NAN);
  std::vector<float> v = {1.0F, 2.0F};
  std::vector<float> dx(n, 3.0F);
  const RmspropStep step{.beta = 0.5F};

  RmspropOuter(step, std::vector<float>(2, 0.0F), Normals(n, 1), w, v, dx);

  EXPECT_EQ(v, (std::vector<float>{0.5F, 1.0F}));
  EXPECT_EQ(dx, std::vector<float>(n, 3.0F));
}

GYRUS_INSTANTIATE_EVERY_ISA(UpdateTest);

}  // namespace
}  // namespace gyrus::kernels
