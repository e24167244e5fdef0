// SPDX-License-Identifier: Apache-2.0
// Predicts real streams as they come: each row is predicted, then learned, once.
//
//   series_bench     the streams below under $GYRUS_DATA (default ../shared/data)
//
// Gas turbine NOx: the label arrives after its step; mean absolute error beside that of repeating
// the last label. ETTh1: the target is the next row; mean squared error over the last 75 %, in
// standard deviations of the first 20 %, beside that of repeating the row.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "activation/brain_spec.h"
#include "core/kernels/dispatch.h"
#include "core/status_macros.h"
#include "tests/support/plan_run.h"

namespace gyrus {
namespace {

using Rows = std::vector<std::vector<float>>;

struct Series {
  Rows x;
  Rows y;
};

// Appends the rows of a file; `target` columns go to y, `dropped` ones nowhere, others to x.
absl::Status Load(const std::string& path, const std::string& target, const std::string& dropped,
                  Series* series) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line)) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  const std::vector<std::string> header = absl::StrSplit(absl::StripSuffix(line, "\r"), ',');
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = absl::StrSplit(absl::StripSuffix(line, "\r"), ',');
    series->x.emplace_back();
    series->y.emplace_back();
    for (std::size_t j = 0; j < header.size(); ++j) {
      if (header[j] == dropped) continue;
      float value = NAN;
      if (!absl::SimpleAtof(cells[j], &value)) value = NAN;
      (header[j] == target ? series->y : series->x).back().push_back(value);
    }
  }
  return absl::OkStatus();
}

// Standardised rows with their past, and frozen features of them, under one least-squares readout
// of the change from what was known last.
BrainSpec SeriesBrain(const Series& series, bool next, uint64_t seed) {
  BrainSpec spec;
  spec.name = "series";
  spec.seed = seed;
  const auto columns = static_cast<uint32_t>(series.x[0].size());
  const auto outputs = static_cast<uint32_t>(series.y[0].size());
  spec.modalities = {{.name = "row", .kind = ModalityKind::kReals, .size = columns},
                     {.name = "last", .kind = ModalityKind::kReals, .size = outputs}};
  const RealsEncoderSpec row = {.rate = 0, .trails = {2, 32}, .constant = true};
  spec.encoders = {{"row", "row", row}};
  std::vector<std::string> inputs = {"row"};
  if (next) {
    spec.encoders.push_back({"held", "row", HeldEncoderSpec{}});
  } else {
    spec.encoders.push_back({"last", "last", RealsEncoderSpec{.rate = 0, .lags = 1}});
    spec.encoders.push_back({"held", "last", HeldEncoderSpec{}});
    inputs.push_back("last");
  }
  AreaSpec expansion = {.name = "expansion", .inputs = inputs, .outputs = 64};
  expansion.cell = ExpansionCellSpec{.bias = 0.25F};
  spec.areas = {expansion};
  const RidgeHeadSpec ridge = {.area = "expansion",
                               .inputs = inputs,
                               .lambda = 0.1F,
                               .forget = 0.9995F,
                               .reference = "held"};
  spec.heads = {{.name = "value", .outputs = outputs, .kind = ridge}};
  return spec;
}

// Standard deviations over the first fifth.
std::vector<double> UnitsOf(const Rows& rows) {
  const std::size_t n = rows.size() / 5;
  std::vector<double> units;
  for (std::size_t o = 0; o < rows[0].size(); ++o) {
    double sum = 0;
    double squares = 0;
    for (std::size_t t = 0; t < n; ++t) {
      sum += rows[t][o];
      squares += double{rows[t][o]} * rows[t][o];
    }
    const double mean = sum / static_cast<double>(n);
    units.push_back(std::sqrt(squares / static_cast<double>(n) - mean * mean));
  }
  return units;
}

absl::Status Report(const char* name, const Series& series, bool next) {
  using Clock = std::chrono::steady_clock;
  const std::size_t outputs = series.y[0].size();
  const std::size_t from = next ? series.x.size() / 4 : 0;
  std::vector<double> units(outputs, 1.0);
  if (next) units = UnitsOf(series.x);
  for (const uint64_t seed : {1, 2, 3}) {
    GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<test::PlanRun> run,
                           test::PlanRun::Create(SeriesBrain(series, next, seed)));
    std::vector<float> mean(outputs);
    Prediction prediction;
    prediction.mean = mean;
    double absolute = 0;
    double squared = 0;
    double held_absolute = 0;
    double held_squared = 0;
    const auto start = Clock::now();
    for (std::size_t t = 0; t < series.x.size(); ++t) {
      const std::vector<float>& y = series.y[t];
      const std::vector<float> none(outputs, 0.0F);
      const std::vector<float>& held = next ? series.x[t] : t == 0 ? none : series.y[t - 1];
      const std::vector<Value> values = {{.present = true, .reals = series.x[t]},
                                         {.present = t > 0, .reals = held}};
      run->Forward(values);
      run->Predict(Want::Kind::kReals, &prediction);
      for (std::size_t o = 0; t >= from && o < outputs; ++o) {
        const double residual = (double{mean[o]} - y[o]) / units[o];
        const double change = (double{held[o]} - y[o]) / units[o];
        absolute += std::abs(residual);
        squared += residual * residual;
        held_absolute += std::abs(change);
        held_squared += change * change;
      }
      run->Learn(values, {.reals = y});
    }
    const double us = std::chrono::duration<double, std::micro>(Clock::now() - start).count();
    const double n = static_cast<double>((series.x.size() - from) * outputs);
    std::printf(
        "%-8s seed %d  rows %zu  repeat MAE %.4f MSE %.4f  gyrus MAE %.4f MSE %.4f  %.1f us a "
        "row\n",
        name, static_cast<int>(seed), series.x.size(), held_absolute / n, held_squared / n,
        absolute / n, squared / n, us / static_cast<double>(series.x.size()));
  }
  return absl::OkStatus();
}

absl::Status Main() {
  kernels::Warmup();
  const char* const data = std::getenv("GYRUS_DATA");
  const std::string streams = absl::StrCat(data == nullptr ? "../shared/data" : data, "/streams/");
  Series turbine;
  for (const int year : {2011, 2012, 2013, 2014}) {
    GYRUS_RETURN_IF_ERROR(
        Load(absl::StrCat(streams, "gas-turbine/gt_", year, ".csv"), "NOX", "CO", &turbine));
  }
  GYRUS_RETURN_IF_ERROR(Report("NOx", turbine, false));
  Series ett;
  GYRUS_RETURN_IF_ERROR(Load(streams + "ett/ETTh1.csv", "", "date", &ett));
  ett.y = {ett.x.begin() + 1, ett.x.end()};
  ett.x.pop_back();
  return Report("ETTh1", ett, true);
}

}  // namespace
}  // namespace gyrus

int main() {
  const absl::Status status = gyrus::Main();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
