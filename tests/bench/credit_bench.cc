// SPDX-License-Identifier: Apache-2.0
// What learning costs beside inference: microseconds per step of areas of 64 regions, 9 of them
// woken at random, 128 inputs, units (or hidden) and outputs each, without routers and heads.
//
//   Forward   the forward pass alone, as a session runs it
//   Learn     forward with tapes, then Record and Backward, a commit per step
//
// Arguments: areas, each reading the one before (the first hands no gradient on); chunk;
// RMSprop (else SGD); traces.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "activation/factories.h"
#include "activation/plan.h"
#include "core/kernels/dispatch.h"
#include "core/kernels/vector.h"
#include "core/rng.h"
#include "core/store.h"
#include "core/workspace.h"
#include "learner/credit.h"
#include "learner/rmsprop.h"

namespace gyrus {
namespace {

constexpr uint32_t kSize = 128;
constexpr uint32_t kRegions = 64;
constexpr uint32_t kWoken = 9;
constexpr std::size_t kSteps = 512;

class NoRouter final : public Router {
 public:
  std::size_t Route(const View&, std::span<const float>, std::span<Woken>) const noexcept override {
    return 0;
  }
  void Learn(std::span<const float>, std::span<const Woken>, std::span<const float>,
             Commit*) const noexcept override {}
};

// A stack of equal areas with its store, states, credits and a repeating stream.
class Stack {
 public:
  Stack(const AreaSpec& spec, uint32_t areas) {
    std::vector<TableSpec> tables;
    for (uint32_t a = 0; a < areas; ++a) {
      AreaPlan area{.spec = spec};
      area.inputs = kSize;
      area.sources = {{a > 0, a > 0 ? a - 1 : 0, 0}};
      area.cell = *MakeCell(spec, kSize);
      area.router = std::make_unique<NoRouter>();
      area.weights_table = 2 * a;
      const std::string name = std::to_string(a);
      tables.push_back({name, area.cell->layout(), kRegions, 0});
      tables.push_back({name + ".acc", *AccumulatorLayout(area.cell->layout()), kRegions, 0});
      areas_.push_back(std::move(area));
    }
    store_ = *Store::Create(tables, {});
    for (uint32_t a = 0; a < areas; ++a) {
      for (uint32_t r = 0; r < kRegions; ++r) {
        Rng rng(a, r);
        areas_[a].cell->Initialise(&rng, store_->Initial({2 * a, r}));
      }
      credits_.push_back(*AreaCredit::Create(areas_, a, credits_, 2 * a + 1));
      states_.emplace_back(kRegions * areas_[a].cell->shape().state_floats);
      activities_.push_back(MakeActivity(areas_[a]));
    }
    Rng rng(3);
    x_.resize(kSteps * kSize);
    for (float& value : x_) value = rng.Normal();
    std::vector<uint32_t> regions(kRegions);
    for (uint32_t r = 0; r < kRegions; ++r) regions[r] = r;
    for (std::size_t i = 0; i < kSteps; ++i) {
      for (uint32_t k = 0; k < kWoken; ++k) {
        std::swap(regions[k], regions[k + rng.Below(kRegions - k)]);
        woken_.push_back({regions[k], 1.0F / kWoken});
      }
    }
  }

  void Forward(std::size_t step, bool tape) {
    for (std::size_t a = 0; a < areas_.size(); ++a) {
      AreaActivity& activity = activities_[a];
      const std::span<const float> x =
          a > 0 ? std::span<const float>(activities_[a - 1].output)
                : std::span<const float>(x_).subspan(step * kSize, kSize);
      std::copy(x.begin(), x.end(), activity.input.begin());
      std::copy_n(woken_.begin() + static_cast<std::ptrdiff_t>(step * kWoken), kWoken,
                  activity.woken.begin());
      std::fill(activity.output.begin(), activity.output.end(), 0.0F);
      const CellShape& shape = areas_[a].cell->shape();
      const TableView weights = store_->Draft().table(areas_[a].weights_table);
      for (std::size_t k = 0; k < kWoken; ++k) {
        const uint32_t region = activity.woken[k].region;
        const std::span<float> y = activity.outputs.subspan(k * kSize, kSize);
        areas_[a].cell->Forward(weights.Read(region), activity.input,
                                states_[a].data() + region * shape.state_floats, y,
                                tape ? activity.tape.data() + k * shape.tape_floats : nullptr);
        kernels::Axpy(activity.woken[k].gate, y, activity.output);
      }
    }
  }

