// SPDX-License-Identifier: Apache-2.0
// A dense 784-400-400-10 network on random dense input, one sample at a time: an inference step
// and a learning step (forward, backward, update) of a brain of two dense areas under a softmax
// head. dense_bench.py runs it beside PyTorch.
//
//   dense_bench [OPTIMISER=rmsprop|sgd] [STEPS=500]
//
// Prints one line: microseconds of the thread's time for an inference step and for a learning step,
// both medians.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "activation/brain_spec.h"
#include "core/kernels/dispatch.h"
#include "core/rng.h"
#include "core/status_macros.h"
#include "runtime/runtime.h"

namespace gyrus {
namespace {

constexpr uint32_t kInputs = 784;
constexpr uint32_t kHidden = 400;
constexpr uint32_t kClasses = 10;

BrainSpec DenseBrain(Optimiser optimiser) {
  BrainSpec brain;
  brain.name = "dense";
  brain.modalities = {{.name = "x", .kind = ModalityKind::kReals, .size = kInputs}};
  brain.encoders = {{.name = "input", .modality = "x", .kind = HeldEncoderSpec{}}};
  AreaSpec area;
  area.outputs = kHidden;
  area.cell = DenseCellSpec{};
  area.learning = {.optimiser = optimiser, .rate = 0.001F};
  area.name = "first";
  area.inputs = {"input"};
  brain.areas.push_back(area);
  area.name = "second";
  area.inputs = {"first"};
  brain.areas.push_back(area);
  brain.heads = {
      {.name = "class",
       .classes = kClasses,
       .kind = SoftmaxHeadSpec{.input = "second", .rate = 0.001F, .optimiser = optimiser}}};
  return brain;
}

struct Sample {
  std::vector<float> x;
  uint32_t label;
};

std::vector<Sample> RandomSamples(int count) {
  Rng rng(1);
  std::vector<Sample> samples(static_cast<std::size_t>(count));
  for (Sample& sample : samples) {
    sample.x.resize(kInputs);
    for (float& x : sample.x) x = rng.Normal();
    sample.label = static_cast<uint32_t>(rng.Below(kClasses));
  }
  return samples;
}

double ThreadMicros() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e6 * static_cast<double>(now.tv_sec) + 1e-3 * static_cast<double>(now.tv_nsec);
}

// The median time of a step on each sample, in microseconds; with its label's if learning.
absl::StatusOr<double> TimeSteps(Runtime* runtime, Mode mode, const std::vector<Sample>& samples) {
  GYRUS_ASSIGN_OR_RETURN(const auto session, runtime->OpenSession({.mode = mode}));
  std::vector<double> us;
  for (const Sample& sample : samples) {
    const Value value = {.present = true, .reals = sample.x};
    Prediction prediction;
    const double start = ThreadMicros();
    const auto step =
        session->Step({.values = {&value, 1}}, {.kind = Want::Kind::kBest}, &prediction);
    GYRUS_RETURN_IF_ERROR(step.status());
    if (mode == Mode::kInline) {
      GYRUS_RETURN_IF_ERROR(session->Learn(*step, {.symbol = sample.label}));
    }
    us.push_back(ThreadMicros() - start);
  }
  std::nth_element(us.begin(), us.begin() + us.size() / 2, us.end());
  return us[us.size() / 2];
}

absl::Status Run(int argc, char** argv) {
  const bool sgd = argc > 1 && std::string(argv[1]) == "sgd";
  const int steps = argc > 2 ? std::max(1, std::atoi(argv[2])) : 500;
  GYRUS_ASSIGN_OR_RETURN(
      const auto runtime,
      Runtime::Create(DenseBrain(sgd ? Optimiser::kSgd : Optimiser::kRmsprop), {}));
  runtime->Ready();
  const std::vector<Sample> samples = RandomSamples(steps);
  GYRUS_ASSIGN_OR_RETURN(const double inference, TimeSteps(runtime.get(), Mode::kFrozen, samples));
  GYRUS_ASSIGN_OR_RETURN(const double learning, TimeSteps(runtime.get(), Mode::kInline, samples));
  std::printf("%.1f %.1f\n", inference, learning);
  return absl::OkStatus();
}

}  // namespace
}  // namespace gyrus

int main(int argc, char** argv) {
  gyrus::kernels::Warmup();
  const absl::Status status = gyrus::Run(argc, argv);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
