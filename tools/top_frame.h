// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "activation/brain_spec.h"
#include "tools/samples.h"

namespace gyrus {

// What gyrus top shows of a running brain: at most 24 lines of at most 80 columns. Takes in what
// the process says of itself, once a second or so. Thread-compatible; plain values.
class TopFrame {
 public:
  // `spec` must outlive it.
  explicit TopFrame(const BrainSpec& spec) : spec_(spec) {}

  void Add(Samples now);

  // Rates and the loss of now are between the last two; with one, since the process began. Nothing
  // before the first Add.
  std::vector<std::string> Lines() const;

 private:
  static constexpr std::size_t kMostLosses = 180;  // Of the sparkline: three minutes.

  double Change(absl::string_view name) const;
  double Seconds() const;
  double LossNow() const;
  const char* LossName() const;
  std::string LossText(double loss) const;
  std::string Head() const;
  void AddLoss(std::vector<std::string>* lines) const;
  void AddWorld(std::vector<std::string>* lines) const;
  void AddWork(std::vector<std::string>* lines) const;
  void AddLearner(std::vector<std::string>* lines) const;
  void AddJournal(std::vector<std::string>* lines) const;
  void AddWoken(std::vector<std::string>* lines) const;
  void AddTimes(const std::string& title, absl::string_view name,
                std::vector<std::string>* lines) const;

  const BrainSpec& spec_;
  Samples now_;
  Samples before_;
  int seen_ = 0;
  std::deque<double> losses_;
};

// The values as a line of bars, oldest first, at most `columns` of them; neighbours are averaged,
// what is not finite is a gap.
std::string Sparkline(const std::deque<double>& values, int columns);

// `line` cut to `columns` characters of UTF-8.
std::string Clipped(absl::string_view line, int columns);

}  // namespace gyrus
