// SPDX-License-Identifier: Apache-2.0
// Rates of the kernels. Bytes per second count each float of the matrix once per read and once
// per write, nothing else; flops count a multiplication and an addition per weight and product.
//
//   kernels_bench                                   everything
//   kernels_bench --benchmark_filter=AgainstRead    MatVec as a part of the speed of reading
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/kernels/activations.h"
#include "core/kernels/dispatch.h"
#include "core/kernels/matrix.h"
#include "core/kernels/patches.h"
#include "core/kernels/rls.h"
#include "core/kernels/update.h"
#include "core/kernels/vector.h"
#include "core/rng.h"
#include "tests/bench/read_loop.h"

namespace gyrus::kernels {
namespace {

// Floats on a cache line boundary, small enough that no loop of updates overflows.
class Floats {
 public:
  explicit Floats(int64_t count, uint64_t seed = 1)
      : floats_(static_cast<std::size_t>(count) + 16), count_(static_cast<std::size_t>(count)) {
    const std::size_t misaligned = reinterpret_cast<uintptr_t>(floats_.data()) % 64;
    offset_ = misaligned == 0 ? 0 : (64 - misaligned) / sizeof(float);
    Rng rng(seed);
    for (float& value : span()) value = rng.Uniform() - 0.5F;
  }

  std::span<float> span() { return std::span(floats_).subspan(offset_, count_); }

 private:
  std::vector<float> floats_;
  std::size_t count_;
  std::size_t offset_ = 0;
};

void SetRates(benchmark::State& state, int64_t matrix_floats, int64_t passes, int64_t flops) {
  using benchmark::Counter;
  const double floats = static_cast<double>(matrix_floats);
  state.counters["B/s"] = Counter(floats * 4.0 * static_cast<double>(passes),
                                  Counter::kIsIterationInvariantRate, Counter::kIs1000);
  state.counters["flop/s"] = Counter(floats * static_cast<double>(flops),
                                     Counter::kIsIterationInvariantRate, Counter::kIs1000);
}

double SecondsOf(const auto& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// MatVec against the fastest plain read loop over the same matrix, in turns within one run.
void BM_MatVecAgainstRead(benchmark::State& state) {
  const int64_t columns = state.range(0);
  const int64_t rows = (state.range(1) << 18) / columns / 1024 * 1024;
  Floats w(rows * columns);
  Floats x(columns);
  Floats y(rows);
  double best_read = 1e9;
  double best_matvec = 1e9;
  for (auto _ : state) {
    for (const auto sum : {bench::SumBy4, bench::SumBy8, bench::SumBy16}) {
      best_read = std::min(best_read, SecondsOf([&] { benchmark::DoNotOptimize(sum(w.span())); }));
    }
    const double seconds = SecondsOf([&] { MatVec(w.span(), x.span(), y.span()); });
    best_matvec = std::min(best_matvec, seconds);
    state.SetIterationTime(seconds);
  }
  const double bytes = static_cast<double>(rows * columns) * 4.0;
  state.counters["read_B/s"] = bytes / best_read;
  state.counters["matvec_B/s"] = bytes / best_matvec;
  state.counters["ratio"] = best_read / best_matvec;
}
BENCHMARK(BM_MatVecAgainstRead)
    ->ArgNames({"columns", "MiB"})
    ->Args({400, 64})
    ->Args({1024, 64})
    ->Args({784, 1024})
    ->Args({1000, 1024})
    ->Args({4096, 1024})
    ->Args({16384, 1024})
    ->UseManualTime()
    ->Iterations(10)
    ->Unit(benchmark::kMillisecond);

// The shapes that matter: square ones of a region's features, and 784-400-400-10.
void Shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "columns"});
  for (const int64_t n : {64, 256, 400, 512, 900}) benchmark->Args({n, n});
  benchmark->Args({400, 784})->Args({10, 400});
}

