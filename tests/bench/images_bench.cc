// SPDX-License-Identifier: Apache-2.0
// Split-MNIST and Split-Fashion-MNIST: classes two by two (0 1, 2 3, ...), one pass, each image
// learned once as it comes, no stored samples, no task label; patches and anchors come from the
// first task. Then a frozen test on all classes.
//
//   images_bench [DATASET=mnist|fashion-mnist|both] [SEEDS=3] [LIMIT=60000]
//   data under $GYRUS_DATA (default ../shared/data)
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "activation/brain_spec.h"
#include "activation/plan.h"
#include "core/clock.h"
#include "core/kernels/dispatch.h"
#include "core/status_macros.h"
#include "core/store.h"
#include "core/workspace.h"
#include "learner/learner.h"

namespace gyrus {
namespace {

constexpr uint32_t kSide = 28;
constexpr std::size_t kPixels = std::size_t{kSide} * kSide;
constexpr uint32_t kClasses = 10;

struct Images {
  std::vector<uint8_t> pixels;
  std::vector<uint8_t> labels;

  std::size_t size() const { return labels.size(); }
  std::span<const uint8_t> image(std::size_t i) const {
    return std::span(pixels).subspan(i * kPixels, kPixels);
  }
};

// The bytes of an IDX file behind its header.
absl::StatusOr<std::vector<uint8_t>> ReadIdx(const std::string& path, std::size_t header) {
  std::ifstream file(path, std::ios::binary);
  std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(file)),
                             std::istreambuf_iterator<char>());
  if (bytes.size() <= header) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(header));
  return bytes;
}

absl::StatusOr<Images> Load(const std::string& folder, const std::string& part) {
  Images images;
  GYRUS_ASSIGN_OR_RETURN(images.pixels,
                         ReadIdx(absl::StrCat(folder, "/", part, "-images-idx3-ubyte"), 16));
  GYRUS_ASSIGN_OR_RETURN(images.labels,
                         ReadIdx(absl::StrCat(folder, "/", part, "-labels-idx1-ubyte"), 8));
  if (images.pixels.size() != images.labels.size() * kPixels) {
    return absl::DataLossError(absl::StrCat(folder, ": images and labels differ in number"));
  }
  return images;
}

// The preset for images: pooled patches seen by 64 regions, 255 of them and a constant each.
BrainSpec ImagesBrain(uint64_t seed) {
  BrainSpec brain;
  brain.name = "images";
  brain.seed = seed;
  brain.modalities = {
      {.name = "eye", .kind = ModalityKind::kImage, .rows = kSide, .columns = kSide}};
  brain.encoders = {{.name = "patches", .modality = "eye", .kind = ImageEncoderSpec{}},
                    {.name = "coarse", .modality = "eye", .kind = ImageEncoderSpec{.banks = {}}}};
  AreaSpec area;
  area.name = "vision";
  area.inputs = {"patches"};
  area.route_by = "coarse";
  area.outputs = 256;
  area.regions = 64;
  area.woken = 8;
  area.router = AnchorRouterSpec{
      .threshold = 0.5F, .rising = true, .temperature = 0.03F, .settle_after = 1000};
  area.cell = SubsetCellSpec{.constant = true};
  brain.areas = {area};
  brain.heads = {{.name = "class",
                  .classes = kClasses,
                  .kind = RidgeHeadSpec{.area = "vision", .lambda = 0.5F, .weigh_by_gate = true}}};
  return brain;
}

// Times of one kind, in microseconds.
class Times {
 public:
  void Run(const auto& what) {
    const auto start = std::chrono::steady_clock::now();
    what();
    const std::chrono::duration<float, std::micro> took = std::chrono::steady_clock::now() - start;
    us_.push_back(took.count());
  }
  float Quantile(double q) {
    if (us_.empty()) return 0.0F;
    const auto at =
        us_.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(us_.size() - 1));
    std::nth_element(us_.begin(), at, us_.end());
    return *at;
  }

 private:
  std::vector<float> us_;
};

struct Outcome {
  double accuracy = 0.0;
  std::array<double, kClasses / 2> tasks = {};  // Accuracy on each task's test images.
  Times encoder, step, learn;
};

// The training images, task by task, as they stand in the file.
std::vector<std::size_t> ClassOrder(const Images& images, std::size_t limit) {
  std::vector<std::size_t> order;
  for (uint32_t task = 0; task < kClasses / 2; ++task) {
    for (std::size_t i = 0; i < std::min(limit, images.size()); ++i) {
      if (images.labels[i] / 2 == task) order.push_back(i);
    }
  }
  return order;
}

