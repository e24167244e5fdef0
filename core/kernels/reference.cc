// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/reference.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace gyrus::reference {

double Dot(std::span<const float> x, std::span<const float> y) {
  double sum = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += static_cast<double>(x[i]) * y[i];
  return sum;
}

Vector MatVec(std::span<const float> w, std::span<const float> x) {
  const std::size_t rows = x.empty() ? 0 : w.size() / x.size();
  Vector y(rows);
  for (std::size_t i = 0; i < rows; ++i) y[i] = Dot(w.subspan(i * x.size(), x.size()), x);
  return y;
}

Vector TransposedMatVec(std::span<const float> w, std::span<const float> dy, std::size_t columns) {
  Vector dx(columns);
  for (std::size_t i = 0; i < dy.size(); ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      dx[j] += static_cast<double>(w[i * columns + j]) * dy[i];
    }
  }
  return dx;
}

Vector Rank1Add(double a, std::span<const float> u, std::span<const float> v,
                std::span<const float> w) {
  Vector result(w.begin(), w.end());
  for (std::size_t i = 0; i < u.size(); ++i) {
    for (std::size_t j = 0; j < v.size(); ++j) result[i * v.size() + j] += a * u[i] * v[j];
  }
  return result;
}

Vector RmspropOuter(const kernels::RmspropStep& step, std::span<const float> dy,
                    std::span<const float> x, std::span<const float> w, Vector* mean_square) {
  const double mean_x2 = x.empty() ? 0.0 : Dot(x, x) / static_cast<double>(x.size());
  Vector result(w.begin(), w.end());
  for (std::size_t i = 0; i < dy.size(); ++i) {
    double& v = (*mean_square)[i];
    v = step.beta * v + (1.0 - step.beta) * dy[i] * dy[i] * mean_x2;
    const double rate = step.rate / (std::sqrt(v * step.bias_correction) + step.epsilon);
    for (std::size_t j = 0; j < x.size(); ++j) result[i * x.size() + j] -= rate * dy[i] * x[j];
  }
  return result;
}

Vector RlsDowndate(double scale, double forget, std::span<const float> k,
                   std::span<const float> p) {
  Vector result = Rank1Add(-scale, k, k, p);
  for (double& value : result) value /= forget;
  return result;
}

double Sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

double Silu(double x) { return x * Sigmoid(x); }

double SiluGrad(double x) { return Sigmoid(x) + x * Sigmoid(x) * Sigmoid(-x); }

double LogSumExp(std::span<const float> x) {
  if (x.empty()) return -std::numeric_limits<double>::infinity();
  const double max = *std::max_element(x.begin(), x.end());
  double sum = 0.0;
  for (const float value : x) sum += std::exp(value - max);
  return max + std::log(sum);
}

Vector Softmax(std::span<const float> x) {
  const double log_sum = LogSumExp(x);
  Vector y;
  for (const float value : x) y.push_back(std::exp(value - log_sum));
  return y;
}

double InverseRms(std::span<const float> x, double epsilon) {
  const double mean = x.empty() ? 0.0 : Dot(x, x) / static_cast<double>(x.size());
  return 1.0 / std::sqrt(mean + epsilon);
}

Vector RmsNormGrad(std::span<const float> x, double s, std::span<const float> dy) {
  const double mean = x.empty() ? 0.0 : Dot(x, dy) / static_cast<double>(x.size());
  Vector dx;
  for (std::size_t i = 0; i < x.size(); ++i) dx.push_back(s * (dy[i] - s * s * mean * x[i]));
  return dx;
}

}  // namespace gyrus::reference
