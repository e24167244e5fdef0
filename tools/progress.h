// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "tools/score.h"

namespace gyrus {

// How far a run is.
struct ProgressState {
  uint64_t examples = 0;
  std::optional<uint64_t> of;  // Nullopt: unknown, or endless.
  double seconds = 0;
  Means means;  // Since the last line, or of all.
  absl::string_view loss_name;
  uint64_t woken = 0;  // Regions, at the last step.
  uint64_t regions = 0;
};

// "12 s", "3 min 20 s", "2 h 5 min"
std::string FormatSeconds(double seconds);

// "950", "12.3 k", "4.56 M"
std::string FormatCount(double count);

// What both forms say: examples/s, loss or accuracy, baseline, regions woken.
std::string ProgressText(const ProgressState& state);

// One line with a bar, at most `columns` wide.
std::string ProgressBar(const ProgressState& state, int columns);

// Shows progress: on a terminal a bar, ten times a second; otherwise a line whenever the examples
// have doubled, from 1,000 on (from 10 on where they are slower than 100 a second).
class Progress {
 public:
  Progress(std::FILE* out, bool quiet);

  // Cheap enough for every example: whether Show() should be called.
  bool Due(uint64_t examples) const { return !quiet_ && examples >= next_; }

  void Show(const ProgressState& state);

  // Ends the bar's line.
  void Finish();

 private:
  void ShowBar(const ProgressState& state);
  void ShowLine(const ProgressState& state);

  std::FILE* out_;
  bool quiet_;
  bool terminal_;
  uint64_t next_;
  bool drawn_ = false;
};

}  // namespace gyrus
