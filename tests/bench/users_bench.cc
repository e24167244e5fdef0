// SPDX-License-Identifier: Apache-2.0
//
// users_bench [quality|scale] [--users N] [--symbols N] [--memory-mib N] [--dir PATH]: one text
// brain, personal to many. The brain reads the speeches of Shakespeare's roles whose number is odd
// ($GYRUS_DATA/shakespeare-roles; GYRUS_DATA: ../shared/data); the users say those of the others.
//
//   quality  bits per letter of what a user says next, by how much the user has said before: the
//            common brain frozen, and the user's own fork of it, learning. 100 roles.
//   scale    N users (100,000) type N symbols (100) each, in visits of ten at random; memory for
//            forks (4,096 MiB), the rest on the disk under PATH. Latency of a switch to a user in
//            memory and on the disk, and of a step.
//
// One thread.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/check.h"
#include "core/latency_histogram.h"
#include "core/rng.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/presets.h"
#include "runtime/runtime.h"

namespace gyrus {
namespace {

struct Options {
  bool scale = false;
  uint64_t users = 100000;
  uint64_t symbols = 100;
  uint64_t memory_mib = 4096;
  std::string directory = "/tmp/gyrus_users_bench";
};

// What each role says, one speech after the other.
std::map<std::string, std::string> ReadRoles() {
  const char* const data = std::getenv("GYRUS_DATA");
  const std::string path =
      absl::StrCat(data == nullptr ? "../shared/data" : data, "/shakespeare-roles/speeches.tsv");
  std::ifstream file(path);
  if (!file) {
    std::fprintf(stderr, "users_bench: cannot read %s; set GYRUS_DATA\n", path.c_str());
    std::exit(1);
  }
  std::map<std::string, std::string> roles;
  std::string line;
  std::getline(file, line);  // The header.
  while (std::getline(file, line)) {
    const std::vector<std::string> fields = absl::StrSplit(line, '\t');
    if (fields.size() == 4) absl::StrAppend(&roles[fields[0] + "/" + fields[1]], fields[3], "\n");
  }
  return roles;
}

// A brain that has read what odd roles say, on the disk; returns what the even ones say.
std::vector<std::string> Prepare(const std::string& directory, uint64_t resident_bytes) {
  BrainSpec spec = *Preset("text");
  spec.users.resident_bytes = static_cast<uint32_t>(resident_bytes);
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  GYRUS_CHECK(WriteFile(BrainPath(directory), FormatBrain(spec)).ok());
  auto runtime = Runtime::Open(directory, {});
  GYRUS_CHECK(runtime.ok());
  auto session = (*runtime)->OpenSession({});
  GYRUS_CHECK(session.ok());
  std::vector<std::string> left;
  uint64_t number = 0;
  uint64_t read = 0;
  for (const auto& [name, text] : ReadRoles()) {
    if (++number % 2 == 0) {
      left.push_back(text);
      continue;
    }
    for (const char c : text) {
      const Value value{.present = true, .symbol = static_cast<uint8_t>(c)};
      GYRUS_CHECK((*session)->Step({.values = {&value, 1}}).ok());
    }
    read += text.size();
  }
  GYRUS_CHECK((*runtime)->Save({session->get()}, {}).ok());
  std::printf("the common brain has read %.2f MB of %zu roles\n", static_cast<double>(read) / 1e6,
              (number + 1) / 2);
  return left;
}

// Bits that each symbol cost: said one after the other.
class Listener {
 public:
  explicit Listener(Session* session) : session_(session) {}

  // The bits of `next` after what was heard, once `heard` is.
  double Hear(char heard, char next) {
    const Value value{.present = true, .symbol = static_cast<uint8_t>(heard)};
    Prediction prediction;
    const auto step = session_->Step(
        {.values = {&value, 1}},
        {.kind = Want::Kind::kSymbol, .symbol = static_cast<uint8_t>(next)}, &prediction);
    GYRUS_CHECK(step.ok());
    return -std::log2(std::max(prediction.best_probability, 1e-9F));
  }

