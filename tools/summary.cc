// SPDX-License-Identifier: Apache-2.0
#include "tools/summary.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "tools/json.h"
#include "tools/progress.h"

namespace gyrus {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double Microseconds(const LatencyHistogram& latency, double percent) {
  if (latency.count() == 0) return kNaN;
  return static_cast<double>(latency.Percentile(percent).count()) / 1e3;
}

// In the background a session only tells what is to be learned; the learner takes the time.
const LatencyHistogram& Learning(const Summary& summary, const Teacher::Account& account) {
  return summary.background_learn != nullptr ? *summary.background_learn
                                             : account.learn.histogram();
}

bool IsReal(Task task) { return task == Task::kReal || task == Task::kNextReals; }

// "accuracy 0.9512 (majority 0.5112)", "1.934 bits/symbol (order 0 4.812)"
std::string MeansText(const Means& means, absl::string_view loss_name) {
  if (means.scored == 0) return "nothing: no example came with a target";
  if (std::isfinite(means.accuracy)) {
    return absl::StrFormat("accuracy %.4f, baseline %.4f (%s); log loss %.4f", means.accuracy,
                           means.baseline, means.baseline_name, means.loss);
  }
  return absl::StrFormat("%.4g %s, baseline %.4g (%s)", means.loss, loss_name, means.baseline,
                         means.baseline_name);
}

std::string TimesText(absl::string_view name, const LatencyHistogram& latency) {
  if (latency.count() == 0) return "";
  return absl::StrFormat("  %-9s %.2f us median, %.2f us p99\n", name, Microseconds(latency, 50),
                         Microseconds(latency, 99));
}

// In the unit of the loss that it stands beside: learners count in nats.
double ReplayLoss(const Upkeep& upkeep, absl::string_view loss_name) {
  if (upkeep.replayed == 0) return kNaN;
  const double nats = upkeep.replayed_loss / static_cast<double>(upkeep.replayed);
  return absl::StartsWith(loss_name, "bits") ? nats / std::log(2.0) : nats;
}

std::string BackgroundText(const BackgroundLearner::Status& status) {
  const double seconds = std::chrono::duration<double>(status.elapsed).count();
  const double busy = std::chrono::duration<double>(status.busy).count();
  return absl::StrFormat("  learner   busy %.0f %% of the time, %d publishes, %d dropped\n",
                         100 * busy / std::max(1e-9, seconds), status.publishes, status.dropped);
}

}  // namespace

std::string IntervalJson(uint64_t run, const Interval& interval, const Means& means,
                         absl::string_view loss_name, const Plan& plan) {
  std::vector<std::string> areas;
  for (std::size_t a = 0; a < interval.bins.size(); ++a) {
    areas.push_back(JsonObject()
                        .Add("name", plan.areas()[a].spec.name)
                        .AddJson("bins", JsonArray(interval.bins[a]))
                        .ToString());
  }
  return JsonObject()
      .Add("kind", interval.provisional ? "progress" : "interval")
      .Add("run", run)
      .Add("examples", interval.examples)
      .Add("steps", interval.steps)
      .Add("seconds", interval.seconds)
      .Add("loss", means.loss)
      .Add("loss_name", loss_name)
      .Add("baseline", means.baseline)
      .Add("baseline_name", means.baseline_name)
      .Add("accuracy", means.accuracy)
      .Add("replay_loss", ReplayLoss(interval.upkeep, loss_name))
      .Add("renewed", interval.upkeep.renewed)
      .AddJson("areas", absl::StrCat("[", absl::StrJoin(areas, ","), "]"))
      .ToString();
}

