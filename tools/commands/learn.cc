// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/learn.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/clock.h"
#include "core/status_macros.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/runtime.h"
#include "tools/bind_brain.h"
#include "tools/brain_input.h"
#include "tools/columns_text.h"
#include "tools/commands/user.h"
#include "tools/feed.h"
#include "tools/metrics.h"
#include "tools/output_file.h"
#include "tools/progress.h"
#include "tools/report/history.h"
#include "tools/score.h"
#include "tools/status_server.h"
#include "tools/status_text.h"
#include "tools/stop_signal.h"
#include "tools/summary.h"
#include "tools/teacher.h"

namespace gyrus {
namespace {

constexpr uint64_t kExamplesPerLook = 64;  // At the clock, by gyrus run.

std::string NameOf(const std::string& path) {
  if (path == "-") return "standard input";
  const std::filesystem::path whole(path);
  return whole.has_filename() ? whole.filename().string() : whole.parent_path().filename().string();
}

// One run of gyrus learn or gyrus run.
class Run {
 public:
  explicit Run(const LearnOptions& options)
      : options_(options),
        stop_(CatchStopSignal()),
        progress_(stderr, options.quiet),
        began_(clock_.Now()) {}

  absl::Status All();

 private:
  BrainInputOptions InputOptionsNow() const;
  absl::Status CheckFiles();
  absl::Status ServeOnAddress();
  void ServeInDirectory();
  std::string Status() const;
  absl::Status CheckTest(const BrainSpec& spec);
  void Note(const Input& input) const;
  absl::Status Start(const InputSchema& first, const Schema& columns);
  absl::Status Stream(BrainInput first);
  absl::Status Consume(Input* input, Feed* feed);
  void TellWhereItStands(const IntervalLine& last);
  absl::Status KeepUp();
  void KeepSnapshot();
  Upkeep TakeUpkeep();
  void CloseInterval();
  std::string LineOf(const Interval& interval) const;
  ProgressState Now() const;
  absl::Status Test(Summary* summary);
  Summary Summarise();
  absl::Status Report(const Summary& summary);
  absl::Status Stopped() const;
  double Seconds() const { return std::chrono::duration<double>(clock_.Now() - began_).count(); }
  // Whether the common brain learns, and this run writes it.
  bool writes() const { return !options_.frozen && options_.user.empty(); }
  absl::Status OpenUser();
  absl::Status SaveUser();
  Session* session() { return seat_ == nullptr ? session_.get() : seated_; }