  void Learn() {
    for (std::size_t a = 0; a < areas_.size(); ++a) {
      std::fill(activities_[a].gradient.begin(), activities_[a].gradient.end(), 0.0F);
    }
    // A loss that pulls the last output to 0 keeps weights bounded.
    kernels::Axpy(1.0F, activities_.back().output, activities_.back().gradient);
    std::optional<Commit> commit = Commit::TryBegin(store_.get(), {});
    for (std::size_t a = 0; a < areas_.size(); ++a) credits_[a]->Record(activities_[a]);
    for (std::size_t a = areas_.size(); a-- > 0;) {
      if (credits_[a]->full()) credits_[a]->Backward(&*commit);
    }
  }

 private:
  AreaActivity MakeActivity(const AreaPlan& plan) {
    const std::size_t tape = kWoken * plan.cell->shape().tape_floats;
    memory_.push_back(std::make_unique<Workspace>((4 + 2 * kWoken) * kSize * 4 + tape * 4 + 4096));
    Workspace* const memory = memory_.back().get();
    AreaActivity activity;
    activity.awake = true;
    activity.input = memory->Take<float>(kSize);
    activity.woken = memory->Take<Woken>(kWoken);
    activity.outputs = memory->Take<float>(kWoken * kSize);
    activity.output = memory->Take<float>(kSize);
    activity.gradient = memory->Take<float>(kSize);
    activity.gradients = memory->Take<float>(kWoken * kSize);
    activity.tape = memory->Take<float>(tape);
    std::fill(activity.gradients.begin(), activity.gradients.end(), 0.0F);
    return activity;
  }

  std::vector<AreaPlan> areas_;
  std::unique_ptr<Store> store_;
  std::vector<std::unique_ptr<AreaCredit>> credits_;
  std::vector<std::vector<float>> states_;
  std::vector<std::unique_ptr<Workspace>> memory_;
  std::vector<AreaActivity> activities_;
  std::vector<float> x_;
  std::vector<Woken> woken_;
};

template <typename CellSpec>
AreaSpec Spec(const benchmark::State& state) {
  AreaSpec spec;
  spec.outputs = kSize;
  spec.regions = kRegions;
  spec.woken = kWoken;
  if constexpr (std::is_same_v<CellSpec, GluCellSpec>) {
    spec.cell = GluCellSpec{.hidden = kSize};
  } else {
    spec.cell = McsdCellSpec{.units = kSize, .channels = 8};
  }
  spec.learning.rate = 1e-4F;
  spec.learning.chunk = static_cast<uint32_t>(state.range(1));
  spec.learning.optimiser = state.range(2) != 0 ? Optimiser::kRmsprop : Optimiser::kSgd;
  spec.learning.trace = state.range(3) != 0 ? Trace::kFactored : Trace::kNone;
  return spec;
}

template <typename CellSpec>
void BM_Forward(benchmark::State& state) {
  Stack stack(Spec<CellSpec>(state), static_cast<uint32_t>(state.range(0)));
  std::size_t step = 0;
  for (auto _ : state) stack.Forward(step++ % kSteps, false);
}

template <typename CellSpec>
void BM_Learn(benchmark::State& state) {
  Stack stack(Spec<CellSpec>(state), static_cast<uint32_t>(state.range(0)));
  std::size_t step = 0;
  for (auto _ : state) {
    stack.Forward(step++ % kSteps, true);
    stack.Learn();
  }
}

BENCHMARK(BM_Forward<McsdCellSpec>)->Args({1, 1, 0, 0})->Args({2, 1, 0, 0});
BENCHMARK(BM_Learn<McsdCellSpec>)
    ->ArgNames({"areas", "chunk", "rmsprop", "traces"})
    ->Args({1, 1, 0, 0})
    ->Args({2, 1, 0, 0})
    ->Args({2, 1, 1, 0})
    ->Args({2, 16, 1, 0})
    ->Args({2, 16, 1, 1})
    ->Args({2, 1, 1, 1});
BENCHMARK(BM_Forward<GluCellSpec>)->Args({1, 1, 0, 0})->Args({2, 1, 0, 0});
BENCHMARK(BM_Learn<GluCellSpec>)
    ->ArgNames({"areas", "chunk", "rmsprop", "traces"})
    ->Args({1, 1, 0, 0})
    ->Args({2, 1, 0, 0})
    ->Args({2, 1, 1, 0})
    ->Args({2, 16, 1, 0});

}  // namespace
}  // namespace gyrus

int main(int argc, char** argv) {
  gyrus::kernels::Warmup();
  benchmark::AddCustomContext("isa", std::string(gyrus::kernels::ActiveIsa()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
