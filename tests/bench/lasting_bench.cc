// SPDX-License-Identifier: Apache-2.0
// What protects knowledge, what each protection buys and what it costs. Everything is learned in
// one pass, one sample at a time, without task labels; answers choose among all classes.
//
//   lasting_bench split [mnist|fashion-mnist|both] [SEEDS=3] [ROW]    classes two by two, in order
//   lasting_bench twenty [SEEDS=3]                     MNIST, then Fashion-MNIST, in one brain
//   lasting_bench permuted [TASKS=100] [SAMPLES=10000] [ROW]   new orders of pixels, for ever
//   lasting_bench text [ROWS_LOG2=18] [HISTORY_LOG2=20]   a book, other texts, its other half;
//                                                         rows of memory per context, symbols
//                                                         kept to match
//   data under $GYRUS_DATA (default ../shared/data); ROW: only rows whose name contains it
#include <time.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "activation/plan.h"
#include "core/clock.h"
#include "core/kernels/dispatch.h"
#include "core/rng.h"
#include "core/status_macros.h"
#include "core/store.h"
#include "core/workspace.h"
#include "learner/learner.h"
#include "runtime/presets.h"
#include "tests/bench/lasting_rows.h"

namespace gyrus {
namespace {

constexpr std::size_t kPixels = std::size_t{28} * 28;

std::string DataFolder() {
  const char* const data = std::getenv("GYRUS_DATA");
  return data == nullptr ? "../shared/data" : data;
}

absl::StatusOr<std::vector<uint8_t>> ReadBytes(const std::string& path, std::size_t header) {
  std::ifstream file(path, std::ios::binary);
  std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(file)),
                             std::istreambuf_iterator<char>());
  if (bytes.size() <= header) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return bytes;
}

struct Images {
  std::vector<uint8_t> pixels;
  std::vector<uint8_t> labels;

  std::size_t size() const { return labels.size(); }
  std::span<const uint8_t> image(std::size_t i) const {
    return std::span(pixels).subspan(i * kPixels, kPixels);
  }
};

absl::StatusOr<Images> LoadImages(const std::string& name, const std::string& part) {
  const std::string base = absl::StrCat(DataFolder(), "/", name, "/", part);
  Images images;
  GYRUS_ASSIGN_OR_RETURN(images.pixels, ReadBytes(base + "-images-idx3-ubyte", 16));
  GYRUS_ASSIGN_OR_RETURN(images.labels, ReadBytes(base + "-labels-idx1-ubyte", 8));
  return images;
}

double ThreadMicros() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e6 * static_cast<double>(now.tv_sec) + 1e-3 * static_cast<double>(now.tv_nsec);
}

// A brain that learns as it goes, on this thread.
class Pupil {
 public:
  static absl::StatusOr<std::unique_ptr<Pupil>> Create(const BrainSpec& spec) {
    std::unique_ptr<Pupil> pupil(new Pupil);
    GYRUS_ASSIGN_OR_RETURN(pupil->plan_, Plan::Create(spec));
    GYRUS_ASSIGN_OR_RETURN(pupil->store_, pupil->plan_->MakeStore({}, 1));
    GYRUS_ASSIGN_OR_RETURN(pupil->learner_,
                           Learner::Create(pupil->plan_.get(), pupil->store_.get()));
    return pupil;
  }

  // Learns a sample and returns the loss of what it said before.
  double Learn(const Value& value, uint32_t label) {
    const double start = ThreadMicros();
    learner_->Close(++step_);
    Event& event = learner_->Push(step_, {.values = {&value, 1}});
    std::copy(learner_->state().begin(), learner_->state().end(), event.state.begin());
    const StepContext* const context = learner_->RunAhead();
    plan_->heads()[0]->Predict(*context, {.kind = Want::Kind::kBest}, &prediction_);
    GYRUS_CHECK(learner_->Label(step_, {.symbol = label}).ok());
    GYRUS_CHECK(learner_->RunFor(Nanos::max(), clock_).ok());
    us_ += ThreadMicros() - start;
    return learner_->last().loss;
  }

