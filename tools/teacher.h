// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "absl/status/status.h"
#include "core/clock.h"
#include "core/stopwatch.h"
#include "runtime/session.h"
#include "tools/feed.h"
#include "tools/inputs/record.h"
#include "tools/metrics.h"
#include "tools/score.h"

namespace gyrus {

// Leads a session through a stream: each example is predicted, scored, and then learned unless
// the session is frozen. Labels may come late, as they do in life.
//
// Thread-compatible. What it is given must outlive it.
class Teacher {
 public:
  struct Options {
    uint32_t classes = 0;  // Of the brain's answer.
    uint32_t delay = 0;    // Steps by which each label comes late; below the brain's label_window.
    bool metrics = true;   // Times calls and counts wakings.
  };
  // What is measured on the way.
  struct Account {
    explicit Account(const Plan& plan) : loads(plan) {}

    uint64_t examples = 0;
    Stopwatch step;
    Stopwatch learn;
    RegionLoads loads;
  };

  Teacher(Session* session, Score* score, Account* account, const Options& options);

  // One record that `feed` has read.
  absl::Status Take(Feed* feed);

  // Gives the labels that are still to come, at the end of the stream.
  absl::Status Finish();

 private:
  struct Label {
    uint64_t step = 0;
    uint32_t symbol = 0;
    float real = 0;
  };

  absl::Status Step(const Observation& observation, const Want& want);
  void AwaitRoom() const;
  absl::Status LearnTimed(const Observation& observation);
  absl::Status TakeSymbol(const Value& value, const Observation& observation);
  absl::Status TakeReals(const Value& value, const Observation& observation);
  absl::Status TakeClass(const Feed& feed);
  absl::Status TakeReal(const Feed& feed);
  absl::Status Queue(const Target& target);
  absl::Status Deliver();
  absl::Status LearnFirst();
  absl::Status Learn(const Label& label);
  Target TargetOf(const Label& label) const;
  bool learns() const { return session_->mode() != Mode::kFrozen; }
  // Whether the learner says what was lost, as it learns.
  bool learns_at_once() const { return session_->mode() == Mode::kInline; }

  Session* session_;
  Score* score_;
  Account* account_;
  Options options_;
  SystemClock clock_;
  uint64_t step_ = 0;     // Id of the last one.
  bool stepped_ = false;  // In this run.
  std::vector<float> distribution_;
  std::vector<float> mean_;
  std::vector<float> variance_;
  Prediction prediction_;
  std::deque<Label> waiting_;
};

}  // namespace gyrus
