// SPDX-License-Identifier: Apache-2.0
// What a step costs when few of many regions wake.
//
//   waking_bench                      the first two tables
//   waking_bench share                4 of 64 regions of 64 K parameters against all 64
//   waking_bench total [MAX [WIDTH]]  8 woken of n = 64 ... MAX (65536) regions of WIDTH (64)
//                                     inputs and outputs
//   waking_bench recall               how many of the 8 nearest anchors wake, of n
//   waking_bench steps hash|anchor N STEPS [OUTPUTS]
//                                     nothing but these steps, in regions of 64 inputs and
//                                     OUTPUTS (4), for counting instructions: tests/bench/
//                                     count_waking.sh
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/routers/best.h"
#include "core/kernels/dispatch.h"
#include "core/kernels/vector.h"
#include "core/rng.h"
#include "core/status_macros.h"
#include "tests/support/plan_run.h"

namespace gyrus {
namespace {

using test::PlanRun;
using Inputs = std::vector<std::vector<float>>;

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
  // So fine that random inputs wake random regions.
  if (shape.router == "hash") area.router = HashRouterSpec{.width = 0.1F};
  // Any input founds, until all regions are.
  if (shape.router == "anchor") area.router = AnchorRouterSpec{.threshold = 1, .settle_after = 0};
  brain.areas = {area};
  brain.heads = {{.name = "class", .classes = 2, .kind = SoftmaxHeadSpec{.input = "area"}}};
  return brain;
}

Inputs RandomInputs(std::size_t count, uint32_t size, uint64_t seed) {
  Rng rng(seed);
  Inputs inputs(count, std::vector<float>(size));
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

// Steps are timed in runs short enough for many to go undisturbed on a busy machine.
constexpr std::size_t kRun = 20;
constexpr int kRounds = 5;

void Step(PlanRun* run, std::span<const float> x) {
  const Value value{.present = true, .reals = x};
  run->plan().Forward(run->context(), {.values = {&value, 1}});
}

// Mean microseconds of step(x) over a run of inputs.
double TimeRun(std::span<const std::vector<float>> inputs, const auto& step) {
  const auto start = std::chrono::steady_clock::now();
  for (const std::vector<float>& x : inputs) step(x);
  const std::chrono::duration<double, std::micro> took = std::chrono::steady_clock::now() - start;
  return took.count() / static_cast<double>(inputs.size());
}

// Reads `woken` random blocks of the area's weights per call, nothing else.
class PlainRead {
 public:
  PlainRead(PlanRun* run, const Shape& shape)
      : weights_(run->store().Draft().table(run->plan().areas()[0].weights_table)),
        floats_(std::size_t{shape.inputs} * shape.outputs),
        shape_(shape) {}

  void operator()() {
    uint32_t regions[64];
    for (uint32_t k = 0; k < shape_.woken; ++k) {
      regions[k] = static_cast<uint32_t>(rng_.Below(shape_.regions));
      weights_.Prefetch(regions[k]);
    }
    for (uint32_t k = 0; k < shape_.woken; ++k) {
      sink_ = sink_ + kernels::SumOfSquares({weights_.As<float>(regions[k]), floats_});
    }
  }

 private:
  TableView weights_;
  std::size_t floats_;
  Shape shape_;
  Rng rng_{11};
  volatile float sink_ = 0.0F;
};

// Microseconds.
struct Parts {
  double step = 0.0;
  double encoder = 0.0;
  double head = 0.0;
  double read = 0.0;
  double area() const { return step - encoder - head; }  // With its router.
};

// What a tenth of the runs stay below: most of the others waited for somebody else.
double FastestTenth(std::vector<double>* runs) {
  const auto tenth = runs->begin() + static_cast<std::ptrdiff_t>(runs->size() / 10);
  std::nth_element(runs->begin(), tenth, runs->end());
  return *tenth;
}

// Times every part over the same inputs, one after the other run by run.
Parts Measure(PlanRun* run, const Shape& shape, const Inputs& inputs) {
  const StepContext context = run->context();
  const Encoder& encoder = *run->plan().encoders()[0];
  const Head& head = *run->plan().heads()[0];
  PlainRead read(run, shape);
  std::vector<double> steps, encoders, heads, reads;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t at = 0; at + kRun <= inputs.size(); at += kRun) {
      const std::span<const std::vector<float>> xs(&inputs[at], kRun);
      steps.push_back(TimeRun(xs, [&](const auto& x) { Step(run, x); }));
      reads.push_back(TimeRun(xs, [&](const auto&) { read(); }));
      encoders.push_back(TimeRun(xs, [&](const auto& x) {
        encoder.Encode(context, {.present = true, .reals = x}, &context.activity->encodings[0]);
      }));
      heads.push_back(TimeRun(xs, [&](const auto&) { head.Begin(context); }));
    }
  }
  return {FastestTenth(&steps), FastestTenth(&encoders), FastestTenth(&heads),
          FastestTenth(&reads)};
}