  const LearnOptions& options_;
  const std::atomic<bool>& stop_;
  SystemClock clock_;
  BrainSpec spec_;
  std::optional<OutputFile> json_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Session> session_;  // Of the common brain; null for a user.
  std::unique_ptr<Users> users_;
  std::unique_ptr<UserSeat> seat_;
  Session* seated_ = nullptr;  // The seat's, whoever sits there.
  Nanos user_saved_ = Nanos(0);
  std::unique_ptr<Score> score_;
  std::unique_ptr<Teacher::Account> account_;
  std::unique_ptr<Teacher> teacher_;
  Intervals intervals_;
  Upkeep upkeep_;  // At the last interval's end.
  Progress progress_;
  Nanos began_;
  Nanos refreshed_ = began_;
  Nanos snapshot_ = began_;  // When the last automatic one was kept.
  uint64_t skip_ = 0;
  uint64_t run_ = 1;
  std::optional<uint64_t> of_;
  bool warned_ = false;  // That the disk takes nothing.
  Record record_;
  std::atomic<bool> serves_ = false;          // What the servers tell is there.
  std::unique_ptr<StatusServer> on_address_;  // Before what they ask is gone.
  std::unique_ptr<StatusServer> in_directory_;
};

BrainInputOptions Run::InputOptionsNow() const {
  BrainInputOptions options = {
      .input = {}, .by_class = options_.by_class, .target = options_.target};
  options.input.clock = &clock_;
  options.input.stop = &stop_;
  // In class order the limit comes first, so that it shortens every class and not the last ones.
  if (options_.limit < options.limit)
    options.limit = std::min(options_.limit, options.limit - options_.skip) + options_.skip;
  return options;
}

// Finds out before the first example what would fail after the last.
absl::Status Run::CheckFiles() {
  const std::string& test = options_.test;
  if (!options_.json.empty() && options_.json != "-") {
    OutputFile::Kept kept = {.directory = options_.directory, .inputs = options_.inputs};
    if (!test.empty()) kept.inputs.push_back(test);
    GYRUS_ASSIGN_OR_RETURN(json_, OutputFile::Create(options_.json, kept));
  }
  GYRUS_RETURN_IF_ERROR(ServeOnAddress());
  return CheckTest(spec_);
}

// For the servers' threads.
std::string Run::Status() const {
  return serves_ ? StatusText(runtime_->spec(), runtime_->status()) : "";
}

absl::Status Run::ServeOnAddress() {
  if (options_.address.empty()) return absl::OkStatus();
  GYRUS_ASSIGN_OR_RETURN(on_address_,
                         StatusServer::OnAddress(options_.address, [this] { return Status(); }));
  if (!options_.quiet) std::fprintf(stderr, "metrics: %s\n", on_address_->url().c_str());
  return absl::OkStatus();
}

// For gyrus top. Where it cannot be, learning goes on without.
void Run::ServeInDirectory() {
  serves_ = true;
  if (!writes()) return;  // Another process may learn there.
  auto server = StatusServer::InDirectory(options_.directory, [this] { return Status(); });
  if (server.ok()) {
    in_directory_ = *std::move(server);
  } else if (!options_.quiet) {
    std::fprintf(stderr, "gyrus top will not see this run: %s\n",
                 std::string(server.status().message()).c_str());
  }
}

// Whether a brain can be tested by what is to test it, as far as that shows.
absl::Status Run::CheckTest(const BrainSpec& spec) {
  const std::string& test = options_.test;
  // What is read once only is opened when its turn comes.
  std::error_code error;
  const std::filesystem::file_status about = std::filesystem::status(test, error);
  const bool once = test == "-" || test == "proc" || std::filesystem::is_fifo(about);
  if (test.empty() || once) return absl::OkStatus();
  BrainInputOptions options = InputOptionsNow();
  options.by_class = false;
  return OpenBrainInput(spec, test, options).status();
}

void Run::Note(const Input& input) const {
  const std::string note = input.note();
  if (!options_.quiet && !note.empty()) std::fprintf(stderr, "%s\n", note.c_str());
}

absl::Status Run::Start(const InputSchema& first, const Schema& columns) {
  const bool binds = !IsBound(spec_);
  if (binds && writes()) {
    GYRUS_ASSIGN_OR_RETURN(const BrainSpec bound, Bind(spec_, first));
    GYRUS_RETURN_IF_ERROR(CheckTest(bound));
  }
  GYRUS_RETURN_IF_ERROR(
      BindBrain(options_.directory, first,
                {.delay = options_.delay, .seed = options_.seed, .may_bind = writes()}, &spec_));
  if (binds && !options_.quiet && !spec_.schema.columns.empty()) {
    std::fprintf(stderr, "columns: %s\n", ColumnsText(spec_.schema, columns).c_str());
  }
  GYRUS_ASSIGN_OR_RETURN(
      runtime_, Runtime::Open(options_.directory,
                              {.read_only = !writes(), .durability = options_.durability}));
  runtime_->Ready();
  if (options_.user.empty()) {
    const Mode learning = options_.background ? Mode::kBackground : Mode::kInline;
    GYRUS_ASSIGN_OR_RETURN(
        session_, runtime_->OpenSession({.mode = options_.frozen ? Mode::kFrozen : learning}));
  } else {
    GYRUS_RETURN_IF_ERROR(OpenUser());
  }
  GYRUS_ASSIGN_OR_RETURN(const std::vector<std::string> lines, runtime_->History());
  const HistoryLines history = ReadHistory(lines);
  run_ = 1 + static_cast<uint64_t>(NewestRun(history));
  if (writes() && BrokeOff(history)) TellWhereItStands(history.intervals.back());
  const HeadSpec& head = spec_.heads[0];
  score_ = std::make_unique<Score>(TaskOf(spec_), head.outputs);
  account_ = std::make_unique<Teacher::Account>(runtime_->plan());
  teacher_ = std::make_unique<Teacher>(
      session(), score_.get(), account_.get(),
      Teacher::Options{
          .classes = head.classes, .delay = options_.delay, .metrics = options_.metrics});
  ServeInDirectory();
  skip_ = options_.skip;
  began_ = clock_.Now();
  return absl::OkStatus();
}

absl::Status Run::OpenUser() {
  GYRUS_ASSIGN_OR_RETURN(users_, runtime_->OpenUsers({}));
  GYRUS_ASSIGN_OR_RETURN(seat_, users_->OpenSeat(options_.frozen ? Mode::kFrozen : Mode::kInline));
  user_saved_ = clock_.Now();
  const absl::Status sat = seat_->Switch(options_.user);
  seated_ = seat_->session();
  if (!absl::IsNotFound(sat)) return sat;
  return absl::NotFoundError(
      absl::StrCat(sat.message(), ": gyrus user create ", options_.directory, " ", options_.user));
}

// Makes durable what a user has learned. The seat's session stays the same.
absl::Status Run::SaveUser() {
  user_saved_ = clock_.Now();
  seat_->Stand();
  const absl::Status saved = users_->Save();
  GYRUS_RETURN_IF_ERROR(seat_->Switch(options_.user));
  return saved;
}

// The run before was killed. Its examples that are durable are those that its session has seen.
void Run::TellWhereItStands(const IntervalLine& last) {
  if (options_.quiet) return;
  const double began = last.steps - last.examples;
  const auto steps = static_cast<double>(session()->steps());
  std::fprintf(
      stderr,
      "the run before broke off; what it learned is kept up to its example %.0f: the brain "
      "stands at %.0f examples in all\n",
      steps - began, steps);
}

// With a disk that may be full: learning goes on, and is written once there is room. With a writer
// beside, if this run learns nothing itself.
absl::Status Run::KeepUp() {
  if (!runtime_->failing()) {
    warned_ = warned_ && !writes();
  } else if (!std::exchange(warned_, true)) {
    std::fprintf(stderr, "gyrus: what is learned cannot be written, and will be once it can: %s\n",
                 std::string(runtime_->lag().status.message()).c_str());
  }
  if (options_.snapshot_every.has_value()) KeepSnapshot();
  if (writes() || account_->examples % kExamplesPerLook != 0) return absl::OkStatus();
  const bool saves = !options_.frozen && options_.durability.when != Durability::When::kOnClose;
  if (saves && clock_.Now() - user_saved_ >= options_.durability.interval) {
    const absl::Status saved = SaveUser();
    if (seat_->session() == nullptr) return saved;  // The user does not sit any more.
    if (saved.ok()) {
      warned_ = false;
    } else if (!std::exchange(warned_, true)) {
      std::fprintf(stderr,
                   "gyrus: what is learned cannot be written, and will be once it can: %s\n",
                   std::string(saved.message()).c_str());
    }
  }
  if (clock_.Now() - refreshed_ < std::chrono::seconds(1)) return absl::OkStatus();
  refreshed_ = clock_.Now();
  return runtime_->Refresh().status();
}

// One that cannot be kept does not end the run.
void Run::KeepSnapshot() {
  if (clock_.Now() - snapshot_ < *options_.snapshot_every) return;
  snapshot_ = clock_.Now();
  const absl::Time now = absl::Now();
  const absl::Status kept = runtime_->SaveSnapshot(
      {.name = absl::FormatTime("auto-%Y%m%dT%H%M%SZ", now, absl::UTCTimeZone()),
       .time = WallTime(std::chrono::milliseconds(absl::ToUnixMillis(now))),
       .keep = kAutomaticSnapshots});
  if (kept.ok()) return;
  std::fprintf(stderr, "gyrus: a snapshot could not be kept: %s\n",
               std::string(kept.message()).c_str());
}

absl::Status Run::Stream(BrainInput first) {
  for (std::size_t i = 0; i < options_.inputs.size() && !stop_; ++i) {
    if (account_->examples >= options_.limit) break;
    if (i > 0) {
      GYRUS_ASSIGN_OR_RETURN(first, OpenBrainInput(spec_, options_.inputs[i], InputOptionsNow()));
    }
    Note(*first.input);
    if (const std::optional<uint64_t> hint = first.input->size_hint()) {
      of_ = account_->examples + *hint - std::min(*hint, skip_);
    }
    if (options_.limit < UINT64_MAX) of_ = std::min(of_.value_or(UINT64_MAX), options_.limit);
    GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Feed> feed,
                           Feed::Create(&spec_, first.input->schema(), writes()));
    GYRUS_RETURN_IF_ERROR(Consume(first.input.get(), feed.get()));
  }
  return absl::OkStatus();
}

absl::Status Run::Consume(Input* input, Feed* feed) {
  while (!stop_.load(std::memory_order_relaxed) && account_->examples < options_.limit) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, input->Next(&record_));
    if (!more) break;
    if (skip_ > 0) {
      --skip_;
      continue;
    }
    GYRUS_RETURN_IF_ERROR(feed->Read(record_));
    if (feed->schema_grew()) runtime_->KeepText(FormatBrain(spec_));
    GYRUS_RETURN_IF_ERROR(teacher_->Take(feed));
    GYRUS_RETURN_IF_ERROR(KeepUp());
    if (intervals_.Due(account_->examples)) CloseInterval();
    if (progress_.Due(account_->examples)) progress_.Show(Now());
  }
  return absl::OkStatus();
}

