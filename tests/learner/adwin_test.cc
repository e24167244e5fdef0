// SPDX-License-Identifier: Apache-2.0
#include "learner/adwin.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "core/rng.h"
#include "tests/support/no_alloc.h"

namespace gyrus {
namespace {

using Change = Adwin::Change;

// The same window with every value kept: buckets are lists of values, and whatever is asked of
// them is summed anew.
class NaiveAdwin {
 public:
  explicit NaiveAdwin(double delta) : delta_(delta) {}

  Change Add(double value) {
    window_.push_back({value});
    Merge();
    if (++added_ % 32 != 0) return Change::kNone;
    Change first = Change::kNone;
    while (true) {
      const Change cut = FindCut();
      if (cut == Change::kNone) return first;
      if (first == Change::kNone) first = cut;
      window_.pop_front();
    }
  }

  std::vector<double> Values(std::size_t from, std::size_t to) const {
    std::vector<double> values;
    for (std::size_t b = from; b < to; ++b) {
      values.insert(values.end(), window_[b].begin(), window_[b].end());
    }
    return values;
  }
  std::vector<double> Values() const { return Values(0, window_.size()); }

  static double Mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }

 private:
  void Merge() {
    for (std::size_t size = 1;; size *= 2) {
      std::vector<std::size_t> same;
      for (std::size_t b = 0; b < window_.size(); ++b) {
        if (window_[b].size() == size) same.push_back(b);
      }
      if (same.size() <= 5) return;
      std::vector<double>& older = window_[same[0]];
      const std::vector<double>& newer = window_[same[1]];
      older.insert(older.end(), newer.begin(), newer.end());
      window_.erase(window_.begin() + static_cast<std::ptrdiff_t>(same[1]));
    }
  }

  Change FindCut() const {
    const std::vector<double> all = Values();
    const double n = static_cast<double>(all.size());
    double variance = 0;
    for (const double value : all) variance += std::pow(value - Mean(all), 2) / n;
    for (std::size_t b = 1; b < window_.size(); ++b) {
      const std::vector<double> old = Values(0, b);
      const std::vector<double> recent = Values(b, window_.size());
      if (old.size() < 5 || recent.size() < 5) continue;
      const double m =
          1 / (1.0 / static_cast<double>(old.size()) + 1.0 / static_cast<double>(recent.size()));
      const double d = std::log(2 * std::log(n) / delta_);
      if (std::abs(Mean(old) - Mean(recent)) > std::sqrt(2 / m * variance * d) + 2 / (3 * m) * d) {
        return Mean(old) < Mean(recent) ? Change::kRise : Change::kFall;
      }
    }
    return Change::kNone;
  }

  double delta_;
  uint64_t added_ = 0;
  std::deque<std::vector<double>> window_;  // Oldest first.
};

TEST(AdwinTest, CutsWhereTheNaiveWindowCuts) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    Rng rng(seed);
    Adwin adwin(0.05);
    NaiveAdwin naive(0.05);
    int cuts = 0;
    double level = 0.2;
    for (int i = 0; i < 3000; ++i) {
      if (rng.Below(400) == 0) level = static_cast<double>(rng.Uniform());
      const double value = 0.7 * level + 0.3 * static_cast<double>(rng.Uniform());
      const Change change = adwin.Add(value);
      ASSERT_EQ(change, naive.Add(value)) << "seed " << seed << ", value " << i;
      if (change == Change::kNone) continue;
      ++cuts;
      const std::vector<double> window = naive.Values();
      ASSERT_EQ(adwin.width(), window.size());
      // Sums of at most 3000 values in [0, 1], each within an epsilon of 2^-52.
      ASSERT_NEAR(adwin.mean(), NaiveAdwin::Mean(window), 3000 * 0x1.0p-52);
    }
    EXPECT_GE(cuts, 3) << "seed " << seed;
  }
}

TEST(AdwinTest, FindsARiseSoonAndTellsItFromAFall) {
  Adwin adwin(0.002);
  Rng rng(3);
  const auto draw = [&](double p) { return static_cast<double>(rng.Uniform()) < p ? 1.0 : 0.0; };
  for (int i = 0; i < 10000; ++i) ASSERT_EQ(adwin.Add(draw(0.1)), Change::kNone);
  EXPECT_EQ(adwin.width(), 10000U);
  int delay = 0;
  Change change = Change::kNone;
  while (change == Change::kNone && delay < 1000) {
    change = adwin.Add(draw(0.4));
    ++delay;
  }
  EXPECT_EQ(change, Change::kRise);
  EXPECT_LE(delay, 160);
  for (int i = 0; i < 2000; ++i) ASSERT_NE(adwin.Add(draw(0.4)), Change::kFall);
  EXPECT_NEAR(adwin.mean(), 0.4, 0.05);
  change = Change::kNone;
  while (change == Change::kNone) change = adwin.Add(draw(0.05));
  EXPECT_EQ(change, Change::kFall);
}

TEST(AdwinTest, RaisesFewFalseAlarms) {
  int alarms = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Adwin adwin(0.002);
    Rng rng(seed);
    for (int i = 0; i < 20000; ++i) {
      if (adwin.Add(static_cast<double>(rng.Uniform())) != Change::kNone) ++alarms;
    }
  }
  EXPECT_LE(alarms, 1);
}

TEST(AdwinTest, AllocatesNothing) {
  Adwin adwin(0.002);
  const test::NoAllocScope scope;
  for (int i = 0; i < 5000; ++i) adwin.Add(i < 2500 ? 0.1 : 0.9);
  EXPECT_EQ(scope.count(), 0);
}

TEST(AdwinTest, GoesOnFromWhereItWasSaved) {
  Adwin straight(0.01);
  Rng rng(5);
  for (int i = 0; i < 1234; ++i) straight.Add(0.5 * static_cast<double>(rng.Uniform()));
  ByteWriter writer;
  straight.Save(&writer);
  EXPECT_EQ(writer.bytes().size(), Adwin::saved_bytes());
  Adwin resumed(0.01);
  ByteReader reader(writer.bytes());
  resumed.Restore(&reader);
  ASSERT_TRUE(reader.done());
  for (int i = 0; i < 1000; ++i) {
    const double value = 0.3 + 0.5 * static_cast<double>(rng.Uniform());
    ASSERT_EQ(resumed.Add(value), straight.Add(value));
  }
  EXPECT_EQ(resumed.width(), straight.width());

  std::string damaged = writer.bytes();
  damaged[sizeof(uint64_t)] = 7;  // Buckets in use of the first row.
  ByteReader refused(damaged);
  resumed.Restore(&refused);
  EXPECT_FALSE(refused.ok());
  for (const double sum : {-1.0, 1e9, std::nan(""), HUGE_VAL}) {
    damaged = writer.bytes();
    std::memcpy(damaged.data() + sizeof(uint64_t) + 1, &sum, sizeof(sum));
    ByteReader sums(damaged);
    resumed.Restore(&sums);
    EXPECT_FALSE(sums.ok()) << sum;
  }
}

}  // namespace
}  // namespace gyrus
