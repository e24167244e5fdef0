// SPDX-License-Identifier: Apache-2.0
// Classifies the rows of a table as they come: each is predicted, then learned, once. Prints what
// a majority and a no-change guess reach on the same rows.
//
//   table_bench                      the streams below under $GYRUS_DATA (default ../shared/data)
//   table_bench FILE.csv TARGET      one table
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "activation/brain_spec.h"
#include "core/kernels/dispatch.h"
#include "core/status_macros.h"
#include "runtime/binding.h"
#include "runtime/presets.h"
#include "tests/support/plan_run.h"

namespace gyrus {
namespace {

constexpr uint32_t kMaxCategories = 64;

struct Table {
  InputSchema schema;
  uint32_t classes = 0;
  struct Row {
    std::vector<float> reals;
    std::vector<Value> categories;
    uint32_t label = 0;
  };
  std::vector<Row> rows;
};

bool IsMissing(const std::string& cell) { return cell.empty() || cell == "?" || cell == "NA"; }

using Names = absl::flat_hash_map<std::string, uint32_t>;

std::vector<ColumnSpec> Columns(const std::vector<std::string>& header,
                                const std::vector<bool>& is_real, const std::vector<Names>& names) {
  std::vector<ColumnSpec> columns;
  for (std::size_t j = 0; j < header.size(); ++j) {
    ColumnSpec& column = columns.emplace_back(ColumnSpec{.name = header[j]});
    column.type = is_real[j] ? ColumnType::kReal : ColumnType::kCategory;
    for (const auto& entry : names[j]) column.categories.push_back(entry.first);
  }
  return columns;
}

// Columns of numbers are reals, all others categories; the target is a class.
absl::StatusOr<Table> Load(const std::string& path, const std::string& target) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line)) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  const auto split = [&] {
    std::vector<std::string> cells = absl::StrSplit(absl::StripSuffix(line, "\r"), ',');
    return cells;
  };
  const std::vector<std::string> header = split();
  const auto found = std::find(header.begin(), header.end(), target);
  if (found == header.end()) {
    return absl::InvalidArgumentError(absl::StrCat("no column \"", target, "\" in ", path));
  }
  const auto target_column = static_cast<std::size_t>(found - header.begin());
  std::vector<std::vector<std::string>> cells;
  while (std::getline(in, line)) cells.push_back(split());
  Table table;
  table.schema = {.kind = InputSchema::Kind::kTable, .target = target};
  std::vector<bool> is_real(header.size(), true);
  for (const auto& row : cells) {
    float value = 0;
    for (std::size_t j = 0; j < header.size(); ++j) {
      if (!IsMissing(row[j]) && !absl::SimpleAtof(row[j], &value)) is_real[j] = false;
    }
  }
  std::vector<Names> names(header.size());
  for (const auto& row : cells) {
    Table::Row& out = table.rows.emplace_back();
    for (std::size_t j = 0; j < header.size(); ++j) {
      const auto id = [&] {
        return names[j].emplace(row[j], static_cast<uint32_t>(names[j].size())).first->second;
      };
      float value = std::numeric_limits<float>::quiet_NaN();
      if (j == target_column) {
        out.label = id();
      } else if (!is_real[j]) {
        out.categories.push_back({.present = !IsMissing(row[j]), .symbol = id() % kMaxCategories});
      } else {
        if (!absl::SimpleAtof(row[j], &value)) table.schema.missing = true;
        out.reals.push_back(value);
      }
    }
  }
  table.schema.columns = Columns(header, is_real, names);
  table.classes = static_cast<uint32_t>(names[target_column].size());
  return table;
}

// The preset, bound to the table.
absl::StatusOr<BrainSpec> TableBrain(const Table& table, uint64_t seed) {
  GYRUS_ASSIGN_OR_RETURN(const BrainSpec open, Preset("table"));
  GYRUS_ASSIGN_OR_RETURN(
      BrainSpec spec,
      Bind(open, table.schema, {.max_categories = kMaxCategories, .max_classes = table.classes}));
  spec.seed = seed;
  return spec;
}

struct Score {
  double right = 0;
  double majority = 0;
  double no_change = 0;
  double bits = 0;
  std::vector<float> step_us;
  std::vector<float> learn_us;
};

absl::StatusOr<Score> Classify(const Table& table, uint64_t seed) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) {
    return std::chrono::duration<float, std::micro>(Clock::now() - start).count();
  };
  GYRUS_ASSIGN_OR_RETURN(const BrainSpec spec, TableBrain(table, seed));
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<test::PlanRun> run, test::PlanRun::Create(spec));
  Score score;
  std::vector<float> distribution(table.classes);
  std::vector<uint32_t> counts(table.classes);
  Prediction prediction = {.distribution = distribution};
  Value last;
  for (const Table::Row& row : table.rows) {
    std::vector<Value> values = {{.present = true, .reals = row.reals}};
    values.insert(values.end(), row.categories.begin(), row.categories.end());
    values.push_back(last);
    const auto step_start = Clock::now();
    run->Forward(values);
    run->Predict(Want::Kind::kDistribution, &prediction);
    score.step_us.push_back(since(step_start));
    score.right += prediction.best == row.label ? 1 : 0;
    score.no_change += last.present && last.symbol == row.label ? 1 : 0;
    const auto top = std::max_element(counts.begin(), counts.end()) - counts.begin();
    score.majority += top == row.label ? 1 : 0;
    ++counts[row.label];
    const auto learn_start = Clock::now();
    score.bits += run->Learn(values, {.symbol = row.label}) / std::log(2.0);
    score.learn_us.push_back(since(learn_start));
    last = {.present = true, .symbol = row.label};
  }
  return score;
}

float Median(std::vector<float> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

absl::Status Report(const std::string& path, const std::string& target) {
  GYRUS_ASSIGN_OR_RETURN(const Table table, Load(path, target));
  const auto n = static_cast<double>(table.rows.size());
  for (const uint64_t seed : {1, 2, 3}) {
    GYRUS_ASSIGN_OR_RETURN(const Score score, Classify(table, seed));
    std::printf(
        "%-20s seed %d  rows %6.0f  majority %.4f  no-change %.4f  accuracy %.4f  bits %.4f  "
        "step %.2f us  learn %.2f us\n",
        path.substr(path.rfind('/') + 1).c_str(), static_cast<int>(seed), n, score.majority / n,
        score.no_change / n, score.right / n, score.bits / n,
        static_cast<double>(Median(score.step_us)), static_cast<double>(Median(score.learn_us)));
  }
  return absl::OkStatus();
}

absl::Status Main(int argc, char** argv) {
  kernels::Warmup();
  if (argc == 3) return Report(argv[1], argv[2]);
  const char* const data = std::getenv("GYRUS_DATA");
  const std::string streams = absl::StrCat(data == nullptr ? "../shared/data" : data, "/streams/");
  GYRUS_RETURN_IF_ERROR(Report(streams + "elec2/elecNormNew.csv", "class"));
  GYRUS_RETURN_IF_ERROR(Report(streams + "noaa_weather/weather.csv", "target"));
  GYRUS_RETURN_IF_ERROR(Report(streams + "sea/sea_stream.csv", "class"));
  return Report(streams + "phishing/phishing.csv", "target");
}

}  // namespace
}  // namespace gyrus

int main(int argc, char** argv) {
  const absl::Status status = gyrus::Main(argc, argv);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
