// SPDX-License-Identifier: Apache-2.0
// What a step costs when few of many regions wake.
//
//   waking_bench              both tables
//   waking_bench share        4 of 64 regions of 64 K parameters against all 64
//   waking_bench total [MAX]  8 woken of n = 64 ... MAX (65536) regions of 4,160 parameters
//   waking_bench steps hash|anchor N STEPS
//                             nothing but these steps, for counting instructions:
//                             GYRUS_ISA=avx2 valgrind --tool=callgrind, and subtract two runs
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "core/kernels/dispatch.h"
#include "core/kernels/vector.h"
#include "core/rng.h"
#include "core/status_macros.h"
#include "tests/support/plan_run.h"

namespace gyrus {
namespace {

using test::PlanRun;

struct Shape {
  std::string router;  // "hash", "anchor" or "all".
  uint32_t regions;
  uint32_t woken;
  uint32_t inputs;
  uint32_t outputs;
};

BrainSpec BrainOf(const Shape& shape) {
  BrainSpec brain;
  brain.name = "waking";
  brain.modalities = {{.name = "x", .kind = ModalityKind::kReals, .size = shape.inputs}};
  brain.encoders = {{.name = "reals", .modality = "x", .kind = RealsEncoderSpec{}}};
  AreaSpec area;
  area.name = "area";
  area.inputs = {"reals"};
  area.outputs = shape.outputs;
  area.regions = shape.regions;
  area.woken = shape.woken;
  area.cell = ExpansionCellSpec{};
  area.router = AllRouterSpec{};
  if (shape.router == "hash") area.router = HashRouterSpec{};
  // Any input founds, until all regions are.
  if (shape.router == "anchor") area.router = AnchorRouterSpec{.threshold = 1, .settle_after = 0};
  brain.areas = {area};
  brain.heads = {{.name = "class", .classes = 2, .kind = SoftmaxHeadSpec{.input = "area"}}};
  return brain;
}

std::vector<std::vector<float>> RandomInputs(std::size_t count, uint32_t size, uint64_t seed) {
  Rng rng(seed);
  std::vector<std::vector<float>> inputs(count, std::vector<float>(size));
  for (std::vector<float>& x : inputs) {
    for (float& value : x) value = rng.Normal();
  }
  return inputs;
}

// A brain whose encoder knows its scale and whose router has founded what it can.
absl::StatusOr<std::unique_ptr<PlanRun>> Grown(const Shape& shape) {
  GYRUS_ASSIGN_OR_RETURN(std::unique_ptr<PlanRun> run, PlanRun::Create(BrainOf(shape)));
  const AreaPlan& area = run->plan().areas()[0];
  Rng rng(7);
  std::vector<float> x(shape.inputs);
  const Value value{.present = true, .reals = x};
  const uint32_t founding = shape.router == "anchor" ? shape.regions : 0;
  for (uint32_t i = 0; i < std::max(founding, 100U); ++i) {
    for (float& element : x) element = rng.Normal();
    std::optional<Commit> commit = run->Begin();
    if (i < founding) area.router->Learn(x, {}, {}, &*commit);
    if (i < 100) run->plan().encoders()[0]->Learn(value, run->activity().encodings[0], &*commit);
  }
  return run;
}

// The least of five means over all inputs, in microseconds.
double MicrosecondsPer(const std::vector<std::vector<float>>& inputs, const auto& step) {
  double best = 1e9;
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    for (const std::vector<float>& x : inputs) step(x);
    const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / static_cast<double>(inputs.size()));
  }
  return best;
}

void Step(PlanRun* run, std::span<const float> x) {
  const Value value{.present = true, .reals = x};
  run->Forward({&value, 1});
}

struct Parts {
  double all, encoder, head;
  double area() const { return all - encoder - head; }
};

Parts Measure(PlanRun* run, const std::vector<std::vector<float>>& inputs) {
  const StepContext context = run->context();
  return {.all = MicrosecondsPer(inputs, [&](const auto& x) { Step(run, x); }),
          .encoder = MicrosecondsPer(inputs,
                                     [&](const auto& x) {
                                       run->plan().encoders()[0]->Encode(
                                           context, {.present = true, .reals = x},
                                           &run->activity().encodings[0]);
                                     }),
          .head = MicrosecondsPer(inputs,
                                  [&](const auto&) { run->plan().heads()[0]->Begin(context); })};
}