absl::Status PrintShare() {
  const Inputs inputs = RandomInputs(300, 256, 3);
  std::printf("regions of 64 K parameters         router and area us   encoder us   head us\n");
  double dense = 0.0;
  for (const char* const router : {"all", "hash", "anchor"}) {
    const Shape shape = {router, 64, dense == 0.0 ? 64U : 4U, 256, 256};
    GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<PlanRun> run, Grown(shape));
    const Parts parts = Measure(run.get(), shape, inputs);
    if (dense == 0.0) dense = parts.area();
    std::printf("%-8s %2u of 64  %28.2f %12.2f %9.2f   area / all = %.4f (%.2f / 16)\n", router,
                shape.woken, parts.area(), parts.encoder, parts.head, parts.area() / dense,
                16.0 * parts.area() / dense);
  }
  return absl::OkStatus();
}

// Microseconds of a step of `one` and of `other` over the same few inputs, measured alternately:
// so few that what they wake stays in a second-level cache where it can.
std::pair<double, double> MeasureSame(PlanRun* one, PlanRun* other, uint32_t width) {
  Inputs xs;
  const Inputs few = RandomInputs(width > 64 ? 1 : 4, width, 5);
  for (std::size_t i = 0; i < kRun; ++i) xs.push_back(few[i % few.size()]);
  std::vector<double> ones, others;
  for (int i = 0; i < 500; ++i) {
    ones.push_back(TimeRun(xs, [&](const auto& x) { Step(one, x); }));
    others.push_back(TimeRun(xs, [&](const auto& x) { Step(other, x); }));
  }
  return {FastestTenth(&ones), FastestTenth(&others)};
}

absl::Status PrintTotal(uint32_t most, uint32_t width) {
  std::printf("8 woken of n, us  | same few inputs         | random inputs\n");
  std::printf(
      "             n    |  step (to n = 64)       | step    encoder   router, area"
      "   plain read   ratio\n");
  for (const char* const router : {"hash", "anchor"}) {
    Shape shape = {router, 64, 8, width, width};
    GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<PlanRun> smallest, Grown(shape));
    for (; shape.regions <= most; shape.regions *= 4) {
      GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<PlanRun> run, Grown(shape));
      const auto [first, same] = MeasureSame(smallest.get(), run.get(), width);
      const Parts random = Measure(run.get(), shape, RandomInputs(2000, width, 6));
      std::printf("%-7s %6u %12.2f (%.2f) %15.2f %10.2f %14.2f %12.2f %7.2f\n", router,
                  shape.regions, same, same / first, random.step, random.encoder, random.area(),
                  random.read, random.area() / random.read);
      std::fflush(stdout);
    }
  }
  return absl::OkStatus();
}

