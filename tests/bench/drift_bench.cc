// SPDX-License-Identifier: Apache-2.0
// What a watch of drift buys and costs: streams that drift, or do not, each row predicted and then
// learned once, with the watch off and with several raises.
//
//   drift_bench                      the streams below under $GYRUS_DATA (default ../shared/data)
#include <cmath>
#include <cstdint>
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
#include "activation/brain_spec.h"
#include "core/rng.h"
#include "core/status_macros.h"
#include "runtime/runtime.h"
#include "runtime/session.h"

namespace gyrus {
namespace {

struct Row {
  std::vector<float> reals;
  uint32_t label = 0;   // Classes.
  float number = 0.0F;  // Regression.
};

// Columns of numbers, the class last.
absl::StatusOr<std::vector<Row>> Load(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line)) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  absl::flat_hash_map<std::string, uint32_t> names;
  std::vector<Row> rows;
  while (std::getline(in, line)) {
    const std::vector<std::string> cells = absl::StrSplit(line, ',');
    Row& row = rows.emplace_back();
    for (std::size_t j = 0; j + 1 < cells.size(); ++j) {
      float value = std::numeric_limits<float>::quiet_NaN();
      if (!absl::SimpleAtof(cells[j], &value)) value = std::numeric_limits<float>::quiet_NaN();
      row.reals.push_back(value);
    }
    row.label = names.emplace(cells.back(), static_cast<uint32_t>(names.size())).first->second;
  }
  return rows;
}

// y = w . x + noise, eight reals; every `every` rows w is drawn anew (0: never).
std::vector<Row> Planted(uint64_t seed, std::size_t every) {
  Rng rng(seed);
  std::vector<float> w(8);
  std::vector<Row> rows(20000);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i == 0 || (every > 0 && i % every == 0)) {
      for (float& element : w) element = rng.Normal();
    }
    double y = 0.3 * static_cast<double>(rng.Normal());
    for (const float element : w) {
      rows[i].reals.push_back(rng.Normal());
      y += static_cast<double>(element * rows[i].reals.back());
    }
    rows[i].number = static_cast<float>(y);
    rows[i].label = y > 0 ? 1 : 0;
  }
  return rows;
}

enum class Kind { kLinear, kNetwork, kKalman };

BrainSpec Brain(Kind kind, std::size_t reals, uint64_t seed, const DriftSpec& drift) {
  BrainSpec spec;
  spec.name = "drift";
  spec.seed = seed;
  spec.drift = drift;
  spec.modalities = {
      {.name = "x", .kind = ModalityKind::kReals, .size = static_cast<uint32_t>(reals)}};
  spec.encoders = {
      {.name = "row", .modality = "x", .kind = RealsEncoderSpec{.rate = 0, .constant = true}}};
  if (kind == Kind::kKalman) {
    spec.heads = {{.name = "y", .outputs = 1, .kind = KalmanHeadSpec{.inputs = {"row"}}}};
    return spec;
  }
  if (kind == Kind::kNetwork) {
    spec.areas = {{.name = "hidden", .inputs = {"row"}, .outputs = 64, .cell = DenseCellSpec{}}};
  }
  spec.heads = {{.name = "class",
                 .classes = 2,
                 .kind = SoftmaxHeadSpec{.input = kind == Kind::kNetwork ? "hidden" : "row",
                                         .rate = 0.002F}}};
  return spec;
}

struct Score {
  double right = 0;  // Share of rows.
  double loss = 0;   // Mean: nats, or squared error.
  uint64_t drifts = 0;
};

absl::StatusOr<Score> Run(const BrainSpec& spec, const std::vector<Row>& rows) {
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Runtime> runtime, Runtime::Create(spec, {}));
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session, runtime->OpenSession({}));
  const bool classes = spec.heads[0].classes > 0;
  Score score;
  Prediction prediction;
  for (const Row& row : rows) {
    const Value value{.present = true, .reals = row.reals};
    const Want want{.kind = classes ? Want::Kind::kBest : Want::Kind::kNothing};
    GYRUS_ASSIGN_OR_RETURN(const uint64_t step,
                           session->Step({.values = {&value, 1}}, want, &prediction));
    score.right += prediction.best == row.label ? 1 : 0;
    GYRUS_RETURN_IF_ERROR(
        session->Learn(step, {.symbol = row.label, .reals = {&row.number, classes ? 0U : 1U}}));
    score.loss += session->learner()->last().loss;
  }
  score.right /= static_cast<double>(rows.size());
  score.loss /= static_cast<double>(rows.size());
  score.drifts = session->learner()->counts().drifts;
  return score;
}

struct Setting {
  const char* name;
  DriftSpec drift;
};

constexpr Setting kSettings[] = {
    {"off", {}},
    {"raise 3, 200 steps", {.delta = 0.002F, .raise = 3, .steps = 200}},
    {"raise 10, 200 steps", {.delta = 0.002F, .raise = 10, .steps = 200}},
    {"raise 10, 1000 steps", {.delta = 0.002F, .raise = 10, .steps = 1000}},
    {"raise 100, 200 steps", {.delta = 0.002F, .raise = 100, .steps = 200}},
};

template <typename MakeRows>
absl::Status Report(const char* stream, const char* brain, Kind kind, MakeRows make_rows) {
  for (const Setting& setting : kSettings) {
    std::string line;
    for (const uint64_t seed : {1, 2, 3}) {
      const std::vector<Row> rows = make_rows(seed);
      GYRUS_ASSIGN_OR_RETURN(const Score score,
                             Run(Brain(kind, rows[0].reals.size(), seed, setting.drift), rows));
      absl::StrAppend(&line, "  ", kind == Kind::kKalman ? "mse " : "accuracy ",
                      kind == Kind::kKalman ? score.loss : score.right, " loss ", score.loss, " (",
                      score.drifts, " drifts)");
    }
    std::printf("%-16s %-8s %-22s%s\n", stream, brain, setting.name, line.c_str());
  }
  return absl::OkStatus();
}

absl::Status Main() {
  const char* const data = std::getenv("GYRUS_DATA");
  const std::string streams = absl::StrCat(data == nullptr ? "../shared/data" : data, "/streams/");
  for (const auto& [name, file] :
       {std::pair{"elec2", "elec2/elecNormNew.csv"}, std::pair{"sea", "sea/sea_stream.csv"}}) {
    GYRUS_ASSIGN_OR_RETURN(const std::vector<Row> rows, Load(streams + file));
    const auto same = [&rows](uint64_t) { return rows; };
    GYRUS_RETURN_IF_ERROR(Report(name, "linear", Kind::kLinear, same));
    GYRUS_RETURN_IF_ERROR(Report(name, "network", Kind::kNetwork, same));
  }
  for (const std::size_t every : {0, 4000}) {
    const auto planted = [every](uint64_t seed) { return Planted(seed, every); };
    const char* const name = every == 0 ? "planted, still" : "planted, drifts";
    GYRUS_RETURN_IF_ERROR(Report(name, "linear", Kind::kLinear, planted));
    GYRUS_RETURN_IF_ERROR(Report(name, "network", Kind::kNetwork, planted));
    GYRUS_RETURN_IF_ERROR(Report(name, "kalman", Kind::kKalman, planted));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace gyrus

int main() {
  const absl::Status status = gyrus::Main();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
