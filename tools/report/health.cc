// SPDX-License-Identifier: Apache-2.0
// Forgetting is what a brain knew once and knows no more. Two things in a history tell of it and
// nothing else does: the loss of stored samples just before they are learned again, and a test that
// was given after more than one run. Stored samples are learned again and again, so what was not
// stored may be known less well: the page says so.
#include "tools/report/health.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tools/report/plot.h"

namespace gyrus {
namespace {

constexpr std::size_t kMostListed = 20;  // Drifts, and windows of the guard: the newest.

std::string StoredSamples(const std::vector<Stretch>& line, const Axis& x) {
  Series stored = {.name = "stored samples", .style = "model", .points = {}};
  Series fresh = {.name = "new examples", .style = "baseline", .points = {}};
  std::vector<double> seen = {0};
  std::string loss_name = "loss";
  for (const Stretch& stretch : line) {
    if (!std::isfinite(stretch.line->replay_loss)) continue;
    const double at = PlaceOf(stretch, x);
    stored.points.emplace_back(at, stretch.line->replay_loss);
    fresh.points.emplace_back(at, stretch.line->loss);
    seen.push_back(stretch.line->replay_loss);
    seen.push_back(stretch.line->loss);
    if (!stretch.line->loss_name.empty()) loss_name = stretch.line->loss_name;
  }
  if (stored.points.empty()) return "";
  return absl::StrCat(
      "<p>Samples of what was seen before are kept, each predicted once more before it is learned "
      "again. While their line stays low, what was seen before is known still; they are rehearsed, "
      "so what was not kept may be known less well.</p>\n",
      LinePlot(x, AxisOf(seen), {std::move(stored), std::move(fresh)},
               {.x = "examples seen",
                .y = absl::StrCat(loss_name, ", mean of each interval"),
                .spoken = absl::StrCat(loss_name, " of stored samples and of new examples")}));
}

// What a test came to, in the measure that it has.
struct Tested {
  double value = 0;
  const char* measure = "";
  bool higher_is_better = false;
};

Tested TestOf(const SummaryLine& run) {
  const double accuracy = run.Number("test_accuracy");
  if (std::isfinite(accuracy)) return {100 * accuracy, "% right", true};
  const double bits = run.Number("test_bits_per_symbol");
  if (std::isfinite(bits)) return {bits, "bits per symbol", false};
  return {run.Number("test_mse"), "mean squared residual", false};
}

// Of each input that tested the brain after more than one run.
std::string RepeatedTests(const std::vector<SummaryLine>& runs) {
  std::map<std::string, std::vector<Tested>> tests;
  for (const SummaryLine& run : runs) {
    const std::string name = run.Word("test");
    const Tested tested = TestOf(run);
    if (!name.empty() && std::isfinite(tested.value)) tests[name].push_back(tested);
  }
  std::string rows;
  for (const auto& [name, all] : tests) {
    if (all.size() < 2) continue;
    const auto worse = [](const Tested& a, const Tested& b) {
      return a.higher_is_better ? a.value < b.value : a.value > b.value;
    };
    const Tested best = *std::max_element(all.begin(), all.end(), worse);
    absl::StrAppend(&rows, "<tr><th scope=row>", Escaped(name), "</th><th>", all.size(),
                    "</th><th>", Short(best.value), "</th><th>", Short(all.back().value),
                    "</th><th>", best.measure, "</th></tr>\n");
  }
  if (rows.empty()) return "";
  return absl::StrCat(
      "<p>Tests that were given after more than one run; nothing is learned from a test. What is "
      "worse than it was at best has been forgotten.</p>\n<div "
      "class=wide><table><thead><tr><th>test</th><th>times</th><th>at best</th><th>last</th><th>"
      "in</th></tr></thead>\n",
      rows, "</table></div>\n");
}

std::string Forgetting(const HistoryLines& history, const std::vector<Stretch>& line,
                       const Axis& x) {
  const std::string told = absl::StrCat(StoredSamples(line, x), RepeatedTests(history.summaries));
  return absl::StrCat(
      "<h3>Forgetting</h3>\n",
      told.empty() ? "<p>Not measured: no samples are stored and learned again (<code>replay"
                     "</code>), and no test was given twice. <code>gyrus learn DIR NEW --test "
                     "OLD</code> after each run tells what is left of OLD.</p>\n"
                   : told);
}

std::string Plasticity(const BrainSpec& spec, const std::vector<Stretch>& line) {
  const bool on = std::any_of(spec.areas.begin(), spec.areas.end(), [](const AreaSpec& area) {
    return area.learning.plasticity.rho != 0.0F;
  });
  if (!on) return "";
  double renewed = 0;
  for (const Stretch& stretch : line) {
    if (std::isfinite(stretch.line->renewed)) renewed += stretch.line->renewed;
  }
  return absl::StrCat("<h3>Plasticity</h3>\n<p>Units that had become of no use and began anew: ",
                      Short(renewed), ".</p>\n");
}

std::string Drift(const BrainSpec& spec, const std::vector<double>& drifts) {
  if (drifts.empty()) {
    return absl::StrCat("<h3>Drift</h3>\n<p>",
                        spec.drift.delta > 0
                            ? "The loss was watched, and never found to have risen."
                            : "Not watched: <code>drift</code> is off.",
                        "</p>\n");
  }
  std::string steps;
  const std::size_t first = drifts.size() - std::min(drifts.size(), kMostListed);
  for (std::size_t d = first; d < drifts.size(); ++d) {
    absl::StrAppend(&steps, steps.empty() ? "" : ", ", Short(drifts[d]));
  }
  return absl::StrCat("<h3>Drift</h3>\n<p>Times that the loss was found to have risen: ",
                      drifts.size(), ", last at step ", Short(drifts.back()),
                      drifts.size() > 1 ? absl::StrCat(" (steps ", steps, ")") : "", ".</p>\n");
}

std::string GuardWindows(const BrainSpec& spec, const std::vector<GuardLine>& lines) {
  if (lines.empty()) {
    return absl::StrCat("<h3>Guard</h3>\n<p>",
                        spec.guard.window > 0 ? "No window of learning was beyond its bound."
                                              : "None: <code>guard</code> is off.",
                        "</p>\n");
  }
  std::string body =
      "<h3>Guard</h3>\n<p>Windows of learning whose loss was beyond the guard's bound:</p>\n<div "
      "class=wide><table><thead><tr><th>what was done</th><th>loss</th><th>of good "
      "windows</th></tr></thead>\n";
  const std::size_t first = lines.size() - std::min(lines.size(), kMostListed);
  for (std::size_t i = first; i < lines.size(); ++i) {
    absl::StrAppend(&body, "<tr><th scope=row>",
                    lines[i].accepted ? "accepted: the world has changed" : "taken back",
                    "</th><th>", Short(lines[i].loss), "</th><th>", Short(lines[i].reference),
                    "</th></tr>\n");
  }
  absl::StrAppend(&body, "</table></div>\n");
  if (first > 0) absl::StrAppend(&body, "<p class=quiet>", first, " earlier ones.</p>\n");
  return body;
}

}  // namespace

std::string HealthSection(const BrainSpec& spec, const HistoryLines& history,
                          const std::vector<Stretch>& line, const Axis& x) {
  if (line.empty() && history.guard.empty() && history.drifts.empty()) return "";
  return absl::StrCat("<h2>Learning health</h2>\n", Forgetting(history, line, x),
                      Plasticity(spec, line), Drift(spec, history.drifts),
                      GuardWindows(spec, history.guard));
}

}  // namespace gyrus