void BM_MatVec(benchmark::State& state) {
  const int64_t m = state.range(0);
  const int64_t n = state.range(1);
  Floats w(m * n), x(n), y(m);
  for (auto _ : state) {
    MatVec(w.span(), x.span(), y.span());
    benchmark::ClobberMemory();
  }
  SetRates(state, m * n, 1, 2);
}
BENCHMARK(BM_MatVec)->Apply(Shapes);

void BM_TransposedMatVecAdd(benchmark::State& state) {
  const int64_t m = state.range(0);
  const int64_t n = state.range(1);
  Floats w(m * n), dy(m), dx(n);
  for (auto _ : state) {
    TransposedMatVecAdd(w.span(), dy.span(), dx.span());
    benchmark::ClobberMemory();
  }
  SetRates(state, m * n, 1, 2);
}
BENCHMARK(BM_TransposedMatVecAdd)->Apply(Shapes);

void BM_Rank1Add(benchmark::State& state) {
  const int64_t m = state.range(0);
  const int64_t n = state.range(1);
  Floats w(m * n), u(m), v(n);
  for (auto _ : state) {
    Rank1Add(1e-6F, u.span(), v.span(), w.span());
    benchmark::ClobberMemory();
  }
  SetRates(state, m * n, 2, 2);
}
BENCHMARK(BM_Rank1Add)->Apply(Shapes);

void BM_SgdOuter(benchmark::State& state) {
  const int64_t m = state.range(0);
  const int64_t n = state.range(1);
  Floats w(m * n), dy(m), x(n), dx(n);
  for (auto _ : state) {
    SgdOuter(1e-6F, dy.span(), x.span(), w.span(), dx.span());
    benchmark::ClobberMemory();
  }
  SetRates(state, m * n, 2, 4);
}
BENCHMARK(BM_SgdOuter)->Apply(Shapes);

void BM_RmspropOuter(benchmark::State& state) {
  const int64_t m = state.range(0);
  const int64_t n = state.range(1);
  Floats w(m * n), dy(m), x(n), dx(n);
  std::vector<float> mean_square(static_cast<std::size_t>(m), 1.0F);
  for (auto _ : state) {
    RmspropOuter({.rate = 1e-6F}, dy.span(), x.span(), w.span(), mean_square, dx.span());
    benchmark::ClobberMemory();
  }
  SetRates(state, m * n, 2, 4);
}
BENCHMARK(BM_RmspropOuter)->Apply(Shapes);

void Features(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("features");
  for (const int64_t n : {64, 256, 400, 512, 900}) benchmark->Arg(n);
}

void BM_RlsGain(benchmark::State& state) {
  const int64_t n = state.range(0);
  const auto size = static_cast<int64_t>(TriangleFloats(static_cast<std::size_t>(n)));
  Floats p(size), phi(n), k(n);
  for (auto _ : state) benchmark::DoNotOptimize(RlsGain(p.span(), phi.span(), k.span()));
  SetRates(state, size, 1, 4);
}
BENCHMARK(BM_RlsGain)->Apply(Features);

void BM_RlsDowndate(benchmark::State& state) {
  const int64_t n = state.range(0);
  const auto size = static_cast<int64_t>(TriangleFloats(static_cast<std::size_t>(n)));
  Floats p(size), k(n);
  for (auto _ : state) {
    RlsDowndate(1e-6F, k.span(), p.span());
    benchmark::ClobberMemory();
  }
  SetRates(state, size, 2, 2);
}
BENCHMARK(BM_RlsDowndate)->Apply(Features);

void BM_SymmetricRank1Add(benchmark::State& state) {
  const int64_t n = state.range(0);
  Floats packed(n * (n + 1) / 2), phi(n);
  for (auto _ : state) {
    SymmetricRank1Add(1e-6F, phi.span(), packed.span());
    benchmark::ClobberMemory();
  }
  SetRates(state, n * (n + 1) / 2, 2, 2);
}
BENCHMARK(BM_SymmetricRank1Add)->Apply(Features);

