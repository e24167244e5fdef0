// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "tools/report/history.h"
#include "tools/report/plot.h"

namespace gyrus {

// One interval on the time line that all runs of a brain share.
struct Stretch {
  double begin = 0;  // In examples since the brain was made.
  double end = 0;
  const IntervalLine* line = nullptr;
};

// The intervals one after the other; `intervals` must outlive it. What does not go on from the one
// before is left out.
std::vector<Stretch> TimeLine(const std::vector<IntervalLine>& intervals);

// Logarithmic if the intervals grow with the run; then it begins with the first interval's end.
Axis ExamplesAxis(const std::vector<Stretch>& line);

// Where on it a stretch is drawn: at its middle.
double PlaceOf(const Stretch& stretch, const Axis& x);

}  // namespace gyrus
