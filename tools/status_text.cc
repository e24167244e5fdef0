// SPDX-License-Identifier: Apache-2.0
// A family's samples must stand together, so the families, not the sessions, are the outer loop.
#include "tools/status_text.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"

namespace gyrus {
namespace {

using Meter = SessionMeter;

double Seconds(Nanos time) { return std::chrono::duration<double>(time).count(); }

uint64_t Read(const std::atomic<uint64_t>& count) { return count.load(std::memory_order_relaxed); }
double Read(const std::atomic<double>& sum) { return sum.load(std::memory_order_relaxed); }

// `name="value"`
std::string Label(absl::string_view name, absl::string_view value) {
  return absl::StrCat(name, "=\"",
                      absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"\"", "\\\""}, {"\n", "\\n"}}),
                      "\"");
}

class Writer {
 public:
  explicit Writer(const RuntimeStatus& status) : status_(status) {}

  void Family(absl::string_view name, absl::string_view type, absl::string_view help) {
    absl::StrAppend(&text_, "# HELP ", name, " ", help, "\n# TYPE ", name, " ", type, "\n");
  }

  template <typename Number>
  void Sample(absl::string_view name, absl::string_view labels, Number value) {
    absl::StrAppend(&text_, name, labels.empty() ? "" : absl::StrCat("{", labels, "}"), " ");
    if constexpr (std::is_floating_point_v<Number>) {
      absl::StrAppendFormat(&text_, "%.9g\n", value);
    } else {
      absl::StrAppend(&text_, value, "\n");
    }
  }

  template <typename Number>
  void Counter(absl::string_view name, absl::string_view help, Number value) {
    Family(name, "counter", help);
    Sample(name, "", value);
  }

  template <typename Number>
  void Gauge(absl::string_view name, absl::string_view help, Number value) {
    Family(name, "gauge", help);
    Sample(name, "", value);
  }

  // One sample per session: what `of` says of its meter.
  template <typename Of>
  void PerSession(absl::string_view name, absl::string_view type, absl::string_view help, Of of) {
    Family(name, type, help);
    for (const auto& meter : status_.sessions) {
      Sample(name, Label("session", meter->name), of(*meter));
    }
  }

  // The longest is the quantile 1.
  void Summary(absl::string_view name, absl::string_view labels, const LatencyHistogram& times) {
    const std::string before = labels.empty() ? "" : absl::StrCat(labels, ",");
    for (const auto& [quantile, percent] :
         {std::pair("0.5", 50.0), std::pair("0.99", 99.0), std::pair("0.999", 99.9)}) {
      Sample(name, absl::StrCat(before, Label("quantile", quantile)),
             Seconds(times.Percentile(percent)));
    }
    Sample(name, absl::StrCat(before, Label("quantile", "1")), Seconds(times.max()));
    Sample(absl::StrCat(name, "_sum"), labels, Seconds(times.sum()));
    Sample(absl::StrCat(name, "_count"), labels, times.count());
  }

  // One summary per session.
  template <typename Of>
  void Summaries(absl::string_view name, absl::string_view help, Of of) {
    Family(name, "summary", help);
    for (const auto& meter : status_.sessions) {
      const LatencyHistogram& times = of(*meter).histogram();
      if (times.count() > 0) Summary(name, Label("session", meter->name), times);
    }
  }

  const std::string& text() const { return text_; }

 private:
  const RuntimeStatus& status_;
  std::string text_;
};

void AddSessions(const RuntimeStatus& status, Writer* out) {
  out->Family("gyrus_session_info", "gauge",
              "1 for each open session; its mode is frozen, inline or background.");
  for (const auto& meter : status.sessions) {
    out->Sample("gyrus_session_info",
                absl::StrCat(Label("session", meter->name), ",",
                             Label("mode", Meter::Name(meter->mode.load()))),
                1);
  }
  out->PerSession("gyrus_steps_total", "counter", "Steps of the session since the brain was made.",
                  [](const Meter& meter) { return Read(meter.steps); });
  out->PerSession("gyrus_deadline_misses_total", "counter",
                  "Steps that took longer than they were given.",
                  [](const Meter& meter) { return Read(meter.deadlines_missed); });
  out->PerSession("gyrus_served_snapshot", "gauge",
                  "Number of the snapshot that the last step saw; 0: the learner's own draft.",
                  [](const Meter& meter) { return Read(meter.served); });
  out->Summaries("gyrus_step_seconds",
                 "Time of a step; inline, with what it learned first. The quantile 1 is the "
                 "longest. Below 10 us one in 16 is timed.",
                 [](const Meter& meter) -> const Stopwatch& { return meter.step; });
  out->Summaries("gyrus_learn_seconds",
                 "Time of a call that learns; in the background, of telling what is to be learned.",
                 [](const Meter& meter) -> const Stopwatch& { return meter.learn; });
}

