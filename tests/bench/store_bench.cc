// SPDX-License-Identifier: Apache-2.0
// What versions cost: reading rows at random through a view against a flat array, commits that
// are published one by one beside a reader, and a pin.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/page_memory.h"
#include "core/rng.h"
#include "core/store.h"

namespace gyrus {
namespace {

constexpr std::size_t kRowBytes = 64;
constexpr int kRowsPerBatch = 1024;
constexpr int kAhead = 16;  // Rows between the prefetch and the read.

std::unique_ptr<Store> MakeStore(uint32_t blocks, uint32_t spares, uint32_t bytes) {
  const auto layout =
      BlockLayout::Create({{.name = "row", .type = ElementType::kU8, .columns = bytes}});
  GYRUS_CHECK(layout.ok());
  const TableSpec spec = {.name = "rows", .layout = *layout, .blocks = blocks, .spares = spares};
  auto store = Store::Create(std::span(&spec, 1), {});
  GYRUS_CHECK(store.ok());
  for (uint32_t i = 0; i < blocks; ++i) (*store)->Initial({0, i})[0] = std::byte{1};
  return *std::move(store);
}

// Rows to read: a fresh random draw per batch, so that no cache learns them.
class RandomRows {
 public:
  explicit RandomRows(uint32_t rows) : rng_(7), rows_(rows), batch_(kRowsPerBatch + kAhead) {}

  const std::vector<uint32_t>& Next() {
    for (uint32_t& row : batch_) row = static_cast<uint32_t>(rng_.Below(rows_));
    return batch_;
  }

 private:
  Rng rng_;
  uint32_t rows_;
  std::vector<uint32_t> batch_;
};

// A flat array, with what TableView has.
struct FlatRows {
  const std::byte* data;

  const std::byte* Read(uint32_t row) const { return data + row * kRowBytes; }
  [[gnu::always_inline]] void Prefetch(uint32_t row) const {
    __builtin_prefetch(data + row * kRowBytes);
  }
};

// Reads a batch; asks for what comes kAhead rows later if `ahead`.
template <typename Rows>
uint64_t SumRows(const std::vector<uint32_t>& batch, const Rows& rows, bool ahead) {
  uint64_t sum = 0;
  for (int i = 0; i < kRowsPerBatch; ++i) {
    if (ahead) rows.Prefetch(batch[i + kAhead]);
    uint64_t words[kRowBytes / 8];
    std::memcpy(words, rows.Read(batch[i]), kRowBytes);
    for (const uint64_t word : words) sum += word;
  }
  return sum;
}

template <typename Rows>
void ReadRandomRows(benchmark::State& state, const Rows& rows) {
  RandomRows random(static_cast<uint32_t>(state.range(0)));
  const bool ahead = state.range(1) != 0;
  for (auto _ : state) benchmark::DoNotOptimize(SumRows(random.Next(), rows, ahead));
  state.SetItemsProcessed(state.iterations() * kRowsPerBatch);
}

void BM_ReadFlat(benchmark::State& state) {
  const auto bytes = static_cast<std::size_t>(state.range(0)) * kRowBytes;
  const auto memory = PageMemory::Allocate(bytes);
  GYRUS_CHECK(memory.ok());
  std::memset(memory->data(), 1, bytes);
  ReadRandomRows(state, FlatRows{memory->data()});
}

void BM_ReadView(benchmark::State& state) {
  const auto store = MakeStore(static_cast<uint32_t>(state.range(0)), 0, kRowBytes);
  auto reader = store->OpenReader();
  GYRUS_CHECK(reader.ok());
  ReadRandomRows(state, reader->Pin().table(0));
}

void Sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "prefetch"});
  for (const int bits : {16, 20, 22}) {
    for (const int prefetch : {0, 1}) benchmark->Args({int64_t{1} << bits, prefetch});
  }
}
BENCHMARK(BM_ReadFlat)->Apply(Sizes);
BENCHMARK(BM_ReadView)->Apply(Sizes);

// Commits of 40 blocks of 128 bytes, each published, beside a reader that reads 40 blocks a step.
void BM_CommitAndPublish(benchmark::State& state) {
  constexpr uint32_t kBlocks = 1U << 16;
  constexpr uint32_t kPerCommit = 40;
  const auto store = MakeStore(kBlocks, 64 * kPerCommit, 128);
  std::atomic<bool> done = false;
  std::atomic<int64_t> steps = 0;
  auto opened = store->OpenReader();
  GYRUS_CHECK(opened.ok());
  std::thread reading([&, reader = *std::move(opened)]() mutable {
    Rng rng(3);
    while (!done.load(std::memory_order_relaxed)) {
      const TableView view = reader.Pin().table(0);
      for (uint32_t n = 0; n < kPerCommit; ++n) {
        benchmark::DoNotOptimize(*view.Read(static_cast<uint32_t>(rng.Below(kBlocks))));
      }
      reader.Unpin();
      steps.fetch_add(1, std::memory_order_relaxed);
    }
  });
  Rng rng(5);
  const uint32_t needs[] = {kPerCommit};
  int64_t waits = 0;
  for (auto _ : state) {
    std::optional<Commit> commit = Commit::TryBegin(store.get(), needs);
    if (!commit.has_value()) {
      ++waits;
      std::this_thread::yield();
      continue;
    }
    for (uint32_t n = 0; n < kPerCommit; ++n) {
      commit->As<uint32_t>({0, static_cast<uint32_t>(rng.Below(kBlocks))})[n % 32] += 1;
    }
    commit.reset();
    store->Publish();
  }
  done = true;
  reading.join();
  state.SetItemsProcessed(state.iterations() - waits);
  state.counters["reads"] =
      benchmark::Counter(static_cast<double>(steps.load()), benchmark::Counter::kIsRate);
  state.counters["waits"] = static_cast<double>(waits);
}
BENCHMARK(BM_CommitAndPublish)->UseRealTime();

void BM_PinAndUnpin(benchmark::State& state) {
  const auto store = MakeStore(1, 0, 64);
  auto reader = store->OpenReader();
  GYRUS_CHECK(reader.ok());
  for (auto _ : state) {
    benchmark::DoNotOptimize(reader->Pin());
    reader->Unpin();
  }
}
BENCHMARK(BM_PinAndUnpin);

}  // namespace
}  // namespace gyrus