  // Whether the last answer was right, of the sample that was then learned.
  uint32_t best() const { return prediction_.best; }
  double us_per_sample() const { return us_ / static_cast<double>(step_); }

  // Of all blocks as they lie in the store, without spares, and of the learner.
  double mebibytes() const {
    uint64_t bytes = Learner::BytesFor(*plan_);
    for (const PlanBuilder::Table& table : plan_->tables()) {
      bytes += uint64_t{table.spec.blocks} * table.spec.layout.block_bytes();
    }
    return static_cast<double>(bytes) / (1 << 20);
  }

  // The share of the images of these classes, plus `offset`, that it tells, in percent.
  double Test(const Images& images, uint32_t from, uint32_t to, uint32_t offset) const {
    Workspace memory(plan_->activity_bytes(Plan::For::kInference));
    Activity activity = plan_->MakeActivity(Plan::For::kInference, &memory);
    std::vector<std::byte> state(plan_->state_bytes());
    const StepContext context{store_->Draft(), &activity, state.data()};
    int right = 0;
    int all = 0;
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (images.labels[i] < from || images.labels[i] >= to) continue;
      const Value value{.present = true, .pixels = images.image(i)};
      Prediction prediction;
      plan_->Forward(context, {.values = {&value, 1}});
      plan_->heads()[0]->Predict(context, {.kind = Want::Kind::kBest}, &prediction);
      right += prediction.best == images.labels[i] + offset ? 1 : 0;
      ++all;
    }
    return 100.0 * right / std::max(all, 1);
  }

 private:
  Pupil() = default;

  std::unique_ptr<const Plan> plan_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Learner> learner_;
  SystemClock clock_;
  Prediction prediction_;
  uint64_t step_ = 0;
  double us_ = 0.0;
};

// ---- Classes two by two.

struct SplitResult {
  double accuracy = 0.0;
  double forgetting = 0.0;  // Mean over tasks but the last: accuracy when learned less at the end.
  double us = 0.0;
  double mebibytes = 0.0;
};

absl::StatusOr<SplitResult> RunSplit(const BrainSpec& spec, const Images& train,
                                     const Images& test) {
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Pupil> pupil, Pupil::Create(spec));
  std::array<double, 5> learned = {};
  for (uint32_t task = 0; task < 5; ++task) {
    for (std::size_t i = 0; i < train.size(); ++i) {
      if (train.labels[i] / 2 != task) continue;
      pupil->Learn({.present = true, .pixels = train.image(i)}, train.labels[i]);
    }
    learned[task] = pupil->Test(test, 2 * task, 2 * task + 2, 0);
  }
  SplitResult result{.us = pupil->us_per_sample(), .mebibytes = pupil->mebibytes()};
  for (uint32_t task = 0; task < 4; ++task) {
    result.forgetting += (learned[task] - pupil->Test(test, 2 * task, 2 * task + 2, 0)) / 4;
  }
  result.accuracy = pupil->Test(test, 0, 10, 0);
  return result;
}

