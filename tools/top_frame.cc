// SPDX-License-Identifier: Apache-2.0
#include "tools/top_frame.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tools/feed.h"
#include "tools/progress.h"

namespace gyrus {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();
constexpr int kColumns = 80;
constexpr int kBars = 60;
constexpr std::size_t kMostSessions = 3;  // That are told apart.
constexpr std::size_t kMostAreas = 6;

// "12.3 us"; a dash if there is none.
std::string Time(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  if (seconds < 1e-6) return absl::StrFormat("%.0f ns", seconds * 1e9);
  if (seconds < 1e-3) return absl::StrFormat("%.3g us", seconds * 1e6);
  if (seconds < 1) return absl::StrFormat("%.3g ms", seconds * 1e3);
  return absl::StrFormat("%.3g s", seconds);
}

std::string Bytes(double bytes) { return FormatCount(bytes) + (bytes < 1e3 ? " B" : "B"); }

std::string Row(absl::string_view title, const std::string& text) {
  return absl::StrFormat("%-9s %s", title, text);
}

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

std::string Clipped(absl::string_view line, int columns) {
  std::string clipped;
  for (const char c : line) {
    if (!IsContinuation(c) && columns-- <= 0) break;
    clipped.push_back(c);
  }
  return clipped;
}

std::string Sparkline(const std::deque<double>& values, int columns) {
  static constexpr const char* kLevels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const std::size_t per_bar =
      std::max<std::size_t>(1, (values.size() + columns - 1) / static_cast<std::size_t>(columns));
  std::vector<double> bars;
  for (std::size_t i = 0; i < values.size(); i += per_bar) {
    double sum = 0;
    double count = 0;
    for (std::size_t j = i; j < std::min(values.size(), i + per_bar); ++j) {
      if (!std::isfinite(values[j])) continue;
      sum += values[j];
      ++count;
    }
    bars.push_back(count > 0 ? sum / count : kNothing);
  }
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double bar : bars) {
    low = std::fmin(low, bar);
    high = std::fmax(high, bar);
  }
  std::string line;
  for (const double bar : bars) {
    if (!std::isfinite(bar)) {
      line += " ";
      continue;
    }
    const double share = high > low ? (bar - low) / (high - low) : 0;
    line += kLevels[std::clamp(static_cast<int>(share * 8), 0, 7)];
  }
  return line;
}

void TopFrame::Add(Samples now) {
  before_ = std::exchange(now_, std::move(now));
  seen_ = std::min(seen_ + 1, 2);
  if (seen_ < 2) return;
  losses_.push_back(LossNow());
  if (losses_.size() > kMostLosses) losses_.pop_front();
}

double TopFrame::Change(absl::string_view name) const {
  return now_.Sum(name) - (seen_ > 1 ? before_.Sum(name) : 0);
}

double TopFrame::Seconds() const { return std::max(1e-9, Change("gyrus_uptime_seconds")); }

double TopFrame::LossNow() const {
  const double events = Change("gyrus_learned_total") - Change("gyrus_refused_losses_total");
  return events > 0 ? Change("gyrus_learned_loss_total") / events : kNothing;
}

// In the unit that gyrus learn tells.
const char* TopFrame::LossName() const {
  if (spec_.heads[0].classes == 0) return "squared error";
  return spec_.target_next > 0 ? "bits/symbol" : "nats";
}

std::string TopFrame::LossText(double loss) const {
  if (!std::isfinite(loss)) return "-";
  const bool bits = spec_.heads[0].classes > 0 && spec_.target_next > 0;
  return absl::StrFormat("%.4g", bits ? loss / std::log(2.0) : loss);
}

std::string TopFrame::Head() const {
  const std::vector<Sample> brain = now_.Of("gyrus_brain_info");
  const std::vector<Sample> sessions = now_.Of("gyrus_session_info");
  std::string text = absl::StrCat(brain.empty() ? "?" : brain[0].Label("brain"), ", up ",
                                  FormatSeconds(now_.Sum("gyrus_uptime_seconds")));
  for (std::size_t s = 0; s < std::min(sessions.size(), kMostSessions); ++s) {
    absl::StrAppend(&text, ", ", sessions[s].Label("session"), " ", sessions[s].Label("mode"));
  }
  if (sessions.size() > kMostSessions) {
    absl::StrAppend(&text, ", and ", sessions.size() - kMostSessions, " more sessions");
  }
  return Row("brain", text);
}

