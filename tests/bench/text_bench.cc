// SPDX-License-Identifier: Apache-2.0
//
// text_bench [--file PATH] [--bytes N] [--engine]: predicts, then learns, each byte of a text, by
// the engine and by the flat-array baseline in turns of 50,000 bytes, so that both meet the same
// machine. Without --file: $GYRUS_DATA/text/enwik6 (GYRUS_DATA: ../shared/data). --engine runs the
// engine alone. One thread.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "activation/plan.h"
#include "core/check.h"
#include "core/clock.h"
#include "learner/learner.h"
#include "runtime/presets.h"
#include "tests/bench/flat_text.h"

namespace gyrus {
namespace {

constexpr std::size_t kTurn = 50000;

// Measured with their own programs on one core of such a machine.
constexpr char kPeers[] =
    "compare, bits/byte, enwik6 (tinyshakespeare.txt, first 262,144 bytes):\n"
    "  PPMd, order 16   2.035 (2.325)\n"
    "  lstm-compress    2.409 (2.756), 6.4 kB/s\n"
    "  cmix v14         1.447, about 1 kB/s\n";

// Plan, store and learner of one text, as a session drives them.
class Engine {
 public:
  Engine() {
    const auto spec = Preset("text");
    GYRUS_CHECK(spec.ok());
    auto plan = Plan::Create(*spec);
    GYRUS_CHECK(plan.ok());
    plan_ = *std::move(plan);
    auto store = plan_->MakeStore({}, 1);
    GYRUS_CHECK(store.ok());
    store_ = *std::move(store);
    store_->Prefault();
    auto learner = Learner::Create(plan_.get(), store_.get());
    GYRUS_CHECK(learner.ok());
    learner_ = *std::move(learner);
  }

  // Predicts, then learns, each byte. Returns the bits that it cost.
  double Run(std::span<const uint8_t> text) {
    double nats = 0;
    for (const uint8_t symbol : text) {
      if (step_ > 0) {
        GYRUS_CHECK(learner_->Label(step_, {.symbol = symbol}).ok());
        GYRUS_CHECK(learner_->RunFor(Nanos::max(), clock_).ok());
        nats += learner_->last().loss;
      } else {
        nats += std::log(256.0);
      }
      const Value value{.present = true, .symbol = symbol};
      learner_->Close(++step_);
      Event& event = learner_->Push(step_, {.values = {&value, 1}});
      std::copy(learner_->state().begin(), learner_->state().end(), event.state.begin());
      learner_->RunAhead();
    }
    return nats / std::log(2.0);
  }

 private:
  std::unique_ptr<const Plan> plan_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Learner> learner_;
  SystemClock clock_;
  uint64_t step_ = 0;
};

struct Score {
  double bits = 0;
  double wall = 0;  // Seconds.
  double cpu = 0;

  template <typename Runner>
  void Add(Runner* runner, std::span<const uint8_t> text) {
    const auto start = std::chrono::steady_clock::now();
    const std::clock_t cpu_start = std::clock();
    bits += runner->Run(text);
    cpu += static_cast<double>(std::clock() - cpu_start) / CLOCKS_PER_SEC;
    wall += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  void Print(const char* name, std::size_t size) const {
    const double bytes = static_cast<double>(size);
    std::printf("%-12s %.4f bits/byte, %4.0f kB per CPU second, %4.0f kB/s\n", name, bits / bytes,
                bytes / cpu / 1e3, bytes / wall / 1e3);
  }
};

int Run(const std::string& path, std::size_t limit, bool engine_alone) {
  std::ifstream in(path, std::ios::binary);
  std::vector<uint8_t> data((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (data.size() > limit) data.resize(limit);
  if (data.empty()) {
    std::fprintf(stderr, "no data in %s\n", path.c_str());
    return 1;
  }
  Engine engine;
  FlatText flat;
  Score engine_score;
  Score flat_score;
  const std::span<const uint8_t> text(data);
  for (std::size_t i = 0; i < data.size(); i += kTurn) {
    const std::span<const uint8_t> turn = text.subspan(i, std::min(kTurn, data.size() - i));
    engine_score.Add(&engine, turn);
    if (!engine_alone) flat_score.Add(&flat, turn);
  }
  std::printf("%s, %zu bytes\n%s", path.c_str(), data.size(), kPeers);
  engine_score.Print("engine", data.size());
  if (engine_alone) return 0;
  flat_score.Print("flat arrays", data.size());
  std::printf("engine / flat arrays: %.2f of the speed per CPU second\n",
              flat_score.cpu / engine_score.cpu);
  return 0;
}

}  // namespace
}  // namespace gyrus

int main(int argc, char** argv) {
  const char* const folder = std::getenv("GYRUS_DATA");
  std::string path = std::string(folder != nullptr ? folder : "../shared/data") + "/text/enwik6";
  std::size_t limit = SIZE_MAX;
  bool engine_alone = false;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--engine") {
      engine_alone = true;
    } else if (option == "--file" && i + 1 < argc) {
      path = argv[++i];
    } else if (option == "--bytes" && i + 1 < argc) {
      limit = std::strtoull(argv[++i], nullptr, 10);
    } else {
      std::fprintf(stderr, "usage: %s [--file PATH] [--bytes N] [--engine]\n", argv[0]);
      return 2;
    }
  }
  return gyrus::Run(path, limit, engine_alone);
}
