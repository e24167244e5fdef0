// SPDX-License-Identifier: Apache-2.0
// What learning beside inference costs inference, and what many sessions on one brain cost.
//
//   beside_bench steps [PRESET...]   step latency alone, beside a saturated learner on the other
//                                    core, and beside a thread that streams as many bytes a second
//   beside_bench sessions            1,000 frozen sessions on one brain: one thread, two threads
//
// Needs two cores and a quiet machine. Inputs are drawn from a seed; what is measured does not
// depend on what they mean.
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/latency_histogram.h"
#include "core/rng.h"
#include "runtime/binding.h"
#include "runtime/presets.h"
#include "runtime/runtime.h"
#include "runtime/session.h"

namespace gyrus {
namespace {

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "beside_bench: %s\n", value.status().ToString().c_str());
  std::exit(1);
}

void OrDie(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "beside_bench: %s\n", status.ToString().c_str());
  std::exit(1);
}

// Threads begun from here on run on this core as well.
void StayOn(unsigned core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  if (pthread_setaffinity_np(pthread_self(), sizeof(cores), &cores) != 0) {
    std::fprintf(stderr, "beside_bench: cannot stay on core %u\n", core);
    std::exit(1);
  }
}

BrainSpec Bound(absl::string_view preset) {
  const BrainSpec open = OrDie(Preset(preset));
  if (IsBound(open)) return open;
  InputSchema input;
  if (preset == "images") {
    input = {
        .kind = InputSchema::Kind::kImages, .image_rows = 28, .image_columns = 28, .classes = 10};
  } else {
    input.kind = InputSchema::Kind::kTable;
    for (int c = 0; c < 8; ++c) input.columns.push_back({.name = absl::StrCat("x", c)});
    input.columns.push_back({.name = "y"});
    input.target = "y";
  }
  return OrDie(Bind(open, input));
}

// Observations and targets, drawn beforehand.
class Stream {
 public:
  Stream(const BrainSpec& spec, uint64_t seed) : spec_(spec) {
    Rng rng(seed);
    for (std::size_t i = 0; i < kLength; ++i) {
      Item& item = items_.emplace_back();
      for (const ModalitySpec& modality : spec.modalities) {
        item.reals.emplace_back();
        item.pixels.emplace_back();
        Value& value = item.values.emplace_back(Value{.present = true});
        if (modality.kind == ModalityKind::kSymbol) {
          value.symbol = static_cast<uint32_t>(rng.Below(std::min(modality.size, 8U)));
        } else if (modality.kind == ModalityKind::kReals) {
          for (uint32_t r = 0; r < modality.size; ++r) item.reals.back().push_back(rng.Normal());
          value.reals = item.reals.back();
        } else {
          // A bright square somewhere, so that patches have something to answer to.
          item.pixels.back().assign(std::size_t{modality.rows} * modality.columns, 0);
          const uint64_t top = rng.Below(modality.rows - 10);
          const uint64_t left = rng.Below(modality.columns - 10);
          for (uint64_t y = top; y < top + 10; ++y) {
            for (uint64_t x = left; x < left + 10; ++x) {
              item.pixels.back()[y * modality.columns + x] = static_cast<uint8_t>(rng.Below(256));
            }
          }
          value.pixels = item.pixels.back();
        }
      }
      const HeadSpec& head = spec.heads[0];
      item.target.symbol =
          head.classes == 0 ? 0 : static_cast<uint32_t>(rng.Below(std::min(head.classes, 10U)));
      for (uint32_t o = 0; o < head.outputs; ++o) item.outputs.push_back(rng.Normal());
      item.target.reals = item.outputs;
    }
  }

  // One step, and its target unless the stream is its own teacher.
  void Live(Session* session, uint64_t i, bool learns) const {
    const Item& item = items_[i % kLength];
    Prediction prediction;
    const Want want = {.kind =
                           spec_.heads[0].classes > 0 ? Want::Kind::kBest : Want::Kind::kNothing};
    const uint64_t step = OrDie(session->Step({.values = item.values}, want, &prediction));
    if (learns && spec_.target_next == 0) OrDie(session->Learn(step, item.target));
  }

 private:
  static constexpr std::size_t kLength = 512;

  struct Item {
    std::vector<Value> values;
    std::vector<std::vector<float>> reals;
    std::vector<std::vector<uint8_t>> pixels;
    std::vector<float> outputs;
    Target target;
  };

  const BrainSpec& spec_;
  std::vector<Item> items_;
};