// Since the last call.
Upkeep Run::TakeUpkeep() {
  const Upkeep now = Upkeep::Of(session()->meter().learning);
  return now - std::exchange(upkeep_, now);
}

// What is told of it at once is forgotten when the run ends and tells all.
void Run::CloseInterval() {
  Interval interval = {.examples = account_->examples,
                       .seconds = Seconds(),
                       .sums = score_->TakeSums(),
                       .upkeep = TakeUpkeep(),
                       .bins = account_->loads.Take(),
                       .provisional = true,
                       .steps = session()->steps()};
  runtime_->AddHistory(LineOf(interval));
  interval.provisional = false;
  intervals_.Add(std::move(interval));
}

std::string Run::LineOf(const Interval& interval) const {
  return IntervalJson(run_, interval, score_->MeansOf(interval.sums), score_->loss_name(),
                      runtime_->plan());
}

ProgressState Run::Now() const {
  return {.examples = account_->examples,
          .of = of_,
          .seconds = Seconds(),
          .means = score_->Total(),
          .loss_name = score_->loss_name(),
          .woken = account_->loads.woken_last(),
          .regions = account_->loads.regions()};
}

absl::Status Run::Test(Summary* summary) {
  BrainInputOptions options = InputOptionsNow();
  options.by_class = false;
  GYRUS_ASSIGN_OR_RETURN(BrainInput test, OpenBrainInput(spec_, options_.test, options));
  Note(*test.input);
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                         runtime_->OpenSession({.name = "test", .mode = Mode::kFrozen}));
  BrainSpec spec = spec_;
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Feed> feed,
                         Feed::Create(&spec, test.input->schema(), false));
  Score score(TaskOf(spec), spec.heads[0].outputs);
  Teacher::Account account(runtime_->plan());
  Teacher teacher(session.get(), &score, &account,
                  {.classes = spec.heads[0].classes, .metrics = false});
  while (!stop_) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, test.input->Next(&record_));
    if (!more) break;
    GYRUS_RETURN_IF_ERROR(feed->Read(record_));
    GYRUS_RETURN_IF_ERROR(teacher.Take(feed.get()));
  }
  summary->tested = true;
  summary->test = score.Total();
  return absl::OkStatus();
}