// Forward, backward and update of 784-400-400-10, batch 1.
void BM_DenseStep(benchmark::State& state) {
  Floats w1(400 * 784), w2(400 * 400), w3(10 * 400);
  Floats x(784), h1(400), h2(400), y(10), dy(10), dh2(400), dh1(400);
  for (auto _ : state) {
    MatVec(w1.span(), x.span(), h1.span());
    MatVec(w2.span(), h1.span(), h2.span());
    MatVec(w3.span(), h2.span(), y.span());
    SgdOuter(1e-7F, dy.span(), h2.span(), w3.span(), dh2.span());
    SgdOuter(1e-7F, dh2.span(), h1.span(), w2.span(), dh1.span());
    SgdOuter(1e-7F, dh1.span(), x.span(), w1.span(), {});
    benchmark::ClobberMemory();
  }
  const int64_t weights = 400 * 784 + 400 * 400 + 10 * 400;
  SetRates(state, weights, 3, 6);
}
BENCHMARK(BM_DenseStep);

template <void (*function)(std::span<const float>, std::span<float>) noexcept>
void BM_Elementwise(benchmark::State& state) {
  Floats x(state.range(0)), y(state.range(0));
  for (auto _ : state) {
    function(x.span(), y.span());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Elementwise<Relu>)->Arg(400);
BENCHMARK(BM_Elementwise<Exp>)->Arg(400);
BENCHMARK(BM_Elementwise<Sigmoid>)->Arg(400);
BENCHMARK(BM_Elementwise<Tanh>)->Arg(400);
BENCHMARK(BM_Elementwise<Silu>)->Arg(400);
BENCHMARK(BM_Elementwise<SiluGrad>)->Arg(400);
BENCHMARK(BM_Elementwise<Softmax>)->Arg(400);

void BM_GatherAdd(benchmark::State& state) {
  const int64_t width = state.range(0);
  Floats table(4096 * width), y(width);
  std::vector<const float*> rows;
  Rng rng(7);
  for (int i = 0; i < 32; ++i) rows.push_back(&table.span()[rng.Below(4096) * width]);
  for (auto _ : state) {
    GatherAdd(rows, y.span());
    benchmark::ClobberMemory();
  }
  SetRates(state, 32 * width, 1, 1);
}
BENCHMARK(BM_GatherAdd)->Arg(64)->Arg(400);

// Both banks of an image encoder over 28 x 28 pixels, some of them blank. flop/s as if none was.
void BM_PoolPatches(benchmark::State& state) {
  const auto size = static_cast<std::size_t>(state.range(0));
  const PatchBank bank = {.rows = 28,
                          .columns = 28,
                          .patch_size = size,
                          .patches = static_cast<std::size_t>(state.range(1)),
                          .grid = static_cast<std::size_t>(state.range(2)),
                          .threshold = 0.15F,
                          .epsilon = 0.003F};
  Floats taps(static_cast<int64_t>(size * size * PatchStride(bank.patches)));
  Floats scratch(static_cast<int64_t>(PatchScratch(28, 28)));
  Floats pooled(static_cast<int64_t>(bank.grid * bank.grid * bank.patches));
  std::vector<uint8_t> pixels(28 * 28);
  Rng rng(1);
  const auto blank = static_cast<std::size_t>(state.range(3));  // Columns.
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = i % 28 < blank ? 0 : static_cast<uint8_t>(rng.Below(256));
  }
  for (auto _ : state) {
    PoolPatches(bank, taps.span(), pixels, scratch.span(), pooled.span());
    benchmark::ClobberMemory();
  }
  const std::size_t side = 28 - size + 1;
  SetRates(state, static_cast<int64_t>(side * side * size * size * bank.patches), 0, 2);
}
BENCHMARK(BM_PoolPatches)
    ->ArgNames({"size", "patches", "grid", "blank"})
    ->Args({5, 32, 4, 0})
    ->Args({7, 64, 3, 0})
    ->Args({5, 32, 4, 10})
    ->Args({7, 64, 3, 10});

}  // namespace
}  // namespace gyrus::kernels

int main(int argc, char** argv) {
  gyrus::kernels::Warmup();
  benchmark::AddCustomContext("isa", std::string(gyrus::kernels::ActiveIsa()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
