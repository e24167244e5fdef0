// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/strings/string_view.h"

namespace gyrus {

// What a brain is asked, which says how it is scored.
enum class Task : uint8_t {
  kNextSymbol,  // The stream's next symbol.
  kNextReals,   // The stream's next real vector.
  kClass,       // The class of each example.
  kReal,        // A number for each example.
};

// Means over scored examples; NaN where there is none, or where it does not apply.
struct Means {
  uint64_t scored = 0;
  double loss = 0;      // Score::loss_name().
  double accuracy = 0;  // Classes: in [0, 1].
  double mae = 0;       // Reals: mean absolute difference, in the units of the loss's root.
  double baseline = 0;  // Of the same kind as the loss; classes: as the accuracy.
  absl::string_view baseline_name;
};

// Predict, then learn: scores every prediction from before its target was known, beside what a
// guess without learning reaches on the same examples:
//
//   symbols  bits per symbol          order 0: how often each symbol came so far (KT estimate)
//   classes  log loss in nats         accuracy of the most frequent class so far, and of the last
//                                     known class; the better of both is the baseline
//   reals    mean squared error       persistence: the last known value
//
// One real is scored in its own units; several each in units of its column's variance so far,
// which their first kWarmup examples give.
//
// Thread-compatible.
class Score {
 public:
  static constexpr uint64_t kWarmup = 10;

  // `outputs` is the length of a real target.
  Score(Task task, uint32_t outputs);

  // Scores a symbol by the probability that was predicted for it, and makes it known.
  void Symbol(double nats, uint8_t symbol);

  // Scores a class. It is known to the baselines only after Know().
  void Class(uint32_t predicted, uint32_t label, double nats);
  void KnowClass(uint32_t label);

  // Scores a real vector, likewise. Shapes: all (outputs,), finite.
  void Reals(std::span<const float> predicted, std::span<const float> target);
  void KnowReals(std::span<const float> target);

  Means Total() const { return MeansOf(total_); }

  Task task() const { return task_; }
  absl::string_view loss_name() const;

  // Sums that means are made of; those of neighbours may be added.
  struct Sums {
    uint64_t scored = 0;
    double loss = 0;
    double right = 0;
    double absolute = 0;
    double guess = 0;   // Order 0, persistence, or the majority's hits.
    double repeat = 0;  // Classes: hits of the last known class.

    void operator+=(const Sums& other);
  };
  Sums TakeSums();
  Means MeansOf(const Sums& sums) const;

 private:
  Task task_;
  bool scaled_;
  Sums total_;
  Sums taken_;  // Of total_, at the last TakeSums.
  std::array<uint32_t, 256> symbol_counts_{};
  uint64_t symbols_ = 0;
  std::vector<uint64_t> class_counts_;
  uint32_t majority_ = UINT32_MAX;
  uint32_t last_class_ = UINT32_MAX;
  uint64_t known_ = 0;  // Real targets.
  std::vector<float> last_reals_;
  std::vector<double> means_;
  std::vector<double> squares_;  // Sum of squared distances to the mean (Welford).
};

}  // namespace gyrus