void AddLearning(const RuntimeStatus& status, Writer* out) {
  out->PerSession("gyrus_learned_total", "counter", "Events learned, with a label.",
                  [](const Meter& meter) { return Read(meter.learning.learned); });
  out->PerSession("gyrus_unlabelled_total", "counter", "Events that got no label in time.",
                  [](const Meter& meter) { return Read(meter.learning.unlabelled); });
  out->PerSession("gyrus_refused_losses_total", "counter", "Losses that were not finite.",
                  [](const Meter& meter) { return Read(meter.learning.refused); });
  out->PerSession("gyrus_learned_loss_total", "counter",
                  "Sum of the losses of learned events, each from before it was learned: nats of "
                  "symbols and classes, squared error of reals.",
                  [](const Meter& meter) { return Read(meter.learning.loss_sum); });
  out->Family("gyrus_loss", "gauge", "Running mean of those losses, over about the last 1000.");
  for (const auto& meter : status.sessions) {
    if (Read(meter->learning.learned) == 0) continue;
    out->Sample("gyrus_loss", Label("session", meter->name), Read(meter->learning.loss));
  }
  out->PerSession("gyrus_replayed_total", "counter", "Stored samples learned again.",
                  [](const Meter& meter) { return Read(meter.learning.replayed); });
  out->PerSession("gyrus_replayed_loss_total", "counter",
                  "Sum of their losses, each from before it was learned again.",
                  [](const Meter& meter) { return Read(meter.learning.replayed_loss_sum); });
  out->PerSession("gyrus_drifts_total", "counter", "Times that the loss was found to have risen.",
                  [](const Meter& meter) { return Read(meter.learning.drifts); });
  out->PerSession("gyrus_renewed_units_total", "counter",
                  "Units that were of no use and began anew.",
                  [](const Meter& meter) { return Read(meter.learning.renewed); });
}

void AddAreas(const BrainSpec& spec, const RuntimeStatus& status, Writer* out) {
  if (spec.areas.empty()) return;
  out->Family("gyrus_regions", "gauge", "Regions that an area has.");
  for (const AreaSpec& area : spec.areas) {
    out->Sample("gyrus_regions", Label("area", area.name), area.regions);
  }
  out->Family("gyrus_woken_regions_total", "counter", "Regions of an area that steps woke.");
  for (const auto& meter : status.sessions) {
    for (std::size_t a = 0; a < meter->woken.size() && a < spec.areas.size(); ++a) {
      out->Sample(
          "gyrus_woken_regions_total",
          absl::StrCat(Label("session", meter->name), ",", Label("area", spec.areas[a].name)),
          Read(meter->woken[a]));
    }
  }
}

void AddBackground(const RuntimeStatus& status, Writer* out) {
  const BackgroundLearner::Status& background = status.background;
  out->Gauge("gyrus_waiting_experiences", "Experiences that wait for the background learner.",
             background.waiting);
  out->Counter("gyrus_dropped_experiences_total", "Experiences that found no room to wait.",
               background.dropped);
  out->Counter("gyrus_late_labels_total",
               "Labels that came in the background for no step that still waited.",
               background.unlearned);
  out->Counter("gyrus_stalls_total",
               "Times that the background learner had to wait for spare blocks.",
               background.counts.stalled);
  out->Gauge("gyrus_staleness_seconds", "Age of the oldest commit that no reader can see yet.",
             Seconds(background.unpublished));
  out->Counter("gyrus_background_busy_seconds_total",
               "Time that the background learner spent learning.", Seconds(background.busy));
  if (status.learn == nullptr || status.learn->count() == 0) return;
  out->Family("gyrus_background_learn_seconds", "summary",
              "Time to learn an experience in the background. The quantile 1 is the longest.");
  out->Summary("gyrus_background_learn_seconds", "", *status.learn);
}

void AddGuard(const Guard::Status& guard, Writer* out) {
  out->Family("gyrus_guard_windows_total", "counter", "Windows of learning that the guard judged.");
  out->Sample("gyrus_guard_windows_total", Label("outcome", "good"), guard.good);
  out->Sample("gyrus_guard_windows_total", Label("outcome", "taken_back"), guard.rollbacks);
  out->Sample("gyrus_guard_windows_total", Label("outcome", "accepted"), guard.accepted);
  out->Counter("gyrus_guard_quarantined_events_total", "Events whose teaching was taken back.",
               guard.quarantined);
  out->Counter("gyrus_guard_restored_blocks_total", "Blocks that were brought back.",
               guard.restored);
  out->Gauge("gyrus_guard_loss", "Mean loss of the last window.", guard.loss);
  if (guard.reference > 0) {
    out->Gauge("gyrus_guard_reference_loss", "Slow mean of good windows.", guard.reference);
  }
}

void AddJournal(const Lag& lag, Writer* out) {
  out->Gauge("gyrus_journal_lag_seconds", "Age of the moment that a crash now would go back to.",
             Seconds(lag.time));
  out->Gauge("gyrus_journal_lag_bytes", "Blocks changed since the journal's newest cut.",
             lag.bytes);
  out->Gauge("gyrus_journal_lag_commits", "Commits that a crash now would lose.", lag.commits);
  out->Counter("gyrus_journal_written_bytes_total", "Bytes written to the disk.",
               lag.written_bytes);
  out->Gauge("gyrus_journal_failing", "1 if the last write failed.", lag.status.ok() ? 0 : 1);
}

}  // namespace

std::string StatusText(const BrainSpec& spec, const RuntimeStatus& status) {
  Writer out(status);
  out.Family("gyrus_brain_info", "gauge", "1, for the brain that runs.");
  out.Sample("gyrus_brain_info", Label("brain", spec.name), 1);
  out.Gauge("gyrus_uptime_seconds", "Time since the brain was opened.",
            Seconds(status.background.elapsed));
  out.Gauge("gyrus_published_snapshot", "Number of the newest snapshot.", status.published);
  out.Counter("gyrus_commits_total", "Commits, by any learner.", status.commits);
  AddSessions(status, &out);
  AddLearning(status, &out);
  AddAreas(spec, status, &out);
  AddBackground(status, &out);
  if (spec.guard.window > 0) AddGuard(status.guard, &out);
  if (status.lag.has_value()) AddJournal(*status.lag, &out);
  return out.text();
}

}  // namespace gyrus