void TopFrame::AddLoss(std::vector<std::string>* lines) const {
  const std::vector<Sample> recent = now_.Of("gyrus_loss");
  if (recent.empty()) {
    lines->push_back(Row("loss", "nothing learned yet"));
    return;
  }
  double mean = 0;
  for (const Sample& sample : recent) mean += sample.value / static_cast<double>(recent.size());
  lines->push_back(
      Row("loss", absl::StrCat(LossText(mean), " ", LossName(), " (last 1000), ",
                               LossText(LossNow()), seen_ > 1 ? " now" : " on average")));
  if (losses_.size() > 1) lines->push_back(Row("", Sparkline(losses_, kBars)));
  if (now_.Sum("gyrus_replayed_total") == 0) return;
  const double replayed = Change("gyrus_replayed_total");
  lines->push_back(Row(
      "", absl::StrCat(
              LossText(replayed > 0 ? Change("gyrus_replayed_loss_total") / replayed : kNothing),
              " of stored samples, each before it is learned again")));
}

// What it found of the world, and did about it.
void TopFrame::AddWorld(std::vector<std::string>* lines) const {
  const double drifts = now_.Sum("gyrus_drifts_total");
  lines->push_back(Row("drift", spec_.drift.delta > 0 ? absl::StrFormat("found %.0f times", drifts)
                                                      : "not watched"));
  if (!now_.Has("gyrus_guard_windows_total")) {
    lines->push_back(Row("guard", "none"));
  } else {
    const auto windows = [&](absl::string_view outcome) {
      return now_.Where("gyrus_guard_windows_total", "outcome", outcome);
    };
    lines->push_back(Row(
        "guard",
        absl::StrFormat("%.0f windows good, %.0f taken back (%.0f events), %.0f accepted",
                        windows("good"), windows("taken_back"),
                        now_.Sum("gyrus_guard_quarantined_events_total"), windows("accepted"))));
  }
  const double renewed = now_.Sum("gyrus_renewed_units_total");
  if (renewed > 0) {
    lines->push_back(Row("units", absl::StrFormat("%s began anew", FormatCount(renewed))));
  }
}

void TopFrame::AddTimes(const std::string& title, absl::string_view name,
                        std::vector<std::string>* lines) const {
  std::size_t told = 0;
  const std::vector<Sample> counts = now_.Of(absl::StrCat(name, "_count"));
  for (const Sample& count : counts) {
    if (++told > kMostSessions) break;
    const std::string session = count.Label("session");
    std::map<std::string, double> at;
    for (const Sample& sample : now_.Of(name)) {
      if (sample.Label("session") == session) at[sample.Label("quantile")] = sample.value;
    }
    const std::string of = counts.size() > 1 ? absl::StrCat("  (", session, ")") : "";
    lines->push_back(
        Row(title, absl::StrFormat("median %-9s p99 %-9s p99.9 %-9s max %s%s", Time(at["0.5"]),
                                   Time(at["0.99"]), Time(at["0.999"]), Time(at["1"]), of)));
  }
}

void TopFrame::AddWork(std::vector<std::string>* lines) const {
  const double learned = Change("gyrus_learned_total");
  std::string text = absl::StrCat(FormatCount(now_.Sum("gyrus_steps_total")), " in all; learned ",
                                  FormatCount(now_.Sum("gyrus_learned_total")), ", ",
                                  FormatCount(learned / Seconds()), "/s");
  const double refused = now_.Sum("gyrus_refused_losses_total");
  if (refused > 0) absl::StrAppendFormat(&text, "; %s not finite", FormatCount(refused));
  const double misses = now_.Sum("gyrus_deadline_misses_total");
  if (misses > 0) absl::StrAppendFormat(&text, "; %s deadlines missed", FormatCount(misses));
  lines->push_back(Row("steps", text));
  AddTimes("step", "gyrus_step_seconds", lines);
  const bool background = now_.Has("gyrus_background_learn_seconds");
  AddTimes("learn", background ? "gyrus_background_learn_seconds" : "gyrus_learn_seconds", lines);
}

