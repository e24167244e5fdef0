// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/rls.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/kernels/reference.h"
#include "tests/core/kernels/every_isa.h"

namespace gyrus::kernels {
namespace {

using test::Guarded;
using test::kEps;
using test::Magnitudes;
using test::Normals;

// A thousand features would be slow for the reference: 200 stand for them.
class RlsTest : public test::EveryIsaTest {
 protected:
  static std::size_t features() { return size() == 1000 ? 200 : size(); }

  static std::vector<float> SymmetricMatrix() {
    const std::size_t n = features();
    std::vector<float> p = Normals(n * n, 1);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < i; ++j) p[j * n + i] = p[i * n + j];
    }
    return p;
  }

  // Calls visit(i, j, at) for each element (i, j) of a triangle, squares on the diagonal included.
  static void ForTriangle(const auto& visit) {
    const std::size_t n = features();
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t end = std::min(n, (i / kTriangleStrip + 1) * kTriangleStrip);
      for (std::size_t j = 0; j < end; ++j) visit(i, j, TriangleRow(n, i) + j);
    }
  }

  static std::vector<float> TriangleOf(std::span<const float> matrix) {
    std::vector<float> triangle(TriangleFloats(features()));
    ForTriangle([&](std::size_t i, std::size_t j, std::size_t at) {
      triangle.at(at) = matrix[i * features() + j];
    });
    return triangle;
  }

  static void ExpectDowndated(double scale, double forget, std::span<const float> k,
                              std::span<const float> before, std::span<const float> after) {
    const std::size_t n = k.size();
    const reference::Vector exact = reference::RlsDowndate(scale, forget, k, before);
    ForTriangle([&](std::size_t i, std::size_t j, std::size_t at) {
      const double terms =
          std::abs(before[i * n + j]) + std::abs(scale * k[i] * static_cast<double>(k[j]));
      ASSERT_NEAR(after[at], exact[i * n + j], 6 * kEps * terms / forget);
      if (i / kTriangleStrip == j / kTriangleStrip) {
        ASSERT_EQ(after[at], after[TriangleRow(n, j) + i]);
      }
    });
  }
};

TEST_P(RlsTest, EveryElementOfATriangleHasItsPlace) {
  std::vector<int> times(TriangleFloats(features()));
  ForTriangle([&](std::size_t, std::size_t, std::size_t at) { ++times.at(at); });
  EXPECT_EQ(std::count(times.begin(), times.end(), 1), std::ssize(times));
}

TEST_P(RlsTest, GainIsProductAndItsProjection) {
  const std::size_t n = features();
  const std::vector<float> p = SymmetricMatrix();
  const std::vector<float> phi = Normals(n, 2);
  Guarded k(std::vector<float>(n, 7.0F));

  const float projection = RlsGain(Guarded(TriangleOf(p)).span(), Guarded(phi).span(), k.span());

  const reference::Vector exact = reference::MatVec(p, phi);
  const reference::Vector terms = reference::MatVec(Magnitudes(p), Magnitudes(phi));
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_NEAR(k.span()[i], exact[i], (static_cast<double>(n) + 16) * kEps * terms[i]);
  }
  EXPECT_NEAR(projection, reference::Dot(phi, k.span()),
              (static_cast<double>(n) / 4 + 12) * kEps *
                  reference::Dot(Magnitudes(phi), Magnitudes(k.span())));
  EXPECT_TRUE(k.guards_intact());
}

TEST_P(RlsTest, DowndateStaysSymmetricBitForBit) {
  const std::vector<float> before = SymmetricMatrix();
  const std::vector<float> k = Normals(features(), 2);
  for (const float scale : {0.37F, -0.37F, 0.0F}) {
    Guarded p(TriangleOf(before));

    RlsDowndate(scale, Guarded(k).span(), p.span());

    ExpectDowndated(scale, 1.0, k, before, p.span());
    EXPECT_TRUE(p.guards_intact());
  }
}

TEST_P(RlsTest, ForgettingDividesAndStaysSymmetric) {
  const std::vector<float> before = SymmetricMatrix();
  const std::vector<float> k = Normals(features(), 2);
  Guarded p(TriangleOf(before));

  RlsDowndateForget(0.37F, 0.99F, Guarded(k).span(), p.span());

  ExpectDowndated(0.37F, 0.99F, k, before, p.span());
  EXPECT_TRUE(p.guards_intact());
}

TEST_P(RlsTest, SymmetricRank1AddIsTheLowerTriangleOfRank1Add) {
  const std::size_t n = features();
  std::vector<float> phi = Normals(n, 1);
  if (n > 3) phi[2] = 0.0F;
  const std::vector<float> before = Normals(n * (n + 1) / 2, 2);
  Guarded a(before);

  SymmetricRank1Add(1.5F, Guarded(phi).span(), a.span());

  std::size_t at = 0;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j, ++at) {
      const double step = 1.5 * phi[i] * phi[j];
      EXPECT_NEAR(a.span()[at], before[at] + step,
                  3 * kEps * (std::abs(before[at]) + std::abs(step)));
    }
  }
  EXPECT_TRUE(a.guards_intact());
}

GYRUS_INSTANTIATE_EVERY_ISA(RlsTest);

}  // namespace
}  // namespace gyrus::kernels