// Reads memory at a given rate until told to stop.
class Antagonist {
 public:
  explicit Antagonist(double bytes_per_second)
      : memory_(std::size_t{256} << 20, 1), rate_(bytes_per_second), thread_([this] { Run(); }) {}
  ~Antagonist() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Run() {
    constexpr std::size_t kPiece = std::size_t{64} << 10;
    const SystemClock clock;
    const Nanos begin = clock.Now();
    uint64_t read = 0;
    volatile uint64_t sink = 0;
    while (!stop_) {
      const double seconds = std::chrono::duration<double>(clock.Now() - begin).count();
      if (static_cast<double>(read) > rate_ * seconds) continue;
      uint64_t sum = 0;
      const std::size_t at = read % memory_.size();
      for (std::size_t b = 0; b < kPiece; b += 64) sum += memory_[at + b];
      sink = sink + sum;
      read += kPiece;
    }
  }

  std::vector<uint8_t> memory_;
  const double rate_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

struct Quantiles {
  double p50 = 0;
  double p99 = 0;
};

Quantiles Of(const LatencyHistogram& latency) {
  return {static_cast<double>(latency.Percentile(50).count()) / 1e3,
          static_cast<double>(latency.Percentile(99).count()) / 1e3};
}

Quantiles Median(std::vector<Quantiles> rounds) {
  const auto of = [&](auto member) {
    std::vector<double> values;
    for (const Quantiles& round : rounds) values.push_back(round.*member);
    std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
    return values[values.size() / 2];
  };
  return {of(&Quantiles::p50), of(&Quantiles::p99)};
}

// Steps a frozen session for a time, each step timed.
Quantiles TimeSteps(Session* session, const Stream& stream, uint64_t* next) {
  constexpr Nanos kRound = std::chrono::milliseconds(400);
  LatencyHistogram latency;
  const SystemClock clock;
  Nanos now = clock.Now();
  const Nanos end = now + kRound;
  while (now < end) {
    stream.Live(session, ++*next, false);
    const Nanos before = std::exchange(now, clock.Now());
    latency.Record(now - before);
  }
  return Of(latency);
}

// Feeds a background session on the learner's own core, as fast as it learns.
class Feeder {
 public:
  Feeder(Runtime* runtime, const Stream* stream)
      : session_(OrDie(runtime->OpenSession({.name = "teacher", .mode = Mode::kBackground}))),
        stream_(stream),
        thread_([this] { Run(); }) {}
  ~Feeder() {
    stop_ = true;
    thread_.join();
  }

 private:
  void Run() {
    for (uint64_t i = 0; !stop_; ++i) {
      // Half full is saturated; then its own steps, on the learner's core, must not take its time.
      while (!stop_ && session_->stream()->waiting() > 512) {
        std::this_thread::sleep_for(std::chrono::microseconds(500));
      }
      stream_->Live(session_.get(), i, true);
    }
  }

