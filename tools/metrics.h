// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "activation/activity.h"
#include "activation/plan.h"
#include "core/latency_histogram.h"
#include "learner/learning_meter.h"
#include "tools/score.h"

namespace gyrus {

// "[[upper_us,count],...]"
std::string HistogramJson(const LatencyHistogram& histogram);

// How often each region was woken.
class RegionLoads {
 public:
  static constexpr uint32_t kMaxBins = 64;

  explicit RegionLoads(const Plan& plan);

  void Count(const Activity& activity);

  // Regions woken per step over all areas, and of one area.
  double woken_mean() const;
  double woken_mean(std::size_t area) const;
  uint64_t regions() const { return regions_; }
  uint64_t woken_last() const { return woken_last_; }

  // By area: wakings in at most kMaxBins groups of neighbours.
  using Bins = std::vector<std::vector<uint64_t>>;
  Bins Total() const;

  // Since the last call.
  Bins Take();

  // `[{"area":"memory","regions":64,"bins":[...]},...]`
  std::string TotalJson() const;

 private:
  struct Area {
    std::string name;
    std::vector<uint64_t> woken;  // By region.
    uint64_t total = 0;
  };

  std::vector<Area> areas_;
  Bins taken_;
  uint64_t regions_ = 0;
  uint64_t steps_ = 0;
  uint64_t woken_last_ = 0;
};

// What learning did beside what is scored; see LearningMeter.
struct Upkeep {
  uint64_t replayed = 0;
  double replayed_loss = 0;  // Sum.
  uint64_t renewed = 0;

  static Upkeep Of(const LearningMeter& meter);
  Upkeep& operator+=(const Upkeep& other);
  Upkeep operator-(const Upkeep& other) const;
};

// What happened between two moments of a run.
struct Interval {
  uint64_t examples = 0;  // Since the run began.
  double seconds = 0;     // Likewise.
  Score::Sums sums;
  Upkeep upkeep = {};
  RegionLoads::Bins bins = {};
  bool provisional = false;  // Told before the run has ended, in case that it never does.
  uint64_t steps = 0;        // Of its session, since the brain was made.
};

// The intervals of a run, all of one length in examples: when there are kMost, neighbours become
// one, so that there are never many however long the run. Thread-compatible.
class Intervals {
 public:
  static constexpr std::size_t kMost = 100;

  // Whether an interval ends with this many examples.
  bool Due(uint64_t examples) const { return examples >= next_; }
  void Add(Interval interval);

  const std::vector<Interval>& all() const { return all_; }

 private:
  uint64_t length_ = 1;
  uint64_t next_ = 1;
  std::vector<Interval> all_;
};

// Parameters that a brain has, and that a step wakes: of an area's regions those woken, of all
// else the blocks that a learning step may write.
struct ParameterCounts {
  uint64_t all = 0;
  double woken = 0;
};
ParameterCounts CountParameters(const Plan& plan, const RegionLoads& loads);

// The most memory that this process has had, in bytes.
uint64_t PeakRssBytes();

}  // namespace gyrus
