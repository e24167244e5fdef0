// SPDX-License-Identifier: Apache-2.0
#include "tools/score.h"

#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

namespace gyrus {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

Score::Score(Task task, uint32_t outputs)
    : task_(task), scaled_(outputs > 1), last_reals_(outputs), means_(outputs), squares_(outputs) {}

void Score::Symbol(double nats, uint8_t symbol) {
  const double probability =
      (symbol_counts_[symbol] + 0.5) / (static_cast<double>(symbols_) + 128.0);
  ++total_.scored;
  total_.loss += nats * std::numbers::log2e;
  total_.guess -= std::log2(probability);
  ++symbol_counts_[symbol];
  ++symbols_;
}

void Score::Class(uint32_t predicted, uint32_t label, double nats) {
  ++total_.scored;
  total_.loss += nats;
  total_.right += predicted == label ? 1 : 0;
  total_.guess += majority_ == label ? 1 : 0;
  total_.repeat += last_class_ == label ? 1 : 0;
}

void Score::KnowClass(uint32_t label) {
  if (label >= class_counts_.size()) class_counts_.resize(label + std::size_t{1});
  ++class_counts_[label];
  if (majority_ == UINT32_MAX || class_counts_[label] > class_counts_[majority_]) {
    majority_ = label;
  }
  last_class_ = label;
}

void Score::Reals(std::span<const float> predicted, std::span<const float> target) {
  if (known_ < (scaled_ ? kWarmup : 1)) return;
  double squared = 0;
  double absolute = 0;
  double persistence = 0;
  std::size_t columns = 0;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const double variance = scaled_ ? squares_[i] / static_cast<double>(known_) : 1.0;
    if (!(variance > 0)) continue;  // A column that has never changed.
    const double residual = static_cast<double>(predicted[i]) - target[i];
    const double change = static_cast<double>(last_reals_[i]) - target[i];
    squared += residual * residual / variance;
    absolute += std::abs(residual) / std::sqrt(variance);
    persistence += change * change / variance;
    ++columns;
  }
  if (columns == 0) return;
  const auto count = static_cast<double>(columns);
  ++total_.scored;
  total_.loss += squared / count;
  total_.absolute += absolute / count;
  total_.guess += persistence / count;
}

void Score::KnowReals(std::span<const float> target) {
  ++known_;
  for (std::size_t i = 0; i < target.size(); ++i) {
    const double from_mean = target[i] - means_[i];
    means_[i] += from_mean / static_cast<double>(known_);
    squares_[i] += from_mean * (target[i] - means_[i]);
    last_reals_[i] = target[i];
  }
}

void Score::Sums::operator+=(const Sums& other) {
  scored += other.scored;
  loss += other.loss;
  right += other.right;
  absolute += other.absolute;
  guess += other.guess;
  repeat += other.repeat;
}

Score::Sums Score::TakeSums() {
  const Sums interval = {.scored = total_.scored - taken_.scored,
                         .loss = total_.loss - taken_.loss,
                         .right = total_.right - taken_.right,
                         .absolute = total_.absolute - taken_.absolute,
                         .guess = total_.guess - taken_.guess,
                         .repeat = total_.repeat - taken_.repeat};
  taken_ = total_;
  return interval;
}

Means Score::MeansOf(const Sums& sums) const {
  const bool classes = task_ == Task::kClass;
  const bool reals = task_ == Task::kReal || task_ == Task::kNextReals;
  const auto mean = [&](double sum) {
    return sums.scored == 0 ? kNaN : sum / static_cast<double>(sums.scored);
  };
  Means means = {.scored = sums.scored,
                 .loss = mean(sums.loss),
                 .accuracy = classes ? mean(sums.right) : kNaN,
                 .mae = reals ? mean(sums.absolute) : kNaN,
                 .baseline = mean(sums.guess),
                 .baseline_name = reals ? "persistence" : "order 0"};
  if (classes) {
    // One name for a whole run: the better over all of it.
    const bool repeat = total_.repeat > total_.guess;
    means.baseline = mean(repeat ? sums.repeat : sums.guess);
    means.baseline_name = repeat ? "no change" : "majority";
  }
  return means;
}

absl::string_view Score::loss_name() const {
  switch (task_) {
    case Task::kNextSymbol:
      return "bits/symbol";
    case Task::kClass:
      return "log loss";
    case Task::kNextReals:
    case Task::kReal:
      break;
  }
  return scaled_ ? "squared error/variance" : "squared error";
}

}  // namespace gyrus