std::string SummaryJson(const Summary& summary, const Teacher::Account& account) {
  const Means& means = summary.means;
  const Means& test = summary.test;
  const bool symbols = summary.task == Task::kNextSymbol;
  const bool reals = IsReal(summary.task);
  const auto tested = [&](bool applies, double value) {
    return summary.tested && applies ? value : kNaN;
  };
  JsonObject json;
  json.Add("kind", "summary")
      .Add("run", summary.run)
      .Add("command", summary.command)
      .Add("brain", summary.brain)
      .Add("input", summary.input)
      .Add("test", summary.test_input)
      .Add("time", summary.time)
      .AddJson("interrupted", summary.interrupted ? "true" : "false")
      .Add("examples", summary.examples)
      .Add("scored", means.scored)
      .Add("seconds", summary.seconds)
      .Add("loss", means.loss)
      .Add("loss_name", summary.loss_name)
      .Add("accuracy", means.accuracy)
      .Add("bits_per_symbol", symbols ? means.loss : kNaN)
      .Add("mse", reals ? means.loss : kNaN)
      .Add("mae", means.mae)
      .Add("baseline", means.baseline)
      .Add("baseline_name", means.baseline_name)
      .Add("examples_per_second",
           summary.seconds > 0 ? static_cast<double>(summary.examples) / summary.seconds : kNaN)
      .Add("step_us_p50", Microseconds(account.step.histogram(), 50))
      .Add("step_us_p99", Microseconds(account.step.histogram(), 99))
      .Add("learn_us_p50", Microseconds(Learning(summary, account), 50))
      .Add("learn_us_p99", Microseconds(Learning(summary, account), 99))
      .Add("regions_total", summary.regions_total)
      .Add("regions_woken_mean", summary.regions_woken_mean)
      .Add("parameters", summary.parameters.all)
      .Add("parameters_woken_mean", summary.parameters.woken)
      .Add("peak_rss_bytes", summary.peak_rss_bytes)
      .Add("test_accuracy", tested(true, test.accuracy))
      .Add("test_bits_per_symbol", tested(symbols, test.loss))
      .Add("test_mse", tested(reals, test.loss))
      .Add("test_mae", tested(reals, test.mae))
      .AddJson("step_us_histogram", HistogramJson(account.step.histogram()))
      .AddJson("learn_us_histogram", HistogramJson(Learning(summary, account)))
      .AddJson("load", account.loads.TotalJson());
  if (summary.background.has_value()) {
    json.Add("publishes", summary.background->publishes)
        .Add("dropped", summary.background->dropped);
  }
  return json.ToString();
}

std::string SummaryText(const Summary& summary, const Teacher::Account& account) {
  const double rate = static_cast<double>(summary.examples) / std::max(1e-9, summary.seconds);
  std::string text = absl::StrFormat(
      "%s %s examples in %s (%s/s)\n", summary.command == "learn" ? "learned" : "ran",
      FormatCount(static_cast<double>(summary.examples)),
      summary.seconds < 10 ? absl::StrFormat("%.2f s", summary.seconds)
                           : FormatSeconds(summary.seconds),
      FormatCount(rate));
  absl::StrAppend(&text, "  predicted ",
                  summary.examples == 0 ? "nothing: no example came"
                                        : MeansText(summary.means, summary.loss_name),
                  "\n");
  if (summary.tested) {
    absl::StrAppend(&text, "  test      ", MeansText(summary.test, summary.loss_name), "\n");
  }
  absl::StrAppend(&text, TimesText("step", account.step.histogram()),
                  TimesText("learning", Learning(summary, account)));
  if (summary.background.has_value()) {
    absl::StrAppend(&text, BackgroundText(*summary.background));
  }
  if (summary.regions_total > 0) {
    absl::StrAppendFormat(&text, "  woke      %.1f of %d regions\n", summary.regions_woken_mean,
                          summary.regions_total);
  }
  absl::StrAppend(&text, "  has       ", FormatCount(static_cast<double>(summary.parameters.all)),
                  " parameters, ", FormatCount(summary.parameters.woken), " woken per step; ",
                  summary.peak_rss_bytes >> 20, " MiB of memory at most\n");
  return text;
}

}  // namespace gyrus
