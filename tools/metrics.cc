// SPDX-License-Identifier: Apache-2.0
#include "tools/metrics.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/json.h"

namespace gyrus {

std::string HistogramJson(const LatencyHistogram& histogram) {
  std::vector<std::string> bins;
  for (const LatencyHistogram::Bin& bin : histogram.Bins()) {
    const double upper_us = static_cast<double>(bin.upper.count()) / 1e3;
    bins.push_back(absl::StrCat("[", JsonNumber(upper_us), ",", bin.count, "]"));
  }
  return absl::StrCat("[", absl::StrJoin(bins, ","), "]");
}

RegionLoads::RegionLoads(const Plan& plan) {
  for (const AreaPlan& area : plan.areas()) {
    areas_.push_back({.name = area.spec.name, .woken = std::vector<uint64_t>(area.spec.regions)});
    regions_ += area.spec.regions;
  }
  taken_ = Total();
}

void RegionLoads::Count(const Activity& activity) {
  ++steps_;
  woken_last_ = 0;
  for (std::size_t a = 0; a < areas_.size(); ++a) {
    if (!activity.areas[a].awake) continue;
    for (const Woken& woken : activity.areas[a].woken) ++areas_[a].woken[woken.region];
    areas_[a].total += activity.areas[a].woken.size();
    woken_last_ += activity.areas[a].woken.size();
  }
}

double RegionLoads::woken_mean(std::size_t area) const {
  return steps_ == 0 ? 0 : static_cast<double>(areas_[area].total) / static_cast<double>(steps_);
}

double RegionLoads::woken_mean() const {
  double sum = 0;
  for (std::size_t a = 0; a < areas_.size(); ++a) sum += woken_mean(a);
  return sum;
}

RegionLoads::Bins RegionLoads::Total() const {
  Bins bins;
  for (const Area& area : areas_) {
    const std::size_t regions = area.woken.size();
    std::vector<uint64_t>& into = bins.emplace_back(std::min<std::size_t>(kMaxBins, regions));
    for (std::size_t r = 0; r < regions; ++r) into[r * into.size() / regions] += area.woken[r];
  }
  return bins;
}

RegionLoads::Bins RegionLoads::Take() {
  Bins total = Total();
  Bins since = total;
  for (std::size_t a = 0; a < since.size(); ++a) {
    for (std::size_t b = 0; b < since[a].size(); ++b) since[a][b] -= taken_[a][b];
  }
  taken_ = std::move(total);
  return since;
}

std::string RegionLoads::TotalJson() const {
  const Bins bins = Total();
  std::vector<std::string> areas;
  for (std::size_t a = 0; a < areas_.size(); ++a) {
    areas.push_back(JsonObject()
                        .Add("area", areas_[a].name)
                        .Add("regions", uint64_t{areas_[a].woken.size()})
                        .AddJson("bins", JsonArray(bins[a]))
                        .ToString());
  }
  return absl::StrCat("[", absl::StrJoin(areas, ","), "]");
}

Upkeep Upkeep::Of(const LearningMeter& meter) {
  return {.replayed = meter.replayed,
          .replayed_loss = meter.replayed_loss_sum,
          .renewed = meter.renewed};
}

Upkeep& Upkeep::operator+=(const Upkeep& other) {
  replayed += other.replayed;
  replayed_loss += other.replayed_loss;
  renewed += other.renewed;
  return *this;
}

Upkeep Upkeep::operator-(const Upkeep& other) const {
  return {.replayed = replayed - other.replayed,
          .replayed_loss = replayed_loss - other.replayed_loss,
          .renewed = renewed - other.renewed};
}

void Intervals::Add(Interval interval) {
  next_ = interval.examples + length_;
  all_.push_back(std::move(interval));
  if (all_.size() < kMost) return;
  for (std::size_t i = 0; i < kMost / 2; ++i) {
    Interval& first = all_[2 * i];
    Interval& second = all_[2 * i + 1];
    second.sums += first.sums;
    second.upkeep += first.upkeep;
    for (std::size_t a = 0; a < second.bins.size(); ++a) {
      for (std::size_t b = 0; b < second.bins[a].size(); ++b) second.bins[a][b] += first.bins[a][b];
    }
    Interval both = std::move(second);
    all_[i] = std::move(both);
  }
  all_.resize(kMost / 2);
  length_ *= 2;
  next_ = all_.back().examples + length_;
}

ParameterCounts CountParameters(const Plan& plan, const RegionLoads& loads) {
  ParameterCounts counts;
  std::vector<double> woken(plan.tables().size(), -1);
  for (std::size_t a = 0; a < plan.areas().size(); ++a) {
    woken[plan.areas()[a].weights_table] = loads.woken_mean(a);
  }
  for (std::size_t t = 0; t < woken.size(); ++t) {
    const PlanBuilder::Table& table = plan.tables()[t];
    if (table.spec.layout.reader() != TensorReader::kStep) continue;
    const auto each = static_cast<double>(table.spec.layout.parameters());
    const double blocks =
        woken[t] >= 0 ? woken[t]
                      : static_cast<double>(std::min(table.writes_per_step, table.spec.blocks));
    counts.all += uint64_t{table.spec.blocks} * table.spec.layout.parameters();
    counts.woken += each * blocks;
  }
  return counts;
}

uint64_t PeakRssBytes() {
  struct rusage usage {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace gyrus
