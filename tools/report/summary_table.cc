// SPDX-License-Identifier: Apache-2.0
#include "tools/report/summary_table.h"

#include <cmath>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/report/plot.h"

namespace gyrus {
namespace {

struct Row {
  const char* field;
  const char* words;
  const char* unit;
  double scale;
};

constexpr Row kRows[] = {
    {"examples", "Examples seen", "", 1},
    {"scored", "Predictions scored", "", 1},
    {"mae", "Mean absolute residual", "", 1},
    {"seconds", "Time taken", " s", 1},
    {"examples_per_second", "Examples per second", "", 1},
    {"loss", "Loss (lower is better)", "", 1},
    {"baseline", "The baseline reaches", "", 1},
    {"accuracy", "Right answers (1 is all)", "", 1},
    {"test_accuracy", "Right answers on the test input", "", 1},
    {"bits_per_symbol", "Bits per symbol", "", 1},
    {"mse", "Mean squared residual", "", 1},
    {"step_us_p50", "A step (prediction), median", " µs", 1},
    {"step_us_p99", "A step, 99 of 100 within", " µs", 1},
    {"learn_us_p50", "Learning from it, median", " µs", 1},
    {"learn_us_p99", "Learning, 99 of 100 within", " µs", 1},
    {"regions_total", "Regions", "", 1},
    {"regions_woken_mean", "Regions woken by an example, mean", "", 1},
    {"parameters", "Parameters", "", 1},
    {"parameters_woken_mean", "Parameters woken by an example, mean", "", 1},
    {"peak_rss_bytes", "Memory at most", " MB", 1e-6},
};

struct WordRow {
  const char* field;
  const char* words;
};

constexpr WordRow kWordRows[] = {
    {"command", "What was done"},       {"input", "Input"}, {"time", "When"},
    {"preset", "Made from the preset"}, {"brain", "Brain"}, {"baseline_name", "The baseline"},
    {"loss_name", "The loss"},
};

void Append(std::string* table, const std::string& words, const std::string& value) {
  absl::StrAppend(table, "<tr><th scope=row>", Escaped(words), "</th><td>", Escaped(value),
                  "</td></tr>\n");
}

}  // namespace

std::string SummaryTable(const SummaryLine& summary) {
  std::string table = "<table>\n";
  std::set<std::string> shown = {"run", "kind"};
  for (const WordRow& row : kWordRows) {
    shown.insert(row.field);
    if (!summary.Word(row.field).empty()) Append(&table, row.words, summary.Word(row.field));
  }
  for (const Row& row : kRows) {
    shown.insert(row.field);
    const double value = summary.Number(row.field);
    if (!std::isfinite(value)) continue;
    Append(&table, row.words, Short(value * row.scale) + row.unit);
  }
  for (const auto& [name, value] : summary.numbers) {
    if (shown.count(name) == 0 && std::isfinite(value)) Append(&table, name, Short(value));
  }
  for (const auto& [name, value] : summary.words) {
    if (shown.count(name) == 0 && !value.empty()) Append(&table, name, value);
  }
  return table + "</table>\n";
}

}  // namespace gyrus
