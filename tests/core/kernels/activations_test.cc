// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/activations.h"

#include <gtest/gtest.h>

#include <algorithm>
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

constexpr float kInf = std::numeric_limits<float>::infinity();

// A function under test, what it should be, and its documented error at x where it gives y.
struct Case {
  const char* name;
  void (*fast)(std::span<const float>, std::span<float>) noexcept;
  double (*exact)(double);
  double (*error)(double x, double y);
  float at_inf;
  float at_minus_inf;
};

double Relative(double y, double relative, double absolute) {
  return std::max(relative * std::abs(y), absolute);
}

const Case kCases[] = {
    {"Relu", Relu, [](double x) { return std::max(x, 0.0); }, [](double, double) { return 0.0; },
     kInf, 0.0F},
    {"Exp", Exp, std::exp, [](double, double y) { return Relative(y, 3e-7, 0x1.0p-149); }, kInf,
     0.0F},
    {"Sigmoid", Sigmoid, reference::Sigmoid,
     [](double, double y) { return Relative(y, 5e-7, 0x1.0p-149); }, 1.0F, 0.0F},
    {"Tanh", Tanh, std::tanh, [](double, double y) { return Relative(y, 5e-7, 0.0); }, 1.0F, -1.0F},
    {"Silu", Silu, reference::Silu, [](double, double y) { return Relative(y, 6e-7, 0x1.0p-142); },
     kInf, 0.0F},
    {"SiluGrad", SiluGrad, reference::SiluGrad,
     [](double x, double) {
       const double s = reference::Sigmoid(x);
       return Relative(s + std::abs(x) * s * reference::Sigmoid(-x), 1e-6, 0x1.0p-142);
     },
     1.0F, 0.0F},
};

class ActivationsTest : public test::EveryIsaTest {};

TEST_P(ActivationsTest, FunctionsStayWithinTheirErrorsAndSpans) {
  std::vector<float> x = Normals(size(), 1);
  for (std::size_t i = 0; i < size(); i += 2) x[i] *= 20.0F;
  for (const Case& c : kCases) {
    Guarded y(std::vector<float>(size(), 7.0F));
    std::vector<float> in_place = x;

    c.fast(Guarded(x).span(), y.span());
    c.fast(in_place, in_place);

    for (std::size_t i = 0; i < size(); ++i) {
      const double exact = c.exact(x[i]);
      ASSERT_NEAR(y.span()[i], exact, c.error(x[i], exact)) << c.name << " at " << x[i];
      ASSERT_EQ(y.span()[i], in_place[i]) << c.name;
    }
    EXPECT_TRUE(y.guards_intact()) << c.name;
  }
}

TEST_P(ActivationsTest, AnElementHasTheSameBitsAnywhere) {
  for (const Case& c : kCases) {
    const std::vector<float> x(size(), 0.731F);
    const std::size_t count = std::min<std::size_t>(1, size());
    std::vector<float> y(size());
    float one = 0.0F;

    c.fast(x, y);
    c.fast(std::span(x).first(count), std::span(&one, count));

    for (const float value : y) EXPECT_EQ(value, one) << c.name;
  }
}

TEST_P(ActivationsTest, SoftmaxIsWithinItsErrorAndSumsToOne) {
  std::vector<float> x = Normals(size(), 1);
  for (float& value : x) value *= 10.0F;
  Guarded y(std::vector<float>(size(), 7.0F));

  Softmax(Guarded(x).span(), y.span());

  const reference::Vector exact = reference::Softmax(x);
  const double max = x.empty() ? 0.0 : *std::max_element(x.begin(), x.end());
  for (std::size_t i = 0; i < size(); ++i) {
    const double relative = 1e-6 + kEps * (max - x[i] + static_cast<double>(size()) / 4);
    EXPECT_NEAR(y.span()[i], exact[i], Relative(exact[i], relative, 0x1.0p-148));
  }
  EXPECT_TRUE(y.guards_intact());
}

TEST_P(ActivationsTest, LogSumExpIsWithinItsError) {
  std::vector<float> x = Normals(size(), 1);
  for (float& value : x) value = value * 10.0F + 200.0F;

  const double result = LogSumExp(Guarded(x).span());

  if (x.empty()) {
    EXPECT_EQ(result, -kInf);
  } else {
    const double exact = reference::LogSumExp(x);
    EXPECT_NEAR(result, exact,
                1e-6 + kEps * (static_cast<double>(size()) / 4 + 2 * std::abs(exact)));
  }
}

