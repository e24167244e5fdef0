// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gyrus {

// What Runtime::History() returns, read: one JSON object per line, as the commands saved them.
// A number that a line lacks, or gives as null, is NaN. Plain values, any thread.

// How often each group of an area's regions woke, in the regions' order.
struct RegionCounts {
  std::string area;
  double regions = 0;        // In the area; 0 if the line does not say.
  std::vector<double> bins;  // At most 64 groups, each finite and >= 0.
};

// A stretch of one run.
struct IntervalLine {
  double run = 0;
  double examples = 0;  // Since the run began, at the interval's end.
  double steps = 0;     // Of the session, since the brain was made, likewise.
  double seconds = 0;   // The same.
  double loss = 0;      // Mean over the interval; so is the baseline.
  double baseline = 0;
  double accuracy = 0;     // In [0, 1].
  double replay_loss = 0;  // As the loss, of stored samples before they were learned again.
  double renewed = 0;      // Units that began anew.
  std::string loss_name;
  std::string baseline_name;
  std::vector<RegionCounts> areas;
};

// Durations up to `upper_us` and above those of the bin before.
struct LatencyBin {
  double upper_us = 0;
  double count = 0;
};

// What a run came to.
struct SummaryLine {
  double run = 0;
  std::map<std::string, double> numbers;
  std::map<std::string, std::string> words;
  std::vector<LatencyBin> step_us;
  std::vector<LatencyBin> learn_us;
  std::vector<RegionCounts> load;

  double Number(const std::string& name) const;     // NaN if there is none.
  std::string Word(const std::string& name) const;  // "" if there is none.
};

// A window of learning beyond the guard's bound.
struct GuardLine {
  bool accepted = false;  // As a changed world; else it was taken back.
  double loss = 0;        // Mean of the window,
  double reference = 0;   // and of good ones.
};

struct HistoryLines {
  std::vector<IntervalLine> intervals;  // Of a run that broke off, those told while it went on.
  std::vector<SummaryLine> summaries;
  std::vector<GuardLine> guard;
  std::vector<double> drifts;  // The steps at which they were found.
  int unreadable = 0;          // Lines that are no JSON object of a known kind.
};

// The number of the newest run in it; 0: none.
double NewestRun(const HistoryLines& history);

// Whether that run ended without a summary: its process was killed.
bool BrokeOff(const HistoryLines& history);

HistoryLines ReadHistory(const std::vector<std::string>& lines);

}  // namespace gyrus