// Inputs of which a thousand kinds come: what a router is for; or each unlike all others.
Inputs InKinds(std::size_t count, uint32_t size, float spread, uint64_t seed) {
  constexpr std::size_t kKinds = 1000;
  Inputs inputs = RandomInputs(count, size, seed);
  const Inputs kinds = RandomInputs(kKinds, size, 9);
  Rng rng(seed, 1);
  for (std::vector<float>& x : inputs) {
    const std::vector<float>& kind = kinds[rng.Below(kKinds)];
    for (uint32_t j = 0; j < size; ++j) x[j] = kind[j] + spread * x[j];
  }
  return inputs;
}

float CosineOf(std::span<const float> x, std::span<const float> y) {
  return kernels::Dot(x, y) / std::sqrt(kernels::SumOfSquares(x) * kernels::SumOfSquares(y));
}

absl::Status PrintRecall() {
  constexpr uint32_t kWoken = 8;
  constexpr uint32_t kInputs = 64;
  std::printf("inputs     n   recall@8   cosine of the woken   of the nearest\n");
  for (const float spread : {0.4F, 100.0F}) {
    for (uint32_t regions = 64; regions <= 65536; regions *= 4) {
      Shape shape = {"anchor", regions, kWoken, kInputs, 1};
      GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<PlanRun> run, PlanRun::Create(BrainOf(shape)));
      const Router& router = *run->plan().areas()[0].router;
      const Inputs anchors = InKinds(regions, kInputs, spread, 7);
      for (const std::vector<float>& x : anchors) {
        std::optional<Commit> commit = run->Begin();
        router.Learn(x, {}, {}, &*commit);
      }
      int recalled = 0;
      float near = 0.0F;
      float nearest = 0.0F;
      const Inputs queries = InKinds(200, kInputs, spread, 8);
      for (const std::vector<float>& x : queries) {
        std::vector<Woken> best(kWoken);
        BestRegions all(best);
        for (uint32_t a = 0; a < regions; ++a) all.Offer(a, CosineOf(x, anchors[a]));
        std::vector<Woken> woken(kWoken);
        woken.resize(router.Route(run->store().Draft(), x, woken));
        for (const Woken& w : woken) near += CosineOf(x, anchors[w.region]);
        for (const Woken& b : best) {
          nearest += b.gate;
          recalled += std::any_of(woken.begin(), woken.end(),
                                  [&](const Woken& w) { return w.region == b.region; });
        }
      }
      const double found = kWoken * static_cast<double>(queries.size());
      std::printf("%-6s %6u %8.2f %16.3f %20.3f\n", spread < 1.0F ? "kinds" : "any", regions,
                  recalled / found, static_cast<double>(near) / found,
                  static_cast<double>(nearest) / found);
      std::fflush(stdout);
    }
  }
  return absl::OkStatus();
}

absl::Status RunSteps(const Shape& shape, int steps) {
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<PlanRun> run, Grown(shape));
  const Inputs inputs = RandomInputs(4, shape.inputs, 5);
  for (int i = 0; i < steps; ++i) Step(run.get(), inputs[i % 4]);
  return absl::OkStatus();
}

absl::Status Run(const std::vector<std::string>& args) {
  const auto number = [&](std::size_t i, uint32_t otherwise) {
    return args.size() > i ? static_cast<uint32_t>(std::atoi(args[i].c_str())) : otherwise;
  };
  const std::string mode = args.empty() ? "both" : args[0];
  if (mode == "steps" && args.size() >= 4) {
    return RunSteps({args[1], number(2, 0), 8, 64, number(4, 4)}, std::atoi(args[3].c_str()));
  }
  if (mode == "recall") return PrintRecall();
  if (mode != "both" && mode != "share" && mode != "total") {
    return absl::InvalidArgumentError(
        "usage: waking_bench [share | total [MAX [WIDTH]] | recall | steps ...]");
  }
  if (mode != "total") GYRUS_RETURN_IF_ERROR(PrintShare());
  if (mode == "share") return absl::OkStatus();
  return PrintTotal(number(1, 65536), number(2, 64));
}

}  // namespace
}  // namespace gyrus

int main(int argc, char** argv) {
  gyrus::kernels::Warmup();
  const absl::Status status = gyrus::Run({argv + 1, argv + argc});
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
