// SPDX-License-Identifier: Apache-2.0
#include "tools/report/time_line.h"

#include <algorithm>
#include <cmath>

namespace gyrus {

std::vector<Stretch> TimeLine(const std::vector<IntervalLine>& intervals) {
  std::vector<Stretch> line;
  double before = 0;  // Examples of earlier runs.
  for (const IntervalLine& interval : intervals) {
    const double last = line.empty() ? 0 : line.back().end;
    const bool new_run = line.empty() || interval.run != line.back().line->run;
    if (new_run) before = last;
    const double end = before + interval.examples;
    if (!std::isfinite(end) || end <= last) continue;
    line.push_back({.begin = last, .end = end, .line = &interval});
  }
  return line;
}

Axis ExamplesAxis(const std::vector<Stretch>& line) {
  if (line.empty()) return {};
  const double first = line.front().end;
  const double longest = line.back().end - line.back().begin;
  if (longest > 8 * first) return {.low = first / 2, .high = line.back().end, .log = true};
  return {.low = 0, .high = line.back().end};
}

double PlaceOf(const Stretch& stretch, const Axis& x) {
  return x.log ? std::sqrt(std::max(stretch.begin, x.low) * stretch.end)
               : (stretch.begin + stretch.end) / 2;
}

}  // namespace gyrus