Summary Run::Summarise() {
  Summary summary = {
      .run = run_,
      .command = options_.frozen ? "run" : "learn",
      .brain = spec_.name,
      .time = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone()),
      .interrupted = stop_,
      .examples = account_->examples,
      .seconds = Seconds(),
      .task = score_->task(),
      .loss_name = std::string(score_->loss_name()),
      .means = score_->Total(),
      .regions_woken_mean = account_->loads.woken_mean(),
      .regions_total = account_->loads.regions(),
      .parameters = CountParameters(runtime_->plan(), account_->loads)};
  if (session()->mode() == Mode::kBackground) {
    const RuntimeStatus status = runtime_->status();
    summary.background = status.background;
    summary.background_learn = status.learn;
  }
  std::vector<std::string> names;
  for (const std::string& input : options_.inputs) names.push_back(NameOf(input));
  summary.input = absl::StrJoin(names, " ");
  if (!options_.test.empty()) summary.test_input = NameOf(options_.test);
  return summary;
}

// Saves, then tells.
absl::Status Run::Report(const Summary& summary) {
  std::vector<std::string> lines;
  for (const Interval& interval : intervals_.all()) lines.push_back(LineOf(interval));
  lines.push_back(SummaryJson(summary, *account_));
  if (!options_.frozen) {
    const absl::Status saved = writes() ? runtime_->Save({session()}, lines) : SaveUser();
    if (!saved.ok()) {
      return {saved.code(),
              absl::StrCat("cannot save what was learned, the last durable commit stands: ",
                           saved.message())};
    }
  }
  const std::string json = absl::StrJoin(lines, "\n") + "\n";
  if (options_.json == "-") std::fputs(json.c_str(), stdout);
  if (json_.has_value()) GYRUS_RETURN_IF_ERROR(json_->Write(json));
  if (!options_.quiet && options_.json != "-") {
    std::fputs(SummaryText(summary, *account_).c_str(), stdout);
  }
  return absl::OkStatus();
}

