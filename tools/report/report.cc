// SPDX-License-Identifier: Apache-2.0
#include "tools/report/report.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tools/report/brain_words.h"
#include "tools/report/health.h"
#include "tools/report/history.h"
#include "tools/report/page.h"
#include "tools/report/plot.h"
#include "tools/report/summary_table.h"
#include "tools/report/time_line.h"

namespace gyrus {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

std::string Or(const std::string& text, const std::string& otherwise) {
  return text.empty() ? otherwise : text;
}

std::string LearningCurve(const std::vector<Stretch>& line, const Axis& x) {
  const IntervalLine& last = *line.back().line;
  // Classes are judged by right answers, and so is their baseline.
  const bool classes = std::isfinite(last.accuracy);
  Series model = {.name = "this brain", .style = "model", .points = {}};
  Series baseline = {.name = Or(last.baseline_name, "baseline"), .style = "baseline", .points = {}};
  std::vector<double> seen;
  for (const Stretch& stretch : line) {
    const double at = PlaceOf(stretch, x);
    const double value = classes ? 100 * stretch.line->accuracy : stretch.line->loss;
    const double beside = stretch.line->baseline * (classes ? 100 : 1);
    model.points.emplace_back(at, value);
    baseline.points.emplace_back(at, beside);
    seen.push_back(value);
    seen.push_back(beside);
  }
  Axis y = AxisOf(seen);
  // From zero, unless all that matters would lie in a narrow band far above it.
  if (y.low > 0 && y.low < 0.6 * y.high) y.low = 0;
  const double margin = (y.high - y.low) * 0.05;
  y.high += margin;
  const std::string measure = classes ? "right answers, %" : Or(last.loss_name, "loss");
  return absl::StrCat(
      "<h2>How well it learned</h2>\n<p>Every example was predicted before it was learned, so this "
      "is a test at every point. ",
      classes ? "Higher is better; what rises" : "Lower is better; what falls",
      " is being learned.</p>\n",
      LinePlot(
          x, y, {std::move(model), std::move(baseline)},
          {.x = x.log ? "examples seen (each mark is a multiple of the last)" : "examples seen",
           .y = absl::StrCat(measure, ", mean of each interval"),
           .spoken = absl::StrCat(measure, " of the brain and of its baseline over examples")}));
}

// The areas' names, in the order in which they first appear.
std::vector<std::string> AreaNames(const std::vector<Stretch>& line) {
  std::vector<std::string> names;
  for (const Stretch& stretch : line) {
    for (const RegionCounts& area : stretch.line->areas) {
      if (std::find(names.begin(), names.end(), area.area) == names.end()) {
        names.push_back(area.area);
      }
    }
  }
  return names;
}

std::string WakingMap(const std::vector<Stretch>& line, const Axis& x, const std::string& name) {
  std::vector<double> edges = {x.log ? x.low : 0.0};
  std::vector<std::vector<double>> columns;
  std::size_t rows = 0;
  double most = 0;
  for (const Stretch& stretch : line) {
    std::vector<double> rates;  // Wakings per example.
    for (const RegionCounts& area : stretch.line->areas) {
      if (area.area != name) continue;
      for (const double count : area.bins) rates.push_back(count / (stretch.end - stretch.begin));
    }
    for (const double rate : rates) most = std::max(most, rate);
    rows = std::max(rows, rates.size());
    edges.push_back(stretch.end);
    columns.push_back(std::move(rates));
  }
  for (std::vector<double>& column : columns) {
    // A square root, so that what seldom wakes still shows.
    for (double& rate : column) rate = most > 0 ? std::sqrt(rate / most) : 0;
  }
  return absl::StrCat(
      "<h3>", Escaped(name), "</h3><div class=map>",
      HeatMap(x, edges, columns,
              {.x = "examples seen",
               .y = absl::StrCat(rows, rows == 1 ? " row" : " rows",
                                 ", the first region at the top; the strongest colour: awake for ",
                                 Short(100 * std::min(most, 1.0)), " % of the examples"),
               .spoken = absl::StrCat("How often the regions of ", name, " woke over time")}),
      "</div>\n");
}

std::string WakingMaps(const std::vector<Stretch>& line, const Axis& x) {
  const std::vector<std::string> names = AreaNames(line);
  if (names.empty()) {
    return "<h2>Which regions woke</h2>\n<p>This brain has no areas of regions: what it knows lies "
           "in memory rows, of which every context wakes a few.</p>\n";
  }
  std::string maps =
      "<h2>Which regions woke</h2>\n<p>A row is a region, or a group of neighbours; time runs to "
      "the right. Colour means awake: only woken regions compute and learn. Bands that come and go "
      "follow the input's changes.</p>\n";
  for (const std::string& name : names) absl::StrAppend(&maps, WakingMap(line, x, name));
  return maps;
}

std::string Loads(const SummaryLine& summary) {
  if (summary.load.empty()) return "";
  std::string plots =
      "<h2>Load of each region</h2>\n<p>How much of an area's work each region, or group of "
      "neighbours, did. The dashed line is an even share; a bar missing is knowledge space still "
      "free.</p>\n";
  for (const RegionCounts& area : summary.load) {
    double total = 0;
    for (const double count : area.bins) total += count;
    const double even = 100.0 / static_cast<double>(area.bins.size());
    std::vector<Bar> bars;
    double most = even;
    const double groups = static_cast<double>(area.bins.size());
    const double end = area.regions > 0 ? area.regions : groups;
    for (std::size_t i = 0; i < area.bins.size(); ++i) {
      const double share = total > 0 ? 100 * area.bins[i] / total : 0;
      const double begin = static_cast<double>(i) / groups * end;
      bars.push_back({begin, begin + end / groups, share});
      most = std::max(most, share);
    }
    const std::string regions =
        area.regions > 0 ? absl::StrCat(", ", Short(area.regions), " regions") : "";
    absl::StrAppend(&plots, "<h3>", Escaped(area.area), regions, "</h3><div class=short>",
                    BarPlot({.low = 0, .high = end}, {.low = 0, .high = most * 1.05}, bars, even,
                            {.x = "regions, in order",
                             .y = "% of the area's wakings",
                             .spoken = absl::StrCat("Load of the regions of ", area.area)}),
                    "</div>\n");
  }
  return plots;
}

// A bar for each quarter of an octave of nanoseconds, as the history bins them, in % of all.
std::vector<Bar> EvenBars(const std::vector<LatencyBin>& bins) {
  constexpr double kPerOctave = 4;
  std::map<int, double> counts;
  double total = 0;
  for (const LatencyBin& bin : bins) {
    counts[static_cast<int>(std::lround(std::log2(bin.upper_us * 1e3) * kPerOctave))] += bin.count;
    total += bin.count;
  }
  std::vector<Bar> bars;
  for (const auto& [at, count] : counts) {
    bars.push_back({std::exp2((at - 1) / kPerOctave) / 1e3, std::exp2(at / kPerOctave) / 1e3,
                    100 * count / total});
  }
  return bars;
}

std::string LatencyPlot(const std::vector<Bar>& bars, const Axis& x, const std::string& title,
                        double p50, double p99) {
  if (bars.empty()) return "";
  std::vector<double> heights = {0};
  for (const Bar& bar : bars) heights.push_back(bar.height);
  return absl::StrCat("<h3>", title, ": median ", Short(p50), " µs, 99 of 100 within ", Short(p99),
                      " µs</h3><div class=short>",
                      BarPlot(x, AxisOf(heights), bars, kNothing,
                              {.x = "microseconds (each mark is a multiple of the last)",
                               .y = "% of all",
                               .spoken = absl::StrCat("Durations: ", title)}),
                      "</div>\n");
}

std::string Latencies(const SummaryLine& summary) {
  const std::vector<Bar> steps = EvenBars(summary.step_us);
  const std::vector<Bar> learning = EvenBars(summary.learn_us);
  if (steps.empty() && learning.empty()) return "";
  Axis x = {.low = 1e300, .high = 0, .log = true};
  for (const std::vector<Bar>* bars : {&steps, &learning}) {
    if (bars->empty()) continue;
    x.low = std::min(x.low, bars->front().begin);
    x.high = std::max(x.high, bars->back().end);
  }
  return absl::StrCat(
      "<h2>How long it took</h2>\n<p>A step turns one input into one prediction; learning then "
      "changes the regions that it woke. Both plots share their scale.</p>\n",
      LatencyPlot(steps, x, "A step", summary.Number("step_us_p50"), summary.Number("step_us_p99")),
      LatencyPlot(learning, x, "Learning", summary.Number("learn_us_p50"),
                  summary.Number("learn_us_p99")));
}

void AppendTile(std::string* tiles, double value, absl::string_view unit, absl::string_view words) {
  if (!std::isfinite(value)) return;
  absl::StrAppend(tiles, "<div><b>", Short(value), unit, "</b>", Escaped(words), "</div>");
}

std::string Tiles(const SummaryLine& summary) {
  std::string tiles = "<div class=tiles>";
  AppendTile(&tiles, summary.Number("examples"), "",
             summary.Word("command") == "run" ? "examples, predicted by the frozen brain"
                                              : "examples, each predicted, then learned");
  const double bits = summary.Number("bits_per_symbol");
  const double accuracy = summary.Number("accuracy");
  if (std::isfinite(bits)) {
    AppendTile(&tiles, bits, "", "bits per symbol");
  } else if (std::isfinite(accuracy)) {
    AppendTile(&tiles, 100 * accuracy, " %", "right answers");
  } else {
    AppendTile(&tiles, summary.Number("loss"), "", "loss");
  }
  const bool classes = !std::isfinite(bits) && std::isfinite(accuracy);
  AppendTile(&tiles, summary.Number("baseline") * (classes ? 100 : 1), classes ? " %" : "",
             absl::StrCat("the baseline", summary.Word("baseline_name").empty() ? "" : ": ",
                          summary.Word("baseline_name")));
  AppendTile(&tiles, summary.Number("examples_per_second"), "", "examples per second");
  AppendTile(&tiles, 100 * summary.Number("parameters_woken_mean") / summary.Number("parameters"),
             " %", "of the parameters woken by an example");
  return tiles + "</div>\n";
}

std::string Runs(const std::vector<SummaryLine>& summaries) {
  if (summaries.size() < 2) return "";
  std::string table =
      "<h2>All runs</h2>\n<div class=wide><table><thead><tr><th>run</th><th>what</th><th>input</th>"
      "<th>examples</th><th>loss</th><th>baseline</th></tr></thead>\n";
  for (const SummaryLine& run : summaries) {
    absl::StrAppend(&table, "<tr><th scope=row>", Short(run.run), "</th><th>",
                    Escaped(run.Word("command")), "</th><th>", Escaped(run.Word("input")),
                    "</th><th>", Short(run.Number("examples")), "</th><th>",
                    Short(run.Number("loss")), "</th><th>", Short(run.Number("baseline")),
                    "</th></tr>\n");
  }
  return table + "</table></div>\n";
}

}  // namespace

