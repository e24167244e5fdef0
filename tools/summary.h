// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "core/latency_histogram.h"
#include "runtime/background_learner.h"
#include "tools/metrics.h"
#include "tools/score.h"
#include "tools/teacher.h"

namespace gyrus {

// What a run came to. NaN where it does not apply: null in JSON.
struct Summary {
  uint64_t run = 1;
  std::string command = {};  // "learn" or "run"
  std::string brain;
  std::string input = {};  // File names, without their folders.
  std::string time;        // RFC 3339, UTC.
  bool interrupted = false;
  uint64_t examples = 0;
  double seconds = 0;
  Task task = Task::kNextSymbol;
  std::string loss_name;
  Means means;
  double regions_woken_mean = 0;
  uint64_t regions_total = 0;
  ParameterCounts parameters;
  uint64_t peak_rss_bytes = 0;
  // Of a run that learned in the background: the learner's account and times; else null.
  std::optional<BackgroundLearner::Status> background = {};
  const LatencyHistogram* background_learn = nullptr;
  std::string test_input = {};  // As `input`; "": none.
  bool tested = false;
  Means test = {};
};

// The history's and --json's line of an interval ("progress" instead if it is provisional). Classes
// are drawn as their share of wrong answers, so that the baseline, which has no log loss, is on the
// same scale.
std::string IntervalJson(uint64_t run, const Interval& interval, const Means& means,
                         absl::string_view loss_name, const Plan& plan);

std::string SummaryJson(const Summary& summary, const Teacher::Account& account);

// The same for people, some lines long.
std::string SummaryText(const Summary& summary, const Teacher::Account& account);

}  // namespace gyrus
