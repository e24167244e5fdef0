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

namespace {

struct Response {
  double value = 0.0;
  double size = 0.0;
};

Response RespondAt(const kernels::PatchBank& bank, std::span<const float> taps, std::size_t k,
                   const uint8_t* pixels) {
  const std::size_t p = bank.patch_size;
  const auto pixel = [&](std::size_t t) { return pixels[t / p * bank.columns + t % p] / 255.0; };
  double mean = 0.0;
  for (std::size_t t = 0; t < p * p; ++t) mean += pixel(t) / static_cast<double>(p * p);
  double spread = bank.epsilon;
  Response dot;
  for (std::size_t t = 0; t < p * p; ++t) {
    spread += (pixel(t) - mean) * (pixel(t) - mean);
    const double term = taps[t * kernels::PatchStride(bank.patches) + k] * pixel(t);
    dot.value += term;
    dot.size += std::abs(term);
  }
  const double scale = 1.0 / std::sqrt(spread);
  return {std::max(0.0, dot.value * scale - bank.threshold), dot.size * scale};
}

}  // namespace

Vector PoolPatches(const kernels::PatchBank& bank, std::span<const float> taps,
                   std::span<const uint8_t> pixels, Vector* sizes) {
  const std::size_t down = bank.rows - bank.patch_size + 1;
  const std::size_t across = bank.columns - bank.patch_size + 1;
  Vector sums(bank.grid * bank.grid * bank.patches);
  Vector counts(sums.size());
  sizes->assign(sums.size(), 0.0);
  for (std::size_t r = 0; r < down; ++r) {
    for (std::size_t c = 0; c < across; ++c) {
      const std::size_t cell = r * bank.grid / down * bank.grid + c * bank.grid / across;
      for (std::size_t k = 0; k < bank.patches; ++k) {
        const Response response = RespondAt(bank, taps, k, pixels.data() + r * bank.columns + c);
        const std::size_t at = cell * bank.patches + k;
        sums[at] += response.value;
        counts[at] += 1.0;
        (*sizes)[at] = std::max((*sizes)[at], response.size);
      }
    }
  }
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] /= counts[i];
  return sums;
}

Decision Mix(std::span<const float> x, std::span<const Vector> weights, const Vector& last) {
  const auto clamp = [](double z) {
    return std::clamp<double>(z, -kernels::kMaxLogit, kernels::kMaxLogit);
  };
  Decision decision;
  for (std::size_t s = 0; s < weights.size(); ++s) {
    double z = 0.0;
    for (std::size_t j = 0; j < x.size(); ++j) z += weights[s][j] * x[j];
    decision.logits.push_back(clamp(z));
    decision.probabilities.push_back(Sigmoid(decision.logits[s]));
    decision.mixed += last[s] * decision.logits[s];
  }
  decision.mixed = clamp(decision.mixed);
  decision.probability = Sigmoid(decision.mixed);
  return decision;
}

void MixLearn(const Decision& decision, double bit, const kernels::MixRates& rates,
              std::span<const float> x, std::span<Vector> weights_and_last) {
  Vector& last = weights_and_last.back();
  for (std::size_t s = 0; s + 1 < weights_and_last.size(); ++s) {
    Vector& w = weights_and_last[s];
    const double visits = w.back()++;
    const double first = rates.first;
    const double rate = rates.last + (first - rates.last) / (1.0 + visits / rates.fade);
    for (std::size_t j = 0; j + 1 < x.size(); ++j) {
      w[j] += rate * (bit - decision.probabilities[s]) * x[j];
    }
    last[s] += rates.final * (bit - decision.probability) * decision.logits[s];
  }
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
