// SPDX-License-Identifier: Apache-2.0
#include "core/latency_histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

#include "core/rng.h"
#include "tests/support/no_alloc.h"

namespace gyrus {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LatencyHistogramTest, HasNothingToSayWhenEmpty) {
  const LatencyHistogram histogram;

  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), Nanos(0));
  EXPECT_EQ(histogram.Percentile(50.0), Nanos(0));
}

TEST(LatencyHistogramTest, IsExactBelow128Nanoseconds) {
  for (int64_t nanos = 1; nanos < 128; ++nanos) {
    LatencyHistogram histogram;
    histogram.Record(Nanos(nanos));
    histogram.Record(seconds(1));  // So that the maximum corrects nothing.

    EXPECT_EQ(histogram.Percentile(50.0), Nanos(nanos));
  }
}

TEST(LatencyHistogramTest, StaysWithinOnePercentOverItsRange) {
  for (double nanos = 1.0; nanos < 1e11; nanos *= 1.01) {
    const Nanos duration(static_cast<int64_t>(nanos));
    LatencyHistogram histogram;
    histogram.Record(duration);
    histogram.Record(LatencyHistogram::kLongest);

    const double got = static_cast<double>(histogram.Percentile(50.0).count());
    const double want = static_cast<double>(duration.count());
    EXPECT_LE(std::abs(got - want), std::max(0.5, 0.008 * want)) << duration.count();
  }
}

TEST(LatencyHistogramTest, ClampsToItsRange) {
  LatencyHistogram histogram;
  histogram.Record(Nanos(-5));
  EXPECT_EQ(histogram.max(), Nanos(1));

  histogram.Record(hours(1));
  EXPECT_EQ(histogram.max(), seconds(100));
  EXPECT_EQ(histogram.Percentile(100.0), seconds(100));
}

TEST(LatencyHistogramTest, PercentilesAgreeWithSortedRecordings) {
  Rng rng(5);
  LatencyHistogram histogram;
  std::vector<double> sorted;
  for (int i = 0; i < 5000; ++i) {
    const double nanos = std::floor(std::exp(3.0 + 15.0 * rng.Uniform()));
    histogram.Record(Nanos(static_cast<int64_t>(nanos)));
    sorted.push_back(nanos);
  }
  std::sort(sorted.begin(), sorted.end());

  for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const auto rank = static_cast<std::size_t>(std::max(1.0, std::ceil(percent * 50.0)));
    const double want = sorted[rank - 1];
    const double got = static_cast<double>(histogram.Percentile(percent).count());
    EXPECT_LE(std::abs(got - want), std::max(0.5, 0.008 * want)) << percent;
  }
  EXPECT_EQ(static_cast<double>(histogram.max().count()), sorted.back());
}

TEST(LatencyHistogramTest, MergesAsIfRecordedTogether) {
  LatencyHistogram both;
  LatencyHistogram even;
  LatencyHistogram odd;
  for (int i = 1; i <= 1000; ++i) {
    both.Record(Nanos(i * i));
    (i % 2 == 0 ? even : odd).Record(Nanos(i * i));
  }

  odd.Merge(even);

  EXPECT_EQ(odd.count(), both.count());
  EXPECT_EQ(odd.max(), both.max());
  for (int percent = 0; percent <= 100; ++percent) {
    EXPECT_EQ(odd.Percentile(percent), both.Percentile(percent));
  }
}

TEST(LatencyHistogramTest, ForgetsOnReset) {
  LatencyHistogram histogram;
  histogram.Record(milliseconds(3));

  histogram.Reset();

  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.max(), Nanos(0));
  EXPECT_EQ(histogram.Percentile(99.0), Nanos(0));
}

TEST(LatencyHistogramTest, RecordsWithoutAllocating) {
  LatencyHistogram histogram;

  const test::NoAllocScope scope;
  for (int i = 0; i < 1000; ++i) histogram.Record(Nanos(i));

  EXPECT_EQ(scope.count(), 0);
}

TEST(LatencyHistogramTest, IsReadBesideItsWriter) {
  LatencyHistogram histogram;
  std::thread writer([&histogram] {
    for (int i = 0; i < 20000; ++i) histogram.Record(Nanos(1000));
  });

  uint64_t last = 0;
  bool grows = true;
  bool sound = true;
  while (last < 20000) {
    const uint64_t count = histogram.count();
    const Nanos median = histogram.Percentile(50.0);
    grows = grows && count >= last;
    sound = sound && median <= Nanos(1000);
    last = count;
    std::this_thread::yield();
  }
  writer.join();

  EXPECT_TRUE(grows);
  EXPECT_TRUE(sound);
}

}  // namespace
}  // namespace gyrus
