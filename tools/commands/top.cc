// SPDX-License-Identifier: Apache-2.0
#include "tools/commands/top.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"
#include "runtime/runtime.h"
#include "tools/bind_brain.h"
#include "tools/progress.h"
#include "tools/report/history.h"
#include "tools/samples.h"
#include "tools/status_server.h"
#include "tools/stop_signal.h"
#include "tools/top_frame.h"

namespace gyrus {
namespace {

constexpr int kPeriodMs = 1000;

// The terminal's other screen, without a cursor and without echo; all is as before at the end.
class Screen {
 public:
  Screen() {
    keys_ = tcgetattr(STDIN_FILENO, &before_) == 0;
    if (keys_) {
      termios silent = before_;
      silent.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      tcsetattr(STDIN_FILENO, TCSANOW, &silent);
    }
    Say("\033[?1049h\033[?25l");
  }
  ~Screen() {
    Say("\033[?25h\033[?1049l");
    if (keys_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  static void Draw(const std::vector<std::string>& lines) {
    winsize size = {};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    const int columns = known ? size.ws_col : 80;
    const std::size_t rows = known ? size.ws_row : 24;
    std::string text = "\033[H";
    for (std::size_t i = 0; i < std::min(lines.size(), rows); ++i) {
      absl::StrAppend(&text, i == 0 ? "" : "\r\n", Clipped(lines[i], columns), "\033[K");
    }
    Say(text + "\033[J");
  }

  // Waits for the next frame's time; whether the key q came.
  bool Quits() const {
    pollfd input = {.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    const int ready = poll(&input, keys_ ? 1 : 0, kPeriodMs);
    char key = 0;
    if (ready <= 0 || read(STDIN_FILENO, &key, 1) != 1) return ready > 0;  // No more keys to come.
    return key == 'q' || key == 'Q';
  }

 private:
  static void Say(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
  }

  termios before_ = {};
  bool keys_ = false;
};

absl::StatusOr<Samples> Ask(const std::string& directory) {
  GYRUS_ASSIGN_OR_RETURN(const std::string text, AskStatus(directory));
  return Samples::Parse(text);
}

// Of a brain that nobody runs: what the next process would find.
absl::Status ShowDurable(const std::string& directory, const BrainSpec& spec) {
  if (!HasState(directory)) return NothingLearned(directory, spec);
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Runtime> runtime,
                         Runtime::Open(directory, {.read_only = true}));
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                         runtime->OpenSession({.mode = Mode::kFrozen}));
  GYRUS_ASSIGN_OR_RETURN(const std::vector<std::string> lines, runtime->History());
  const HistoryLines history = ReadHistory(lines);
  std::printf("brain \"%s\": %llu steps are durable\n", spec.name.c_str(),
              static_cast<unsigned long long>(session->steps()));
  if (!history.intervals.empty()) {
    const IntervalLine& last = history.intervals.back();
    std::printf("last loss: %.4g %s, baseline %.4g%s\n", last.loss, last.loss_name.c_str(),
                last.baseline, BrokeOff(history) ? "; that run broke off" : "");
  }
  return absl::NotFoundError(absl::StrCat("no process learns in ", directory, " now; gyrus learn ",
                                          directory, " INPUT goes on"));
}

absl::Status ShowOnce(const Samples& first, const BrainSpec& spec) {
  TopFrame frame(spec);
  frame.Add(first);
  for (const std::string& line : frame.Lines()) std::printf("%s\n", line.c_str());
  return absl::OkStatus();
}

// Until it is left, or the process ends.
absl::Status Watch(const std::string& directory, const BrainSpec& spec, Samples first) {
  const std::atomic<bool>& stop = CatchStopSignal();
  TopFrame frame(spec);
  frame.Add(std::move(first));
  const Screen screen;
  while (!stop) {
    std::vector<std::string> lines = frame.Lines();
    lines.insert(lines.end(), {"", "q leaves"});
    Screen::Draw(lines);
    if (screen.Quits()) break;
    absl::StatusOr<Samples> now = Ask(directory);
    if (absl::IsUnavailable(now.status())) continue;  // Busy; it will say more in its time.
    GYRUS_RETURN_IF_ERROR(now.status());
    frame.Add(*std::move(now));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status TopCommand(const std::string& directory, bool once) {
  std::signal(SIGPIPE, SIG_IGN);  // Should the process end while it is asked.
  GYRUS_ASSIGN_OR_RETURN(const BrainSpec spec, ReadBrain(directory));
  absl::StatusOr<Samples> first = Ask(directory);
  absl::Status status = first.status();
  if (status.ok()) {
    const bool live = !once && isatty(STDOUT_FILENO) == 1;
    status = live ? Watch(directory, spec, *std::move(first)) : ShowOnce(*first, spec);
  }
  return absl::IsNotFound(status) ? ShowDurable(directory, spec) : status;
}

}  // namespace gyrus
