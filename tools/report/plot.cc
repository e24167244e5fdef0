// SPDX-License-Identifier: Apache-2.0
#include "tools/report/plot.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace gyrus {
namespace {

// Every plot is drawn on a square of this side and stretched.
constexpr double kSide = 1000;
constexpr int kShades = 8;

std::string At(double fraction) { return absl::StrFormat("%.4g", fraction * kSide); }

// "12,345" of digits.
std::string Grouped(double value) {
  std::string digits = absl::StrFormat("%.0f", value);
  const int first = value < 0 ? 1 : 0;
  for (int at = static_cast<int>(digits.size()) - 3; at > first; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

// Powers of ten, and between them 2 and 5 if there are few.
std::vector<double> LogTicks(double low, double high, int count) {
  const double decades = std::log10(high / low);
  const int every = std::max(1, static_cast<int>(std::ceil(decades / count)));
  std::vector<double> ticks;
  for (int power = static_cast<int>(std::floor(std::log10(low))); std::pow(10, power) <= high;
       power += every) {
    for (const double lead : {1.0, 2.0, 5.0}) {
      const double tick = lead * std::pow(10, power);
      if ((lead == 1 || decades < 2) && tick >= low && tick <= high) ticks.push_back(tick);
    }
  }
  return ticks;
}

std::string Frame(const Axis& x, const Axis* y, absl::string_view drawing, const Labels& labels) {
  std::string grid;
  std::string text;
  if (y != nullptr) {
    for (const double tick : y->Ticks(5)) {
      const double top = 1 - y->At(tick);
      absl::StrAppend(&grid, "M0 ", At(top), "H1000");
      absl::StrAppendFormat(&text, "<span class=y style=\"top:%.2f%%\">%s</span>", top * 100,
                            Short(tick));
    }
  }
  for (const double tick : x.Ticks(5)) {
    absl::StrAppendFormat(&text, "<span class=x style=\"left:%.2f%%\">%s</span>", x.At(tick) * 100,
                          Short(tick));
  }
  return absl::StrCat(
      "<figure><div class=ylabel>", Escaped(labels.y), "</div><div class=box>",
      "<svg viewBox=\"0 0 1000 1000\" preserveAspectRatio=none role=img aria-label=\"",
      Escaped(labels.spoken), "\"><path class=grid d=\"", grid, "\"/>", drawing, "</svg>", text,
      "</div><figcaption>", Escaped(labels.x), "</figcaption></figure>\n");
}

}  // namespace

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string Short(double value) {
  if (!std::isfinite(value)) return "–";
  const double size = std::abs(value);
  if (size >= 1e10) return absl::StrFormat("%.3g G", value / 1e9);
  if (size >= 1e6) return absl::StrFormat("%.3g M", value / 1e6);
  if (size >= 1000) return Grouped(value);
  return absl::StrFormat("%.4g", value);
}

double Axis::At(double value) const {
  const double at = log ? std::log(std::max(value, low) / low) / std::log(high / low)
                        : (value - low) / (high - low);
  return std::clamp(at, 0.0, 1.0);
}

std::vector<double> Axis::Ticks(int count) const {
  std::vector<double> ticks;
  if (log) return LogTicks(low, high, count);
  const double rough = (high - low) / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double lead = rough / power;
  const double step = power * (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10);
  for (double tick = std::ceil(low / step) * step; tick <= high + step * 1e-9; tick += step) {
    ticks.push_back(std::abs(tick) < step * 1e-9 ? 0 : tick);
  }
  return ticks;
}

Axis AxisOf(const std::vector<double>& values) {
  double low = 0;
  double high = 0;
  bool any = false;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = any ? std::min(low, value) : value;
    high = any ? std::max(high, value) : value;
    any = true;
  }
  if (!any) return {};
  const double middle = (low + high) / 2;
  const double least = std::max(std::abs(middle) * 1e-6, 1e-9);
  if (high - low < least)
    return {.low = low - std::abs(low) / 2, .high = high + std::abs(high) / 2 + least};
  return {.low = low, .high = high};
}

std::string LinePlot(const Axis& x, const Axis& y, const std::vector<Series>& series,
                     const Labels& labels) {
  std::string drawing;
  std::string legend;
  for (const Series& line : series) {
    std::string path;
    bool broken = true;
    double last = std::nan("");
    for (const auto& [at, value] : line.points) {
      if (!std::isfinite(at) || !std::isfinite(value)) {
        broken = true;
        continue;
      }
      // A point alone shows as a short dash.
      absl::StrAppend(&path, broken ? "M" : "L", At(x.At(at)), " ", At(1 - y.At(value)),
                      broken ? "h4" : "");
      broken = false;
      last = value;
    }
    absl::StrAppend(&drawing, "<path class=\"line ", line.style, "\" d=\"", path, "\"/>");
    absl::StrAppend(&legend, "<li class=\"", line.style, "\">", Escaped(line.name), " <b>",
                    Short(last), "</b> at the end</li>");
  }
  return absl::StrCat("<ul class=legend>", legend, "</ul>", Frame(x, &y, drawing, labels));
}

std::string HeatMap(const Axis& x, const std::vector<double>& edges,
                    const std::vector<std::vector<double>>& columns, const Labels& labels) {
  // One path per shade, so that thousands of cells stay a small file.
  std::vector<std::string> shades(kShades + 1);
  for (std::size_t i = 0; i < columns.size() && i + 1 < edges.size(); ++i) {
    const double left = x.At(edges[i]);
    const double width = x.At(edges[i + 1]) - left;
    const double height = 1.0 / static_cast<double>(std::max<std::size_t>(columns[i].size(), 1));
    for (std::size_t row = 0; row < columns[i].size(); ++row) {
      const double value = columns[i][row];
      if (!(value > 0)) continue;
      const int shade = std::clamp(static_cast<int>(std::ceil(value * kShades)), 1, kShades);
      absl::StrAppend(&shades[static_cast<std::size_t>(shade)], "M", At(left), " ",
                      At(static_cast<double>(row) * height), "h", At(width), "v", At(height), "h-",
                      At(width), "z");
    }
  }
  std::string drawing;
  for (int shade = 1; shade <= kShades; ++shade) {
    absl::StrAppendFormat(&drawing, "<path class=heat fill-opacity=\"%.3g\" d=\"%s\"/>",
                          static_cast<double>(shade) / kShades,
                          shades[static_cast<std::size_t>(shade)]);
  }
  return Frame(x, nullptr, drawing, labels);
}

std::string BarPlot(const Axis& x, const Axis& y, const std::vector<Bar>& bars, double mark,
                    const Labels& labels) {
  std::string path;
  for (const Bar& bar : bars) {
    if (!std::isfinite(bar.height) || bar.height <= 0) continue;
    const double left = x.At(bar.begin);
    const double width = x.At(bar.end) - left;
    absl::StrAppend(&path, "M", At(left), " 1000V", At(1 - y.At(bar.height)), "h", At(width * 0.9),
                    "V1000z");
  }
  std::string drawing = absl::StrCat("<path class=bar d=\"", path, "\"/>");
  if (std::isfinite(mark)) {
    absl::StrAppend(&drawing, "<path class=\"line baseline\" d=\"M0 ", At(1 - y.At(mark)),
                    "H1000\"/>");
  }
  return Frame(x, &y, drawing, labels);
}

}  // namespace gyrus