void TopFrame::AddLearner(std::vector<std::string>* lines) const {
  // Inline a session is served from what it has just learned.
  if (now_.Sum("gyrus_served_snapshot") > 0) {
    lines->push_back(Row("serves", absl::StrFormat("snapshot %.0f, stale by %s",
                                                   now_.Sum("gyrus_published_snapshot"),
                                                   Time(now_.Sum("gyrus_staleness_seconds")))));
  }
  if (!now_.Has("gyrus_background_learn_seconds")) return;
  lines->push_back(Row(
      "learner", absl::StrFormat("busy %.0f %%, %s waiting, %s dropped, %s labels late, %s stalls",
                                 100 * Change("gyrus_background_busy_seconds_total") / Seconds(),
                                 FormatCount(now_.Sum("gyrus_waiting_experiences")),
                                 FormatCount(now_.Sum("gyrus_dropped_experiences_total")),
                                 FormatCount(now_.Sum("gyrus_late_labels_total")),
                                 FormatCount(now_.Sum("gyrus_stalls_total")))));
}

void TopFrame::AddJournal(std::vector<std::string>* lines) const {
  if (!now_.Has("gyrus_journal_lag_seconds")) return;
  const double commits = now_.Sum("gyrus_journal_lag_commits");
  std::string text = "all is on the disk";
  if (commits > 0) {
    text =
        absl::StrFormat("behind by %s, %s commits, %s", Time(now_.Sum("gyrus_journal_lag_seconds")),
                        FormatCount(commits), Bytes(now_.Sum("gyrus_journal_lag_bytes")));
  }
  if (now_.Sum("gyrus_journal_failing") > 0) text = "CANNOT WRITE; " + text;
  absl::StrAppendFormat(&text, "; wrote %s, %s/s",
                        Bytes(now_.Sum("gyrus_journal_written_bytes_total")),
                        Bytes(Change("gyrus_journal_written_bytes_total") / Seconds()));
  lines->push_back(Row("journal", text));
}

void TopFrame::AddWoken(std::vector<std::string>* lines) const {
  const std::vector<Sample> areas = now_.Of("gyrus_regions");
  const double steps = Change("gyrus_steps_total");
  for (std::size_t a = 0; a < std::min(areas.size(), kMostAreas); ++a) {
    const std::string area = areas[a].Label("area");
    double woken = 0;
    for (const Sample& sample : now_.Of("gyrus_woken_regions_total")) {
      if (sample.Label("area") == area) woken += sample.value;
    }
    if (seen_ > 1) {
      for (const Sample& sample : before_.Of("gyrus_woken_regions_total")) {
        if (sample.Label("area") == area) woken -= sample.value;
      }
    }
    // Steps are since the brain was made, so a first look tells no rate.
    const std::string what =
        seen_ > 1 ? absl::StrFormat("%.1f of %s regions per step", steps > 0 ? woken / steps : 0,
                                    FormatCount(areas[a].value))
                  : absl::StrFormat("%s times, of %s regions", FormatCount(woken),
                                    FormatCount(areas[a].value));
    lines->push_back(Row(a == 0 ? "woke" : "", absl::StrCat(area, ": ", what)));
  }
  if (areas.size() > kMostAreas) {
    lines->push_back(Row("", absl::StrCat("and ", areas.size() - kMostAreas, " more areas")));
  }
}

std::vector<std::string> TopFrame::Lines() const {
  std::vector<std::string> lines;
  if (seen_ == 0) return lines;
  lines.push_back(Head());
  AddLoss(&lines);
  AddWorld(&lines);
  AddWork(&lines);
  AddLearner(&lines);
  AddJournal(&lines);
  AddWoken(&lines);
  for (std::string& line : lines) line = Clipped(line, kColumns);
  return lines;
}

}  // namespace gyrus