absl::Status Split(const std::string& dataset, uint64_t seeds, const std::string& only) {
  for (const char* const name : {"mnist", "fashion-mnist"}) {
    if (dataset != "both" && dataset != name) continue;
    GYRUS_ASSIGN_OR_RETURN(const Images train, LoadImages(name, "train"));
    GYRUS_ASSIGN_OR_RETURN(const Images test, LoadImages(name, "t10k"));
    std::printf("%s, classes two by two, one pass, %d seeds\n%-34s %9s %7s %10s %9s %7s\n", name,
                static_cast<int>(seeds), "", "accuracy", "spread", "forgetting", "us/sample",
                "MiB");
    for (const bench::Row& row : bench::SplitRows()) {
      if (row.name.find(only) == std::string::npos) continue;
      SplitResult mean;
      double least = 100.0;
      double most = 0.0;
      for (uint64_t seed = 1; seed <= seeds; ++seed) {
        BrainSpec spec = row.spec;
        spec.seed = seed;
        GYRUS_ASSIGN_OR_RETURN(const SplitResult result, RunSplit(spec, train, test));
        const double share = 1.0 / static_cast<double>(seeds);
        mean.accuracy += share * result.accuracy;
        mean.forgetting += share * result.forgetting;
        mean.us += share * result.us;
        mean.mebibytes = result.mebibytes;
        least = std::min(least, result.accuracy);
        most = std::max(most, result.accuracy);
      }
      std::printf("%-34s %8.2f%% %7.2f %9.2f%% %9.1f %7.1f\n", row.name.c_str(), mean.accuracy,
                  most - least, mean.forgetting, mean.us, mean.mebibytes);
      std::fflush(stdout);
    }
  }
  return absl::OkStatus();
}

// ---- Twenty classes.

absl::Status Twenty(uint64_t seeds) {
  GYRUS_ASSIGN_OR_RETURN(const Images digits, LoadImages("mnist", "train"));
  GYRUS_ASSIGN_OR_RETURN(const Images digits_test, LoadImages("mnist", "t10k"));
  GYRUS_ASSIGN_OR_RETURN(const Images clothes, LoadImages("fashion-mnist", "train"));
  GYRUS_ASSIGN_OR_RETURN(const Images clothes_test, LoadImages("fashion-mnist", "t10k"));
  std::printf("MNIST, then Fashion-MNIST: accuracy among 20 classes\n");
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    BrainSpec spec = bench::ImagesBrain(20);
    spec.seed = seed;
    GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Pupil> pupil, Pupil::Create(spec));
    for (std::size_t i = 0; i < digits.size(); ++i) {
      pupil->Learn({.present = true, .pixels = digits.image(i)}, digits.labels[i]);
    }
    const double before = pupil->Test(digits_test, 0, 10, 0);
    for (std::size_t i = 0; i < clothes.size(); ++i) {
      pupil->Learn({.present = true, .pixels = clothes.image(i)}, clothes.labels[i] + 10U);
    }
    const double after = pupil->Test(digits_test, 0, 10, 0);
    std::printf("seed %d  MNIST %.2f %%, after Fashion %.2f %% (%+.2f), Fashion %.2f %%\n",
                static_cast<int>(seed), before, after, after - before,
                pupil->Test(clothes_test, 0, 10, 10));
    std::fflush(stdout);
  }
  return absl::OkStatus();
}

// ---- Orders of pixels.

absl::Status Permuted(int tasks, int samples, const std::string& only) {
  GYRUS_ASSIGN_OR_RETURN(const Images train, LoadImages("mnist", "train"));
  std::printf(
      "permuted MNIST, %d tasks of %d samples: accuracy before learning each, %% of a task's\n",
      tasks, samples);
  for (const bench::Row& row : bench::PermutedRows()) {
    if (row.name.find(only) == std::string::npos) continue;
    GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Pupil> pupil, Pupil::Create(row.spec));
    std::vector<double> accuracy;
    Rng rng(11);
    std::vector<uint32_t> order(kPixels);
    std::vector<uint8_t> image(kPixels);
    for (int task = 0; task < tasks; ++task) {
      std::iota(order.begin(), order.end(), 0U);
      for (std::size_t i = kPixels; i-- > 1;) std::swap(order[i], order[rng.Below(i + 1)]);
      int right = 0;
      for (int s = 0; s < samples; ++s) {
        const std::size_t i = rng.Below(train.size());
        for (std::size_t p = 0; p < kPixels; ++p) image[p] = train.image(i)[order[p]];
        pupil->Learn({.present = true, .pixels = image}, train.labels[i]);
        right += pupil->best() == train.labels[i] ? 1 : 0;
      }
      accuracy.push_back(100.0 * right / samples);
    }
    const auto mean = [&](auto from, auto to) {
      return std::accumulate(from, to, 0.0) / static_cast<double>(to - from);
    };
    const auto ten = std::min<std::ptrdiff_t>(10, static_cast<std::ptrdiff_t>(accuracy.size()));
    const double first = mean(accuracy.begin(), accuracy.begin() + ten);
    const double last = mean(accuracy.end() - ten, accuracy.end());
    std::printf("%-34s first ten %.2f, last ten %.2f (%+.2f), all %.2f; %.1f us/sample\n",
                row.name.c_str(), first, last, last - first, mean(accuracy.begin(), accuracy.end()),
                pupil->us_per_sample());
    std::fflush(stdout);
  }
  return absl::OkStatus();
}

