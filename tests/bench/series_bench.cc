// SPDX-License-Identifier: Apache-2.0
// Predicts real streams as they come: each row is predicted, then learned, once.
//
//   series_bench     the streams below under $GYRUS_DATA (default ../shared/data)
//
// Gas turbine NOx: the label arrives after its step; mean absolute error beside that of repeating
// the last label and of recursive least squares on the raw row (double precision, forgetting
// 0.999). ETTh1: the target is the next row; mean squared error over the last 75 %, in standard
// deviations of the first 20 %, beside the same.
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
                               .lambda = 10.0F,
                               .forget = 0.9995F,
                               .reference = "held",
                               .prove_over = 100};
  spec.heads = {{.name = "value", .outputs = outputs, .kind = ridge}};
  return spec;
}

// Recursive least squares on [1, row] (Haykin, Adaptive Filter Theory, 4th ed., section 9.3).
class RawLeastSquares {
 public:
  RawLeastSquares(std::size_t columns, std::size_t outputs)
      : n_(columns + 1), w_(outputs, std::vector<double>(n_)), p_(n_, std::vector<double>(n_)) {
    for (std::size_t i = 0; i < n_; ++i) p_[i][i] = 1000.0;
  }

  double Predict(const std::vector<float>& row, std::size_t output) const {
    double y = 0.0;
    for (std::size_t i = 0; i < n_; ++i) y += w_[output][i] * At(row, i);
    return y;
  }

  void Learn(const std::vector<float>& row, const std::vector<float>& y) {
    std::vector<double> k(n_);
    double d = kForget;
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j < n_; ++j) k[i] += p_[i][j] * At(row, j);
      d += k[i] * At(row, i);
    }
    for (std::size_t o = 0; o < w_.size(); ++o) {
      const double residual = double{y[o]} - Predict(row, o);
      for (std::size_t i = 0; i < n_; ++i) w_[o][i] += k[i] * residual / d;
    }
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        p_[i][j] = p_[j][i] = (p_[i][j] - k[i] * k[j] / d) / kForget;
      }
    }
  }

 private:
  static constexpr double kForget = 0.999;

  static double At(const std::vector<float>& row, std::size_t i) {
    return i == 0 ? 1.0 : double{row[i - 1]};
  }

  std::size_t n_;
  std::vector<std::vector<double>> w_;  // (outputs, n)
  std::vector<std::vector<double>> p_;  // (n, n)
};

// Sums of |residual| and its square, in units of each output.
struct Residuals {
  void Add(double residual) {
    absolute += std::abs(residual);
    squared += residual * residual;
  }
  double absolute = 0.0;
  double squared = 0.0;
};

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
    RawLeastSquares raw(series.x[0].size(), outputs);
    Residuals ours, repeat, least_squares;
    Clock::duration spent{};
    for (std::size_t t = 0; t < series.x.size(); ++t) {
      const std::vector<float>& y = series.y[t];
      const std::vector<float> none(outputs, 0.0F);
      const std::vector<float>& held = next ? series.x[t] : t == 0 ? none : series.y[t - 1];
      const std::vector<Value> values = {{.present = true, .reals = series.x[t]},
                                         {.present = t > 0, .reals = held}};
      const auto start = Clock::now();
      run->Forward(values);
      run->Predict(Want::Kind::kReals, &prediction);
      run->Learn(values, {.reals = y});
      spent += Clock::now() - start;
      for (std::size_t o = 0; t >= from && o < outputs; ++o) {
        ours.Add((double{mean[o]} - y[o]) / units[o]);
        repeat.Add((double{held[o]} - y[o]) / units[o]);
        least_squares.Add((raw.Predict(series.x[t], o) - y[o]) / units[o]);
      }
      raw.Learn(series.x[t], y);
    }
    const double n = static_cast<double>((series.x.size() - from) * outputs);
    const double us = std::chrono::duration<double, std::micro>(spent).count();
    std::printf("%-6s seed %d  rows %zu", name, static_cast<int>(seed), series.x.size());
    const auto print = [n](const char* who, const Residuals& sums) {
      std::printf("  %s MAE %.4f MSE %.4f", who, sums.absolute / n, sums.squared / n);
    };
    print("repeat", repeat);
    print("raw RLS", least_squares);
    print("gyrus", ours);
    std::printf("  %.1f us a row\n", us / static_cast<double>(series.x.size()));
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