std::string RenderReport(const BrainSpec& spec, const std::vector<std::string>& history_lines) {
  const HistoryLines history = ReadHistory(history_lines);
  const std::vector<Stretch> line = TimeLine(history.intervals);
  const Axis x = ExamplesAxis(line);
  std::string body = absl::StrCat("<h1>", Escaped(Or(spec.name, "A brain")),
                                  "</h1>\n<p class=quiet>A brain that learns while it infers: what "
                                  "it has seen, and what it made of it.</p>\n");
  if (!history.summaries.empty()) absl::StrAppend(&body, Tiles(history.summaries.back()));
  if (line.empty()) {
    absl::StrAppend(&body,
                    "<p>It has not learned anything yet: <code>gyrus learn</code> gives it "
                    "its first input.</p>\n");
  } else {
    absl::StrAppend(&body, LearningCurve(line, x), WakingMaps(line, x));
  }
  if (!history.summaries.empty()) {
    const SummaryLine& last = history.summaries.back();
    absl::StrAppend(&body, Loads(last), Latencies(last), "<h2>The last run in numbers</h2>\n",
                    SummaryTable(last), Runs(history.summaries));
  }
  absl::StrAppend(&body, HealthSection(spec, history, line, x));
  absl::StrAppend(&body, "<h2>What this brain is</h2>\n", BrainInWords(spec));
  if (history.unreadable > 0) {
    absl::StrAppend(&body, "<p class=quiet>", history.unreadable,
                    " lines of its history could not be read and are not shown.</p>\n");
  }
  return Page(absl::StrCat(Or(spec.name, "A brain"), ": report"), body);
}

}  // namespace gyrus