TEST_P(ActivationsTest, RmsNormIsWithinItsError) {
  const std::vector<float> x = Normals(size(), 1);
  Guarded y(std::vector<float>(size(), 7.0F));

  const float s = RmsNorm(Guarded(x).span(), y.span(), 1e-5F);

  const double relative = (static_cast<double>(size()) / 8 + 12) * kEps;
  const double exact = reference::InverseRms(x, 1e-5F);
  EXPECT_NEAR(s, exact, relative * exact);
  for (std::size_t i = 0; i < size(); ++i) {
    EXPECT_NEAR(y.span()[i], exact * x[i], relative * std::abs(exact * x[i]));
  }
  EXPECT_TRUE(y.guards_intact());
}

TEST_P(ActivationsTest, RmsNormGradIsWithinItsError) {
  const std::vector<float> x = Normals(size(), 1);
  const std::vector<float> dy = Normals(size(), 2);
  const float s = 0.8F;
  Guarded dx(dy);

  RmsNormGrad(Guarded(x).span(), s, dx.span(), dx.span());

  const reference::Vector exact = reference::RmsNormGrad(x, s, dy);
  const double n = static_cast<double>(size());
  const double mean = reference::Dot(Magnitudes(x), Magnitudes(dy)) / std::max(1.0, n);
  for (std::size_t i = 0; i < size(); ++i) {
    const double terms = s * (std::abs(dy[i]) + s * s * std::abs(x[i]) * mean);
    EXPECT_NEAR(dx.span()[i], exact[i], (n / 4 + 16) * kEps * terms);
  }
  EXPECT_TRUE(dx.guards_intact());
}

GYRUS_INSTANTIATE_EVERY_ISA(ActivationsTest);

// The whole range of floats, once per instruction set.
class ActivationsRangeTest : public test::EveryIsaTest {};

TEST_P(ActivationsRangeTest, ErrorsHoldFromSmallestToLargestArgument) {
  std::vector<float> x;
  for (float value = 1e-42F; value < 1e38F; value *= 1.007F) {
    x.push_back(value);
    x.push_back(-value);
  }
  for (float value = -105.0F; value < 90.0F; value += 0.0137F) x.push_back(value);
  for (const Case& c : kCases) {
    std::vector<float> y(x.size());

    c.fast(x, y);

    for (std::size_t i = 0; i < x.size(); ++i) {
      const double exact = c.exact(x[i]);
      if (std::abs(exact) > static_cast<double>(std::numeric_limits<float>::max())) {
        ASSERT_EQ(y[i], kInf) << c.name << " at " << x[i];
      } else {
        ASSERT_NEAR(y[i], exact, c.error(x[i], exact)) << c.name << " at " << x[i];
      }
    }
  }
}

TEST_P(ActivationsRangeTest, LimitsAreReachedAndNaNIsKept) {
  const std::vector<float> x = {kInf, -kInf, NAN, -NAN};
  for (const Case& c : kCases) {
    std::vector<float> y(4);

    c.fast(x, y);

    EXPECT_EQ(y[0], c.at_inf) << c.name;
    EXPECT_EQ(y[1], c.at_minus_inf) << c.name;
    EXPECT_TRUE(std::isnan(y[2]) && std::isnan(y[3])) << c.name;
  }
}

TEST_P(ActivationsRangeTest, SoftmaxAndLogSumExpDefineTheirSpecialCases) {
  const std::vector<float> none(3, -kInf);
  const std::vector<float> infinite = {0.0F, kInf, 1.0F};
  const std::vector<float> nan = {0.0F, NAN, kInf};
  std::vector<float> y(3);

  for (const auto& x : {none, infinite, nan}) {
    Softmax(x, y);
    for (const float value : y) EXPECT_TRUE(std::isnan(value));
  }
  EXPECT_EQ(LogSumExp(none), -kInf);
  EXPECT_EQ(LogSumExp(infinite), kInf);
  EXPECT_TRUE(std::isnan(LogSumExp(nan)));
  EXPECT_TRUE(std::isnan(LogSumExp(std::vector<float>{NAN, 1.0F})));
}

INSTANTIATE_TEST_SUITE_P(AllIsas, ActivationsRangeTest,
                         testing::Combine(testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                                          testing::Values<std::size_t>(0)),
                         test::NameOfCase);

}  // namespace
}  // namespace gyrus::kernels