 private:
  Session* session_;
};

void Quality(const Options& options) {
  const uint64_t ends[] = {100, 300, 1000, 3000, 10000};
  for (const uint64_t resident : {64U << 10, 256U << 10, 1U << 20}) {
    const std::vector<std::string> texts = Prepare(options.directory, resident);
    auto runtime = Runtime::Open(options.directory, {.read_only = true});
    GYRUS_CHECK(runtime.ok());
    auto users = (*runtime)->OpenUsers({});
    if (!users.ok()) {
      std::printf("%s\n", std::string(users.status().message()).c_str());
      continue;
    }
    auto seat = (*users)->OpenSeat(Mode::kInline);
    GYRUS_CHECK(seat.ok());
    double common[5] = {};
    double personal[5] = {};
    uint64_t counts[5] = {};
    uint64_t said = 0;
    for (std::size_t u = 0; u < texts.size() && said < 100; ++u) {
      const std::string& text = texts[u];
      if (text.size() < 10001) continue;
      const std::string name = absl::StrCat(++said);
      auto frozen = (*runtime)->OpenSession({.name = "common", .mode = Mode::kFrozen});
      GYRUS_CHECK(frozen.ok() && (*users)->Create(name).ok() && (*seat)->Switch(name).ok());
      Listener of_common(frozen->get());
      Listener of_user((*seat)->session());
      for (uint64_t i = 0; i < 10000; ++i) {
        const auto part = static_cast<std::size_t>(std::upper_bound(ends, ends + 5, i) - ends);
        common[part] += of_common.Hear(text[i], text[i + 1]);
        personal[part] += of_user.Hear(text[i], text[i + 1]);
        ++counts[part];
      }
    }
    std::printf("%llu KiB each, %llu roles: bits per letter, common / own fork\n",
                static_cast<unsigned long long>(resident >> 10),
                static_cast<unsigned long long>(said));
    for (std::size_t p = 0; p < 5; ++p) {
      const auto n = static_cast<double>(counts[p]);
      std::printf("  to symbol %5llu   %.3f  %.3f\n", static_cast<unsigned long long>(ends[p]),
                  common[p] / n, personal[p] / n);
    }
    std::fflush(stdout);
  }
}

void PrintLatency(const char* what, const LatencyHistogram& latency) {
  const auto us = [](Nanos time) { return static_cast<double>(time.count()) / 1e3; };
  std::printf("  %-28s %9llu  p50 %8.2f  p99 %8.2f  p99.9 %8.2f  max %8.0f us\n", what,
              static_cast<unsigned long long>(latency.count()), us(latency.Percentile(50)),
              us(latency.Percentile(99)), us(latency.Percentile(99.9)), us(latency.max()));
}

void Scale(const Options& options) {
  std::string text;
  for (const std::string& said : Prepare(options.directory, 64 << 10)) text += said;
  auto runtime = Runtime::Open(options.directory, {.read_only = true});
  GYRUS_CHECK(runtime.ok());
  (*runtime)->Ready();
  auto users = (*runtime)->OpenUsers({.memory_bytes = options.memory_mib << 20});
  GYRUS_CHECK(users.ok());
  auto seat = (*users)->OpenSeat(Mode::kInline);
  GYRUS_CHECK(seat.ok());
  SystemClock clock;
  const auto create_begin = clock.Now();
  for (uint64_t u = 0; u < options.users; ++u) GYRUS_CHECK((*users)->Create(absl::StrCat(u)).ok());
  GYRUS_CHECK((*users)->Save().ok());
  std::printf("%llu users created and saved in %.1f s\n",
              static_cast<unsigned long long>(options.users),
              std::chrono::duration<double>(clock.Now() - create_begin).count());
  LatencyHistogram resident;
  LatencyHistogram cold;
  LatencyHistogram step;
  std::vector<uint8_t> at(options.users, 0);  // Visits so far.
  Rng rng(1, 0);
  double bits = 0;
  uint64_t heard = 0;
  const uint64_t visits = options.users * options.symbols / 10;
  const auto begin = clock.Now();
  for (uint64_t v = 0; v < visits; ++v) {
    uint64_t u = rng.Below(options.users);
    while (at[u] * uint64_t{10} >= options.symbols) u = (u + 1) % options.users;
    const std::string name = absl::StrCat(u);
    const uint64_t loaded = (*users)->counts().loaded;
    const auto before = clock.Now();
    GYRUS_CHECK((*seat)->Switch(name).ok());
    const auto took = clock.Now() - before;
    ((*users)->counts().loaded == loaded ? resident : cold).Record(took);
    Listener listener((*seat)->session());
    // Everybody says a hundred symbols of their own, as far as there are so many.
    const uint64_t from = (u * 7919 * options.symbols) % (text.size() - options.symbols - 1);
    for (uint64_t i = at[u] * uint64_t{10}; i < at[u] * uint64_t{10} + 10; ++i) {
      const auto begin_step = clock.Now();
      bits += listener.Hear(text[from + i], text[from + i + 1]);
      step.Record(clock.Now() - begin_step);
      ++heard;
    }
    ++at[u];
  }
  (*seat)->Stand();
  GYRUS_CHECK((*users)->Save().ok());
  const double seconds = std::chrono::duration<double>(clock.Now() - begin).count();
  const Users::Counts counts = (*users)->counts();
  std::printf("%llu users, %llu symbols each, in %.1f s; %.3f bits per letter\n",
              static_cast<unsigned long long>(options.users),
              static_cast<unsigned long long>(options.symbols), seconds,
              bits / static_cast<double>(heard));
  std::printf("  in memory %llu users, %.0f MiB of %llu; came from the disk %llu times\n",
              static_cast<unsigned long long>(counts.resident),
              static_cast<double>(counts.resident_bytes) / (1 << 20),
              static_cast<unsigned long long>(options.memory_mib),
              static_cast<unsigned long long>(counts.loaded));
  PrintLatency("switch, in memory", resident);
  PrintLatency("switch, from the disk", cold);
  PrintLatency("step and learning", step);
}

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const std::string value = i + 1 < argc ? argv[i + 1] : "";
    if (name == "quality" || name == "scale") {
      options.scale = name == "scale";
      continue;
    }
    uint64_t number = 0;
    if (name == "--dir") {
      options.directory = value;
    } else if (!absl::SimpleAtoi(value, &number) || number == 0) {
      std::fprintf(stderr, "users_bench: %s needs a number above 0, got \"%s\"\n", name.c_str(),
                   value.c_str());
      return 2;
    }
    if (name == "--users") options.users = number;
    if (name == "--symbols") options.symbols = number / 10 * 10;
    if (name == "--memory-mib") options.memory_mib = number;
    ++i;
  }
  options.scale ? Scale(options) : Quality(options);
  std::filesystem::remove_all(options.directory);
  return 0;
}

}  // namespace
}  // namespace gyrus

int main(int argc, char** argv) { return gyrus::Main(argc, argv); }