absl::Status LearnAll(const Images& images, std::size_t limit, Learner* learner, Outcome* outcome) {
  const SystemClock clock;
  absl::Status status;
  uint64_t id = 0;
  for (const std::size_t i : ClassOrder(images, limit)) {
    const Value value{.present = true, .pixels = images.image(i)};
    learner->Close(++id);
    learner->Push(id, {.values = {&value, 1}});
    learner->RunAhead();
    outcome->learn.Run([&] {
      status = learner->Label(id, {.symbol = images.labels[i]});
      if (status.ok()) status = learner->RunFor(Nanos::max(), clock).status();
    });
    GYRUS_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

void Test(const Images& images, const Plan& plan, Store* store, Outcome* outcome) {
  Workspace memory(plan.activity_bytes(Plan::For::kInference));
  Activity activity = plan.MakeActivity(Plan::For::kInference, &memory);
  std::vector<std::byte> state(plan.state_bytes());
  const StepContext context{.view = store->Draft(), .activity = &activity, .state = state.data()};
  std::array<int, kClasses / 2> right = {};
  std::array<int, kClasses / 2> all = {};
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Value value{.present = true, .pixels = images.image(i)};
    Prediction prediction;
    outcome->step.Run([&] {
      plan.Forward(context, {.values = {&value, 1}});
      plan.heads()[0]->Predict(context, {.kind = Want::Kind::kBest}, &prediction);
    });
    outcome->encoder.Run([&] {
      for (std::size_t e = 0; e < plan.encoders().size(); ++e) {
        plan.encoders()[e]->Encode(context, value, &activity.encodings[e]);
      }
    });
    const std::size_t task = images.labels[i] / 2;
    right[task] += prediction.best == images.labels[i] ? 1 : 0;
    ++all[task];
  }
  int sum = 0;
  for (std::size_t t = 0; t < right.size(); ++t) {
    outcome->tasks[t] = 100.0 * right[t] / all[t];
    sum += right[t];
  }
  outcome->accuracy = 100.0 * sum / static_cast<double>(images.size());
}

// Anchors and readouts: what a step reads of them, and all; beside them the encoder's patches.
void PrintParameters(const Plan& plan) {
  const AreaPlan& area = plan.areas()[0];
  const double anchors = static_cast<double>(area.spec.regions) * area.routes;
  const double region = static_cast<double>(area.spec.outputs) * kClasses;
  const double woken = area.spec.woken * region + anchors;
  const double all = area.spec.regions * region + anchors;
  double encoder = 0.0;
  for (const PlanBuilder::Table& table : plan.tables()) {
    if (table.spec.name.find(".patches") == std::string::npos) continue;
    encoder += static_cast<double>(table.spec.layout.tensor_bytes(0)) / sizeof(float);
  }
  std::printf(
      "parameters woken %.0f of %.0f (1/%.1f), all anchors counted as woken; encoder %.0f\n", woken,
      all, all / woken, encoder);
}

double Majority(const Images& train, const Images& test) {
  std::array<std::size_t, kClasses> counts = {};
  for (const uint8_t label : train.labels) ++counts[label];
  const auto best = std::max_element(counts.begin(), counts.end()) - counts.begin();
  return 100.0 * static_cast<double>(std::count(test.labels.begin(), test.labels.end(), best)) /
         static_cast<double>(test.size());
}

absl::Status RunDataset(const std::string& name, uint64_t seeds, std::size_t limit) {
  const char* const data = std::getenv("GYRUS_DATA");
  const std::string folder = absl::StrCat(data == nullptr ? "../shared/data" : data, "/", name);
  GYRUS_ASSIGN_OR_RETURN(const Images train, Load(folder, "train"));
  GYRUS_ASSIGN_OR_RETURN(const Images test, Load(folder, "t10k"));
  std::printf("%s in class order, one pass; majority class %.2f %%\n", name.c_str(),
              Majority(train, test));
  for (uint64_t seed = 1; seed <= seeds; ++seed) {
    GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<const Plan> plan, Plan::Create(ImagesBrain(seed)));
    GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Store> store, plan->MakeStore({}, 1));
    GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<Learner> learner,
                           Learner::Create(plan.get(), store.get()));
    if (seed == 1) PrintParameters(*plan);
    Outcome outcome;
    GYRUS_RETURN_IF_ERROR(LearnAll(train, limit, learner.get(), &outcome));
    Test(test, *plan, store.get(), &outcome);
    std::printf("seed %d  accuracy %.2f %%  by task", static_cast<int>(seed), outcome.accuracy);
    for (const double task : outcome.tasks) std::printf(" %.2f", task);
    std::printf("  us p50: encoder %.0f, step %.0f, learning %.0f (p99 %.0f, most %.0f)\n",
                outcome.encoder.Quantile(0.5), outcome.step.Quantile(0.5),
                outcome.learn.Quantile(0.5), outcome.learn.Quantile(0.99),
                outcome.learn.Quantile(1.0));
    std::fflush(stdout);
  }
  return absl::OkStatus();
}

absl::Status Run(int argc, char** argv) {
  const std::string dataset = argc > 1 ? argv[1] : "both";
  const auto seeds = static_cast<uint64_t>(argc > 2 ? std::atoi(argv[2]) : 3);
  const auto limit = static_cast<std::size_t>(argc > 3 ? std::atoi(argv[3]) : 60000);
  for (const char* const name : {"mnist", "fashion-mnist"}) {
    if (dataset == "both" || dataset == name) {
      GYRUS_RETURN_IF_ERROR(RunDataset(name, seeds, limit));
    }
  }
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
