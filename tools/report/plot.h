// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace gyrus {

// Plots as HTML: an SVG that stretches with the page, its lines' width kept, and labels beside it
// as text, so that they stay readable on a phone. Colours are classes of the page's style sheet.
// Pure functions; what is not finite is left out.

// `text` with & < > " ' as entities: safe between tags and within quoted attributes.
std::string Escaped(absl::string_view text);

// A number as a person reads it: "1.23", "45,678", "1.2 M"; a dash if it is not finite.
std::string Short(double value);

// One axis of a plot: from data to [0, 1].
struct Axis {
  double low = 0;
  double high = 1;
  bool log = false;  // Then 0 < low.

  double At(double value) const;  // Clamped to [0, 1].

  // About `count` round values within the axis.
  std::vector<double> Ticks(int count) const;
};

// The axis that holds every finite value, widened to a length > 0; [0, 1] if there is none.
Axis AxisOf(const std::vector<double>& values);

struct Series {
  std::string name;
  std::string style;  // "model", "baseline", ...: a class of the style sheet.
  std::vector<std::pair<double, double>> points;  // A y that is not finite breaks the line.
};

struct Labels {
  std::string x;
  std::string y;
  std::string spoken;  // What the plot shows, for those who do not see it.
};

std::string LinePlot(const Axis& x, const Axis& y, const std::vector<Series>& series,
                     const Labels& labels);

// A column per interval between edges[i] and edges[i + 1], a row per cell of it from the top;
// values in [0, 1] are shades.
std::string HeatMap(const Axis& x, const std::vector<double>& edges,
                    const std::vector<std::vector<double>>& columns, const Labels& labels);

// A bar over each [x, x'] with a height; a dashed line at `mark` if it is finite.
struct Bar {
  double begin = 0;
  double end = 0;
  double height = 0;
};
std::string BarPlot(const Axis& x, const Axis& y, const std::vector<Bar>& bars, double mark,
                    const Labels& labels);

}  // namespace gyrus
