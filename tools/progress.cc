// SPDX-License-Identifier: Apache-2.0
#include "tools/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace gyrus {
namespace {

constexpr double kBarPeriod = 0.1;  // Seconds

int Columns(std::FILE* out) {
  struct winsize size {};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

std::string FormatSeconds(double seconds) {
  const auto whole = static_cast<uint64_t>(std::max(0.0, std::round(seconds)));
  if (whole < 60) return absl::StrCat(whole, " s");
  if (whole < 3600) return absl::StrCat(whole / 60, " min ", whole % 60, " s");
  return absl::StrCat(whole / 3600, " h ", whole / 60 % 60, " min");
}

std::string FormatCount(double count) {
  if (count < 1e3)
    return absl::StrFormat("%.*f", count < 10 && count != std::floor(count) ? 1 : 0, count);
  const char* const units[] = {" k", " M", " G", " T"};
  std::size_t unit = 0;
  for (count /= 1e3; count >= 1e3 && unit < 3; count /= 1e3) ++unit;
  return absl::StrFormat("%.*f%s", count < 10 ? 2 : count < 100 ? 1 : 0, count, units[unit]);
}

std::string ProgressText(const ProgressState& state) {
  const double rate = state.seconds > 0 ? static_cast<double>(state.examples) / state.seconds : 0;
  std::string text = absl::StrCat(FormatCount(static_cast<double>(state.examples)), " examples  ",
                                  FormatCount(rate), "/s");
  const Means& means = state.means;
  if (means.scored == 0) {
    absl::StrAppend(&text, "  nothing scored yet");
  } else if (std::isfinite(means.accuracy)) {
    absl::StrAppendFormat(&text, "  accuracy %.4f (%s %.4f)", means.accuracy, means.baseline_name,
                          means.baseline);
  } else {
    absl::StrAppendFormat(&text, "  %.4g %s (%s %.4g)", means.loss, state.loss_name,
                          means.baseline_name, means.baseline);
  }
  if (state.regions > 0) {
    absl::StrAppend(&text, "  woke ", state.woken, " of ", state.regions);
  }
  return text;
}

std::string ProgressBar(const ProgressState& state, int columns) {
  constexpr int kBar = 20;
  std::string line;
  if (state.of.has_value() && *state.of > 0) {
    const double share =
        std::min(1.0, static_cast<double>(state.examples) / static_cast<double>(*state.of));
    const int full = static_cast<int>(share * kBar);
    line = absl::StrFormat("[%s%s] %3.0f %%  ", std::string(full, '#'),
                           std::string(kBar - full, '.'), 100 * share);
    if (share > 0) {
      const double left = state.seconds * (1 - share) / share;
      absl::StrAppend(&line, FormatSeconds(left), " left  ");
    }
  }
  absl::StrAppend(&line, ProgressText(state));
  if (line.size() > static_cast<std::size_t>(std::max(0, columns))) {
    line.resize(static_cast<std::size_t>(std::max(0, columns)));
  }
  return line;
}

Progress::Progress(std::FILE* out, bool quiet)
    : out_(out), quiet_(quiet), terminal_(isatty(fileno(out)) == 1), next_(terminal_ ? 1 : 10) {}

void Progress::Show(const ProgressState& state) {
  if (terminal_) {
    ShowBar(state);
  } else {
    ShowLine(state);
  }
}

void Progress::ShowBar(const ProgressState& state) {
  const std::string line = ProgressBar(state, Columns(out_) - 1);
  std::fprintf(out_, "\r%s\033[K", line.c_str());
  std::fflush(out_);
  drawn_ = true;
  const double rate = static_cast<double>(state.examples) / std::max(1e-9, state.seconds);
  next_ = state.examples + std::max<uint64_t>(1, static_cast<uint64_t>(rate * kBarPeriod));
}

void Progress::ShowLine(const ProgressState& state) {
  const double rate = static_cast<double>(state.examples) / std::max(1e-9, state.seconds);
  if (state.examples < 1000 && rate > 100) {
    next_ = 1000;
    return;
  }
  std::fprintf(out_, "%s\n", ProgressText(state).c_str());
  std::fflush(out_);
  next_ = state.examples * 2;
}

void Progress::Finish() {
  if (drawn_) std::fprintf(out_, "\r\033[K");
  std::fflush(out_);
  drawn_ = false;
}

}  // namespace gyrus