absl::Status PrintShare() {
  const auto inputs = RandomInputs(300, 256, 3);
  std::printf("regions of 64 K parameters         router and area us   encoder us   head us\n");
  double dense = 0.0;
  for (const char* const router : {"all", "hash", "anchor"}) {
    const uint32_t woken = dense == 0.0 ? 64 : 4;
    GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<PlanRun> run,
                           Grown({router, 64, woken, 256, 256}));
    const Parts parts = Measure(run.get(), inputs);
    if (dense == 0.0) dense = parts.area();
    std::printf("%-8s %2u of 64  %28.2f %12.2f %9.2f   area / all = %.4f (%.2f / 16)\n", router,
                woken, parts.area(), parts.encoder, parts.head, parts.area() / dense,
                16.0 * parts.area() / dense);
  }
  return absl::OkStatus();
}

// Reads `woken` random blocks of the area's weights per call, nothing else.
double PlainRead(PlanRun* run, const Shape& shape) {
  const TableView weights = run->store().Draft().table(run->plan().areas()[0].weights_table);
  const std::size_t floats = std::size_t{shape.inputs} * shape.outputs;
  Rng rng(11);
  volatile float sink = 0.0F;
  const std::vector<std::vector<float>> calls(2000);
  return MicrosecondsPer(calls, [&](const auto&) {
    uint32_t regions[64];
    for (uint32_t k = 0; k < shape.woken; ++k) {
      regions[k] = static_cast<uint32_t>(rng.Below(shape.regions));
      weights.Prefetch(regions[k]);
    }
    for (uint32_t k = 0; k < shape.woken; ++k) {
      sink = sink + kernels::SumOfSquares({weights.As<float>(regions[k]), floats});
    }
  });
}

absl::Status PrintTotal(uint32_t most) {
  std::printf("8 woken     n   same inputs us (ratio)   random us   plain read us   ratio\n");
  for (const char* const router : {"hash", "anchor"}) {
    double first = 0.0;
    for (uint32_t regions = 64; regions <= most; regions *= 4) {
      const Shape shape = {router, regions, 8, 64, 64};
      GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<PlanRun> run, Grown(shape));
      std::vector<std::vector<float>> same;
      const auto four = RandomInputs(4, 64, 5);
      for (int i = 0; i < 2000; ++i) same.push_back(four[i % 4]);
      const double warm = MicrosecondsPer(same, [&](const auto& x) { Step(run.get(), x); });
      const auto random = RandomInputs(2000, 64, 6);
      const double cold = MicrosecondsPer(random, [&](const auto& x) { Step(run.get(), x); });
      const double read = PlainRead(run.get(), shape);
      if (first == 0.0) first = warm;
      std::printf("%-7s %6u %16.2f (%.2f) %11.2f %15.2f %7.2f\n", router, regions, warm,
                  warm / first, cold, read, cold / read);
      std::fflush(stdout);
    }
  }
  return absl::OkStatus();
}

absl::Status RunSteps(const std::string& router, uint32_t regions, int steps) {
  // Small regions, so that making them is quick even where every instruction is counted.
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<PlanRun> run, Grown({router, regions, 8, 64, 4}));
  const auto inputs = RandomInputs(4, 64, 5);
  for (int i = 0; i < steps; ++i) Step(run.get(), inputs[i % 4]);
  return absl::OkStatus();
}

absl::Status Run(const std::vector<std::string>& args) {
  const std::string mode = args.empty() ? "both" : args[0];
  if (mode == "steps" && args.size() == 4) {
    return RunSteps(args[1], static_cast<uint32_t>(std::atoi(args[2].c_str())),
                    std::atoi(args[3].c_str()));
  }
  if (mode != "both" && mode != "share" && mode != "total") {
    return absl::InvalidArgumentError("usage: waking_bench [share | total [MAX] | steps ...]");
  }
  if (mode != "total") GYRUS_RETURN_IF_ERROR(PrintShare());
  if (mode == "share") return absl::OkStatus();
  return PrintTotal(args.size() > 1 ? static_cast<uint32_t>(std::atoi(args[1].c_str())) : 65536);
}

}  // namespace
}  // namespace gyrus

int main(int argc, char** argv) {
  gyrus::kernels::Warmup();
  const absl::Status status = gyrus::Run({argv + 1, argv + argc});
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