  std::unique_ptr<Session> session_;
  const Stream* stream_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Bytes that one learning step may write, read and written.
double BytesPerEvent(const Plan& plan) {
  double bytes = 0;
  for (std::size_t t = 0; t < plan.tables().size(); ++t) {
    bytes += 2.0 * plan.writes_per_step()[t] *
             static_cast<double>(plan.tables()[t].spec.layout.block_bytes());
  }
  return bytes;
}

double TableBytes(const Plan& plan) {
  double bytes = 0;
  for (const PlanBuilder::Table& table : plan.tables()) {
    if (table.spec.layout.reader() != TensorReader::kStep) continue;
    bytes += static_cast<double>(table.spec.layout.block_bytes()) * table.spec.blocks;
  }
  return bytes;
}

void Steps(absl::string_view preset) {
  constexpr int kRounds = 7;
  const BrainSpec spec = Bound(preset);
  const Stream stream(spec, 1);
  const auto runtime = OrDie(Runtime::Create(spec, {.spares = 64}));
  runtime->Ready();
  const auto session = OrDie(runtime->OpenSession({.name = "served", .mode = Mode::kFrozen}));
  std::vector<Quantiles> alone;
  std::vector<Quantiles> beside;
  std::vector<Quantiles> against;
  double learned_per_second = 0;
  uint64_t publishes = 0;
  uint64_t next = 0;
  for (int round = 0; round <= kRounds; ++round) {
    StayOn(0);
    alone.push_back(TimeSteps(session.get(), stream, &next));
    {
      StayOn(1);
      const Feeder feeder(runtime.get(), &stream);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      StayOn(0);
      const BackgroundLearner::Status before = runtime->status().background;
      beside.push_back(TimeSteps(session.get(), stream, &next));
      const BackgroundLearner::Status after = runtime->status().background;
      const double seconds = std::chrono::duration<double>(after.elapsed - before.elapsed).count();
      learned_per_second =
          static_cast<double>(after.counts.learned - before.counts.learned) / seconds;
      publishes = after.publishes - before.publishes;
    }
    OrDie(runtime->Drain());
    StayOn(1);
    const Antagonist antagonist(learned_per_second * BytesPerEvent(runtime->plan()));
    StayOn(0);
    against.push_back(TimeSteps(session.get(), stream, &next));
  }
  // The first round warms up.
  for (auto* rounds : {&alone, &beside, &against}) rounds->erase(rounds->begin());
  const Quantiles a = Median(alone);
  const Quantiles b = Median(beside);
  const Quantiles c = Median(against);
  std::printf(
      "%-7s %8.2f MB  %9.0f /s %4llu  %8.2f %8.2f  %8.2f %8.2f  %8.2f %8.2f  %5.2f %5.2f"
      "  %5.2f %5.2f\n",
      std::string(preset).c_str(), TableBytes(runtime->plan()) / 1e6, learned_per_second,
      static_cast<unsigned long long>(publishes), a.p50, a.p99, b.p50, b.p99, c.p50, c.p99,
      b.p50 / a.p50, b.p99 / a.p99, b.p50 / c.p50, b.p99 / c.p99);
}

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0;
  uint64_t resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * 4096;
}

void Sessions() {
  constexpr int kSessions = 1000;
  constexpr int kRounds = 5;
  constexpr int kSteps = 200;
  const BrainSpec spec = Bound("table");
  const Stream stream(spec, 1);
  const auto runtime = OrDie(Runtime::Create(spec, {.max_sessions = 1024, .spares = 64}));
  runtime->Ready();
  const double before = ResidentBytes();
  std::vector<std::unique_ptr<Session>> sessions;
  for (int s = 0; s < kSessions; ++s) {
    sessions.push_back(
        OrDie(runtime->OpenSession({.name = absl::StrCat("s", s), .mode = Mode::kFrozen})));
    stream.Live(sessions.back().get(), 0, false);
  }
  std::printf("memory per session: %.1f KiB\n", (ResidentBytes() - before) / kSessions / 1024);
  const auto run = [&](int from, int to) {
    for (int i = 0; i < kSteps; ++i) {
      for (int s = from; s < to; ++s) stream.Live(sessions[s].get(), i, false);
    }
  };
  const SystemClock clock;
  const auto timed = [&](auto work) {
    const Nanos begin = clock.Now();
    work();
    return kSessions * kSteps / std::chrono::duration<double>(clock.Now() - begin).count();
  };
  std::vector<double> ones;
  std::vector<double> twos;
  std::vector<double> learning;
  for (int round = 0; round <= kRounds; ++round) {
    StayOn(0);
    ones.push_back(timed([&] { run(0, kSessions); }));
    const auto two = [&] {
      StayOn(1);
      std::thread other([&] { run(0, kSessions / 2); });
      StayOn(0);
      run(kSessions / 2, kSessions);
      other.join();
    };
    twos.push_back(timed(two));
    const Feeder feeder(runtime.get(), &stream);
    learning.push_back(timed(two));
  }
  const auto median = [](std::vector<double> values) {
    values.erase(values.begin());
    std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
    return values[values.size() / 2];
  };
  std::printf("steps/s: one thread %.0f, two %.0f (%.2f times), two beside a learner %.0f\n",
              median(ones), median(twos), median(twos) / median(ones), median(learning));
}

int Main(int argc, char** argv) {
  if (argc >= 2 && absl::string_view(argv[1]) == "sessions") {
    Sessions();
    return 0;
  }
  if (argc < 2 || absl::string_view(argv[1]) != "steps") {
    std::fprintf(stderr, "usage: beside_bench steps [PRESET...] | sessions\n");
    return 2;
  }
  std::printf("us; p50 and p99 of a frozen session's step; medians of 7 rounds\n");
  std::printf("%-7s %11s  %12s %4s  %17s  %17s  %17s  %11s  %11s\n", "preset", "blocks", "learned",
              "publ", "alone", "beside learner", "beside stream", "to alone", "to stream");
  std::vector<std::string> presets(argv + 2, argv + argc);
  if (presets.empty()) presets = {"table", "series", "images", "text"};
  for (const std::string& preset : presets) Steps(preset);
  return 0;
}

}  // namespace
}  // namespace gyrus

int main(int argc, char** argv) { return gyrus::Main(argc, argv); }