absl::Status Run::All() {
  GYRUS_ASSIGN_OR_RETURN(spec_, ReadBrain(options_.directory));
  GYRUS_RETURN_IF_ERROR(CheckUser(options_));
  GYRUS_RETURN_IF_ERROR(CheckFiles());
  absl::StatusOr<BrainInput> first = OpenBrainInput(spec_, options_.inputs[0], InputOptionsNow());
  if (!first.ok() && stop_) return absl::CancelledError("stopped before the first example");
  GYRUS_RETURN_IF_ERROR(first.status());
  GYRUS_RETURN_IF_ERROR(Start(first->schema, first->input->schema()));
  absl::Status status = Stream(*std::move(first));
  const absl::Status finished = teacher_->Finish();
  if (status.ok()) status = finished;
  if (options_.background) GYRUS_RETURN_IF_ERROR(runtime_->Drain());
  progress_.Finish();
  CloseInterval();
  Summary summary = Summarise();
  if (status.ok() && !options_.test.empty() && !stop_) {
    GYRUS_RETURN_IF_ERROR(session()->Settle());
    status = Test(&summary);
  }
  summary.peak_rss_bytes = PeakRssBytes();
  GYRUS_RETURN_IF_ERROR(Report(summary));
  const uint64_t taken = account_->examples;
  if (!status.ok()) {
    return {status.code(), options_.frozen || taken == 0
                               ? std::string(status.message())
                               : absl::StrCat(status.message(), "; the ", taken,
                                              " examples before are learned and kept")};
  }
  return stop_ ? Stopped() : absl::OkStatus();
}

absl::Status Run::Stopped() const {
  const uint64_t taken = account_->examples;
  std::string text = absl::StrCat("stopped after ", taken, " examples");
  if (options_.frozen) return absl::CancelledError(text);
  absl::StrAppend(&text, "; all of it is kept. To go on:\n  gyrus learn ", options_.directory, " ",
                  absl::StrJoin(options_.inputs, " "));
  if (!options_.user.empty()) absl::StrAppend(&text, " --user ", options_.user);
  const bool live = options_.inputs[0] == "-" || options_.inputs[0] == "proc";
  if (!live) absl::StrAppend(&text, " --skip ", taken + options_.skip);
  return absl::CancelledError(text);
}

}  // namespace

absl::Status LearnCommand(const LearnOptions& options) { return Run(options).All(); }

}  // namespace gyrus