// ---- Texts.

// Bits per byte of reading a text and learning it.
double Read(Pupil* pupil, std::span<const uint8_t> text, uint8_t* last) {
  double nats = 0.0;
  for (const uint8_t byte : text) {
    nats += pupil->Learn({.present = true, .symbol = *last}, byte);
    *last = byte;
  }
  return nats / std::log(2.0) / static_cast<double>(text.size());
}

absl::Status Text(uint32_t rows_log2, uint32_t history_log2) {
  GYRUS_ASSIGN_OR_RETURN(BrainSpec spec, Preset("text"));
  spec.target_next = 0;
  spec.target_modality.clear();
  auto& mixing = std::get<MixingHeadSpec>(spec.heads[0].kind);
  std::get<MemoryExpertSpec>(mixing.experts[0].kind).rows_log2 = rows_log2;
  std::get<MatchExpertSpec>(mixing.experts[1].kind).history_log2 = history_log2;
  const std::string folder = DataFolder() + "/text/";
  GYRUS_ASSIGN_OR_RETURN(const std::vector<uint8_t> book, ReadBytes(folder + "calgary/book1", 0));
  const std::span<const uint8_t> first = std::span(book).first(book.size() / 2);
  const std::span<const uint8_t> second = std::span(book).subspan(book.size() / 2);
  double bits[2];
  for (const bool shift : {false, true}) {
    GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Pupil> pupil, Pupil::Create(spec));
    uint8_t last = 0;
    Read(pupil.get(), first, &last);
    for (const char* const name : {"calgary/progc", "calgary/paper1", "bible.txt"}) {
      if (!shift) continue;
      GYRUS_ASSIGN_OR_RETURN(const std::vector<uint8_t> other, ReadBytes(folder + name, 0));
      Read(pupil.get(), other, &last);
    }
    bits[shift ? 1 : 0] = Read(pupil.get(), second, &last);
  }
  std::printf(
      "second half of book1: %.4f bits/byte after the first half, %.4f after progc, paper1 "
      "and bible as well (%+.2f %%)\n",
      bits[0], bits[1], 100.0 * (bits[1] / bits[0] - 1.0));
  return absl::OkStatus();
}

absl::Status Run(int argc, char** argv) {
  const auto text = [&](int i, const char* fallback) { return argc > i ? argv[i] : fallback; };
  const auto number = [&](int i, int fallback) { return argc > i ? std::atoi(argv[i]) : fallback; };
  const std::string mode = text(1, "split");
  if (mode == "split") {
    return Split(text(2, "both"), static_cast<uint64_t>(number(3, 3)), text(4, ""));
  }
  if (mode == "twenty") return Twenty(static_cast<uint64_t>(number(2, 3)));
  if (mode == "permuted") return Permuted(number(2, 100), number(3, 10000), text(4, ""));
  if (mode == "text") {
    return Text(static_cast<uint32_t>(number(2, 18)), static_cast<uint32_t>(number(3, 20)));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("expected split, twenty, permuted or text, got \"", mode, "\""));
}

}  // namespace
}  // namespace gyrus

int main(int argc, char** argv) {
  gyrus::kernels::Warmup();
  const absl::Status status = gyrus::Run(argc, argv);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
