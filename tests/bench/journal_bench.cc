// SPDX-License-Identifier: Apache-2.0
// Usage: journal_bench DIR FILE [EXAMPLES]
//
// What durability costs the thread that learns: how long an example takes (its step and its
// learning) with the journal off and on, by turns, for the text preset on a file's bytes and the
// table preset on rows drawn at random. Brains are made in DIR, which must not exist, and removed.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/latency_histogram.h"
#include "core/rng.h"
#include "core/status_macros.h"
#include "runtime/binding.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/presets.h"
#include "runtime/runtime.h"

namespace gyrus {
namespace {

using When = Durability::When;

struct Mode {
  const char* name;
  Durability durability;
};

constexpr uint64_t kNoBudget = uint64_t{1} << 40;
const Mode kModes[] = {
    {"on close", {.when = When::kOnClose}},
    {"1 s, 1 MiB/s", {}},
    {"0.1 s, no budget",
     {.interval = std::chrono::milliseconds(100), .bytes_per_second = kNoBudget}},
    {"without pause", {.interval = Nanos(1), .bytes_per_second = kNoBudget}},
};

// One example: a step, and its label if the stream does not teach itself.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual BrainSpec spec() const = 0;
  virtual absl::Status Take(Session* session, uint64_t i) = 0;
};

class TextStream final : public Stream {
 public:
  explicit TextStream(std::string bytes) : bytes_(std::move(bytes)) {}

  BrainSpec spec() const override { return *Preset("text"); }
  absl::Status Take(Session* session, uint64_t i) override {
    const Value value{.present = true, .symbol = static_cast<uint8_t>(bytes_[i % bytes_.size()])};
    return session->Step({.values = {&value, 1}}).status();
  }

 private:
  std::string bytes_;
};

// Ten numbers; the class says which of the first four is the largest.
class TableStream final : public Stream {
 public:
  BrainSpec spec() const override {
    InputSchema schema = {.kind = InputSchema::Kind::kTable, .target = "class", .classes = 4};
    for (int c = 0; c < kNumbers; ++c) {
      schema.columns.push_back({.name = absl::StrCat("x", c), .type = ColumnType::kReal});
    }
    schema.columns.push_back({.name = "class", .type = ColumnType::kCategory});
    schema.columns.back().categories = {"0", "1", "2", "3"};
    return *Bind(*Preset("table"), schema);
  }
  absl::Status Take(Session* session, uint64_t) override {
    float row[kNumbers];
    for (float& x : row) x = static_cast<float>(rng_.Uniform());
    uint32_t largest = 0;
    for (uint32_t c = 1; c < 4; ++c) largest = row[c] > row[largest] ? c : largest;
    Value values[2] = {{.present = true, .reals = row}};  // The session fills the last label in.
    GYRUS_ASSIGN_OR_RETURN(const uint64_t step, session->Step({.values = values}));
    return session->Learn(step, {.symbol = largest});
  }

 private:
  static constexpr int kNumbers = 10;
  Rng rng_{3};
};

absl::Status Run(const Mode& mode, const std::string& directory, Stream* stream,
                 uint64_t examples) {
  std::filesystem::create_directories(directory);
  GYRUS_RETURN_IF_ERROR(WriteFile(BrainPath(directory), FormatBrain(stream->spec())));
  LatencyHistogram histogram;
  Lag worst;
  Lag last;
  double seconds = 0;
  {
    GYRUS_ASSIGN_OR_RETURN(const auto runtime,
                           Runtime::Open(directory, {.durability = mode.durability}));
    runtime->Ready();
    GYRUS_ASSIGN_OR_RETURN(const auto session, runtime->OpenSession({}));
    const SystemClock clock;
    const Nanos began = clock.Now();
    for (uint64_t i = 0; i < examples; ++i) {
      const Nanos begin = clock.Now();
      GYRUS_RETURN_IF_ERROR(stream->Take(session.get(), i));
      histogram.Record(clock.Now() - begin);
      if (i % 4096 == 0) {
        last = runtime->lag();
        worst.time = std::max(worst.time, last.time);
      }
    }
    seconds = std::chrono::duration<double>(clock.Now() - began).count();
    last = runtime->lag();
  }
  std::filesystem::remove_all(directory);
  const auto us = [&](double percent) {
    return static_cast<double>(histogram.Percentile(percent).count()) / 1e3;
  };
  std::printf(
      "  %-17s %8.0f/s  p50 %7.2f  p99 %7.2f  p99.9 %7.2f  max %8.1f us  %4llu durable, %7.1f "
      "MiB written, lag at most %5.2f s\n",
      mode.name, static_cast<double>(examples) / seconds, us(50), us(99), us(99.9),
      static_cast<double>(histogram.max().count()) / 1e3,
      static_cast<unsigned long long>(last.durable),
      static_cast<double>(last.written_bytes) / (1 << 20),
      std::chrono::duration<double>(worst.time).count());
  return absl::OkStatus();
}

absl::Status Main(const std::string& directory, const std::string& file, uint64_t examples) {
  if (std::filesystem::exists(directory)) {
    return absl::AlreadyExistsError(absl::StrCat("\"", directory, "\" exists"));
  }
  GYRUS_ASSIGN_OR_RETURN(const std::string text, ReadFile(file));
  for (int turn = 0; turn < 3; ++turn) {
    TextStream bytes(text);
    std::printf("text, %llu symbols\n", static_cast<unsigned long long>(examples));
    for (const Mode& mode : kModes) GYRUS_RETURN_IF_ERROR(Run(mode, directory, &bytes, examples));
    TableStream rows;
    std::printf("table, %llu rows\n", static_cast<unsigned long long>(examples));
    for (const Mode& mode : kModes) GYRUS_RETURN_IF_ERROR(Run(mode, directory, &rows, examples));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace gyrus

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: journal_bench DIR FILE [EXAMPLES]\n");
    return 2;
  }
  const uint64_t examples = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 300'000;
  const absl::Status status = gyrus::Main(argv[1], argv[2], examples);
  if (!status.ok()) std::fprintf(stderr, "journal_bench: %s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
