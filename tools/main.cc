// SPDX-License-Identifier: Apache-2.0
// The gyrus command. Exit codes: 0 done, 1 failed with one line on stderr, 2 wrong usage,
// 128 + signal stopped by that signal (130 by Ctrl-C), with all saved that was learned.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "runtime/memory.h"
#include "runtime/nearest.h"
#include "tools/commands/doctor.h"
#include "tools/commands/forget.h"
#include "tools/commands/init.h"
#include "tools/commands/inspect.h"
#include "tools/commands/learn.h"
#include "tools/commands/presets.h"
#include "tools/commands/report.h"
#include "tools/commands/snapshot.h"
#include "tools/commands/top.h"
#include "tools/commands/user.h"
#include "tools/status_server.h"
#include "tools/stop_signal.h"
#include "tools/wall_time.h"

namespace gyrus {
namespace {

constexpr char kAbout[] =
    "Gyrus: a brain that learns while it infers, on this machine.\n\n"
    "A brain is a directory. Make one, let it learn, look at it:\n\n"
    "  gyrus init mind --preset text        what kinds there are: gyrus presets\n"
    "  gyrus learn mind book.txt            predicts every byte, then learns it\n"
    "  gyrus learn mind more.txt            goes on where it stopped\n"
    "  gyrus run mind book.txt              the same without learning\n"
    "  gyrus top mind                       watches it learn, from another terminal\n"
    "  gyrus report mind                    draws what happened\n\n"
    "An INPUT is any file (text, CSV with a header, IDX images with their labels beside them), a\n"
    "directory of texts, - for standard input, or proc for this machine's own live sensors.\n";

struct InitOptions {
  std::string directory;
  std::string preset;
  std::vector<std::string> sets;
};

void AddInit(CLI::App* app, InitOptions* options) {
  CLI::App* const init = app->add_subcommand("init", "Makes a brain from a preset");
  init->add_option("DIR", options->directory, "Where the brain will live")->required();
  init->add_option("--preset", options->preset, "What it starts from: see gyrus presets")
      ->required();
  init->add_option("--set", options->sets,
                   "Changes a field, e.g. --set seed=7 or --set areas[0].regions=32")
      ->type_name("PATH=VALUE")
      ->allow_extra_args(false);
}

// CLI11 takes -1 for the largest number there is.
std::string AtLeastZero(const std::string& number) {
  return number.find('-') == std::string::npos ? "" : "must be at least 0, got " + number;
}

// Nothing if it makes no sense.
std::optional<Durability> ParseDurability(const std::string& text) {
  if (text == "commit") return Durability{.when = Durability::When::kEveryCommit};
  if (text == "close") return Durability{.when = Durability::When::kOnClose};
  double seconds = 0;
  if (!absl::SimpleAtod(text, &seconds) || !(seconds >= 1e-9 && seconds <= 1e9))
    return std::nullopt;
  return Durability{.interval =
                        std::chrono::duration_cast<Nanos>(std::chrono::duration<double>(seconds))};
}

void AddLearning(CLI::App* stream, LearnOptions* options) {
  stream
      ->add_option_function<std::string>(
          "--durability",
          [options](const std::string& text) { options->durability = *ParseDurability(text); },
          "When it saves: at each learning step, every so many seconds (1; within 1 MiB/s), at "
          "the end")
      ->type_name("commit|SECONDS|close")
      ->check([](const std::string& text) -> std::string {
        return ParseDurability(text).has_value() ? "" : "must be commit, close or seconds above 0";
      });
  stream
      ->add_option_function<uint64_t>(
          "--seed", [options](uint64_t seed) { options->seed = seed; },
          "Of all that is drawn at random, for a brain that has not learned yet")
      ->type_name("N")
      ->check(AtLeastZero);
  stream
      ->add_option_function<std::string>(
          "--snapshot-every",
          [options](const std::string& text) { options->snapshot_every = *ParseInterval(text); },
          absl::StrCat("Keeps a snapshot every 90s, 10m or 1.5h, and the newest ",
                       kAutomaticSnapshots, " of those"))
      ->type_name("TIME")
      ->check([](const std::string& text) {
        return std::string(ParseInterval(text).status().message());
      });
  stream->add_flag("--background", options->background,
                   "Learns on another core, beside predicting, which then lags a little behind");
}

void AddTelling(CLI::App* stream, LearnOptions* options) {
  stream
      ->add_option("--json", options->json,
                   "Writes a line per interval, then the summary; - is standard output")
      ->type_name("FILE");
  stream->add_flag("--quiet", options->quiet, "Prints neither progress nor summary");
  stream
      ->add_option_function<std::string>(
          "--metrics",
          [options](const std::string& text) {
            options->metrics = text != "off";
            if (options->metrics) options->address = text;
          },
          "Serves metrics as Prometheus text at [HOST:]PORT, to this machine alone unless HOST "
          "says "
          "otherwise; off: times nothing and counts no wakings")
      ->type_name("ADDRESS|off")
      ->check([](const std::string& text) {
        const absl::Status status =
            text == "off" ? absl::OkStatus() : StatusServer::ParseAddress(text).status();
        return std::string(status.message());
      });
}

CLI::App* AddStream(CLI::App* app, const char* name, const char* about, LearnOptions* options) {
  CLI::App* const stream = app->add_subcommand(name, about);
  stream->add_option("DIR", options->directory, "The brain's directory")->required();
  stream->add_option("INPUT", options->inputs, "What it senses, one after the other")->required();
  stream->add_option("--limit", options->limit, "Takes at most N examples")
      ->type_name("N")
      ->check(AtLeastZero);
  stream->add_option("--skip", options->skip, "Passes over the first N examples")
      ->type_name("N")
      ->check(AtLeastZero);
  stream
      ->add_option_function<std::string>(
          "--order", [options](const std::string& order) { options->by_class = order == "class"; },
          "stream: as they come; class: one class after the other")
      ->check(CLI::IsMember({"stream", "class"}));
  stream->add_option("--delay", options->delay, "Labels come so many steps late")
      ->type_name("STEPS")
      ->check(CLI::Range(0, 65535));
  stream
      ->add_option("--test", options->test,
                   options->frozen ? "Predicts this afterwards, and scores it on its own"
                                   : "Predicts this afterwards, without learning from it")
      ->type_name("INPUT");
  if (!options->frozen) AddLearning(stream, options);
  stream
      ->add_option("--user", options->user,
                   options->frozen ? "Predicts by what this user has taught it as well"
                                   : "What it learns is this user's alone: see gyrus user")
      ->type_name("NAME")
      ->check([](const std::string& user) {
        return user.empty() ? std::string("must not be empty") : std::string();
      });
  stream->add_option("--target", options->target, "The column of a table to predict")
      ->type_name("COLUMN");
  AddTelling(stream, options);
  return stream;
}

void AddSnapshot(CLI::App* app, SnapshotOptions* options) {
  using Action = SnapshotOptions::Action;
  CLI::App* const snapshot =
      app->add_subcommand("snapshot", "Keeps what a brain is under names, and goes back to it");
  snapshot->require_subcommand(1);
  const auto add = [&](const char* name, const char* about, Action action) {
    CLI::App* const command = snapshot->add_subcommand(name, about);
    command->callback([options, action] { options->action = action; });
    command->add_option("DIR", options->directory, "The brain's directory")->required();
    return command;
  };
  const auto add_json = [&](CLI::App* command) {
    command->add_flag("--json", options->json, "Prints a JSON object per line");
  };
  add_json(add("list", "Lists them, oldest first, with what they cost", Action::kList));
  add("save", "Keeps what the brain is now", Action::kSave)
      ->add_option("NAME", options->name, "Its name")
      ->required();
  CLI::App* const tag = add("tag", "Gives a snapshot a second name, at no cost", Action::kTag);
  tag->add_option("NAME", options->name, "The snapshot")->required();
  tag->add_option("SECOND", options->second, "Its second name")->required();
  add("drop", "Takes a name away, and with its last name the snapshot", Action::kDrop)
      ->add_option("NAME", options->name, "The snapshot")
      ->required();
  add("rollback", "Brings it back, and keeps what was there under a new name", Action::kRollback)
      ->add_option("NAME", options->name, "The snapshot")
      ->required();
  CLI::App* const diff = add("diff", "Says which blocks differ, and how much", Action::kDiff);
  diff->add_option("NAME", options->name, "The older snapshot")->required();
  diff->add_option("NEWER", options->second, "The newer one, instead of what the brain is now");
  add_json(diff);
}

void AddForget(CLI::App* app, ForgetOptions* options) {
  CLI::App* const forget =
      app->add_subcommand("forget", "Takes out what came in within an interval");
  forget->add_option("DIR", options->directory, "The brain's directory")->required();
  const auto add = [&](const char* name, const char* about, std::string* time) {
    forget->add_option(name, *time, about)
        ->type_name("TIME")
        ->required()
        ->check([](const std::string& text) {
          const auto parsed = ParseWallTime(text, WallTimeNow(), absl::LocalTimeZone());
          return std::string(parsed.status().message());
        });
  };
  add("--from", "Its begin: 14:00 (of today) or \"2026-11-22 14:00:05\"", &options->from);
  add("--to", "Its end", &options->to);
}

void AddUser(CLI::App* app, UserOptions* options) {
  using Action = UserOptions::Action;
  CLI::App* const user = app->add_subcommand("user", "Makes one brain personal to many users");
  user->require_subcommand(1);
  const auto add = [&](const char* name, const char* about, Action action) {
    CLI::App* const command = user->add_subcommand(name, about);
    command->callback([options, action] { options->action = action; });
    command->add_option("DIR", options->directory, "The brain's directory")->required();
    if (action != Action::kList) {
      command->add_option("NAME", options->name, "The user")->required();
    }
    return command;
  };
  add("list", "Lists a brain's users: what each has of its own", Action::kList);
  add("create", "A new user, who knows what the brain knows: gyrus learn DIR INPUT --user NAME",
      Action::kCreate);
  add("drop", "Forgets a user: none of its bytes is left in the file", Action::kDrop);
  add("export", "Writes a user's own blocks as a safetensors file", Action::kExport)
      ->add_option("FILE", options->other, "The file")
      ->required();
  add("rebase", "Adds to a user what the brain has learned since an older copy of it",
      Action::kRebase)
      ->add_option("OLD", options->other, "The directory of the older copy")
      ->required();
}

int ExitCode(const absl::Status& status) {
  if (!status.ok()) {
    std::fprintf(stderr, "gyrus: %s\n", std::string(status.message()).c_str());
    return absl::IsCancelled(status) ? 128 + StopSignal() : 1;
  }
  // What was asked for may be what was told, and the disk behind it full.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("gyrus: cannot write all of it to standard output\n", stderr);
    return 1;
  }
  return 0;
}

// Tells how the command is used; 0 if that was asked for.
int Usage(const CLI::App& app, const CLI::ParseError& error, absl::string_view first) {
  std::vector<std::string> known;
  for (const CLI::App* const command : app.get_subcommands({})) {
    known.push_back(command->get_name());
  }
  const bool unknown = std::find(known.begin(), known.end(), first) == known.end();
  if (error.get_exit_code() == 0) return app.exit(error);
  if (first.empty() || first[0] == '-' || !unknown) {
    const std::string of = unknown ? "" : absl::StrCat(" ", first);
    std::fprintf(stderr, "gyrus: %s; see gyrus%s --help\n", error.what(), of.c_str());
    return 2;
  }
  std::fprintf(stderr, "gyrus: there is no subcommand \"%s\"%s (subcommands: %s)\n",
               std::string(first).c_str(), DidYouMean(first, known).c_str(),
               absl::StrJoin(known, ", ").c_str());
  return 2;
}

int Main(int argc, char** argv) {
  // A file that may not grow is a write that fails, not the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);
  CLI::App app(kAbout, "gyrus");
  app.require_subcommand(1);
  InitOptions init;
  AddInit(&app, &init);
  LearnOptions learn;
  AddStream(&app, "learn", "Predicts every example of a stream, then learns it", &learn);
  LearnOptions run;
  run.frozen = true;
  AddStream(&app, "run", "Predicts every example, learns nothing, saves nothing", &run);
  std::string directory;
  std::string out;
  app.add_subcommand("inspect", "Shows what a brain consists of and what it has lived through")
      ->add_option("DIR", directory, "The brain's directory")
      ->required();
  CLI::App* const report = app.add_subcommand("report", "Draws a brain's life as one HTML file");
  report->add_option("DIR", directory, "The brain's directory")->required();
  report->add_option("--out", out, "The file, instead of report.html in the directory")
      ->type_name("FILE");
  CLI::App* const doctor =
      app.add_subcommand("doctor", "Says what is wrong with a brain's directory");
  doctor->add_option("DIR", directory, "The brain's directory")->required();
  CLI::App* const top =
      app.add_subcommand("top", "Shows live how the process that learns in a directory does");
  top->add_option("DIR", directory, "The brain's directory")->required();
  bool once = false;
  top->add_flag("--once", once, "Prints one frame as plain text; so does output to no terminal");
  bool repair = false;
  doctor->add_flag("--repair", repair,
                   "Keeps what is whole of a damaged state, and the damaged file beside it");
  SnapshotOptions snapshot;
  AddSnapshot(&app, &snapshot);
  ForgetOptions forget;
  AddForget(&app, &forget);
  UserOptions user;
  AddUser(&app, &user);
  app.add_subcommand("presets", "Lists the brains to start from");
  app.add_subcommand("version", "Prints the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return Usage(app, error, argc > 1 ? argv[1] : "");
  }
  return ExitCode(WithinMemory([&] {
    if (app.got_subcommand("init")) return InitCommand(init.directory, init.preset, init.sets);
    if (app.got_subcommand("learn")) return LearnCommand(learn);
    if (app.got_subcommand("run")) return LearnCommand(run);
    if (app.got_subcommand("inspect")) return InspectCommand(directory);
    if (app.got_subcommand("doctor")) return DoctorCommand(directory, repair);
    if (app.got_subcommand("report")) return ReportCommand(directory, out);
    if (app.got_subcommand("snapshot")) return SnapshotCommand(snapshot);
    if (app.got_subcommand("forget")) return ForgetCommand(forget);
    if (app.got_subcommand("top")) return TopCommand(directory, once);
    if (app.got_subcommand("user")) return UserCommand(user);
    if (app.got_subcommand("presets")) PresetsCommand();
    if (app.got_subcommand("version")) std::puts("gyrus " GYRUS_VERSION);
    return absl::OkStatus();
  }));
}

}  // namespace
}  // namespace gyrus

int main(int argc, char** argv) { return gyrus::Main(argc, argv); }
