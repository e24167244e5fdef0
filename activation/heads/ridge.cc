// SPDX-License-Identifier: Apache-2.0
// A + lambda I has no eigenvalue below lambda, and so no pivot of its factorisation is below
// lambda: a smaller one is rounding, and is put back there. Single precision then suffices.
#include "activation/heads/ridge.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "activation/heads/class_answer.h"
#include "core/kernels/matrix.h"
#include "core/kernels/rls.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kMaxFeatures = 1024;
constexpr float kLeastScore = 0.001F;
constexpr float kLeastWeight = 0.25F;  // Of a sample.
constexpr float kForgetBelow = 1.0F;   // Mean of the diagonal of P.
constexpr uint32_t kLongestProof = 1000000;
constexpr float kLargest = 1e30F;  // Of a term of trust: that many of them stay finite.

std::size_t Packed(std::size_t features) { return features * (features + 1) / 2; }

absl::Status CheckSpec(const HeadSpec& head, const RidgeHeadSpec& spec) {
  if ((head.classes > 0) == (head.outputs > 0)) {
    return absl::InvalidArgumentError(absl::StrCat("a ridge head needs either classes or outputs, ",
                                                   "got ", head.classes, " and ", head.outputs));
  }
  if (head.classes == 1 || head.classes > 256 || head.outputs > 65536) {
    return absl::InvalidArgumentError(
        absl::StrCat("classes must be in [2, 256] or outputs in [1, 65536], got ", head.classes,
                     " and ", head.outputs));
  }
  if (!(spec.lambda > 0.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("lambda must be above 0, got ", spec.lambda));
  }
  if (!(spec.forget > 0.0F && spec.forget <= 1.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("forget must be in (0, 1], got ", spec.forget));
  }
  if (spec.form == RidgeForm::kInformation && spec.forget != 1.0F) {
    return absl::InvalidArgumentError(
        absl::StrCat("the information form needs forget = 1, got ", spec.forget));
  }
  if (spec.prove_over > kLongestProof) {
    return absl::InvalidArgumentError(
        absl::StrCat("prove_over must be at most ", kLongestProof, ", got ", spec.prove_over));
  }
  if (spec.solve_every < 1) return absl::InvalidArgumentError("solve_every must be at least 1");
  if (head.classes > 0 && (!spec.reference.empty() || spec.prove_over > 0)) {
    return absl::InvalidArgumentError("classes have no reference and no prove_over");
  }
  return absl::OkStatus();
}

}  // namespace

struct RidgeHead::Scratch {
  std::span<float> phi;     // (features,)
  std::span<float> gain;    // (features,)
  std::span<float> scores;  // (outputs,) of all woken regions.
  std::span<float> own;     // (rows,) of one region; the rows of S in use.
  std::span<float> target;  // (outputs,)
  float weight = 1.0F;      // Of the sample in the region that learns.
};

// A block of the information form.
struct RidgeHead::Sums {
  Sums(float* block, std::size_t features, std::size_t outputs)
      : a(block, Packed(features)),
        b(block + (a.size() + 15) / 16 * 16, features * outputs),
        stale(b.data() + (b.size() + 15) / 16 * 16) {}
  static std::size_t Floats(std::size_t features, std::size_t outputs) {
    return (Packed(features) + 15) / 16 * 16 + (features * outputs + 15) / 16 * 16 + 1;
  }
  std::span<float> a;
  std::span<float> b;  // (outputs, features)
  float* stale;        // Samples since the weights were solved.
};

absl::StatusOr<std::unique_ptr<Head>> RidgeHead::Create(const HeadSpec& spec,
                                                        const std::vector<Readable>& readables,
                                                        PlanBuilder* builder) {
  const auto& ridge = std::get<RidgeHeadSpec>(spec.kind);
  GYRUS_RETURN_IF_ERROR(CheckSpec(spec, ridge));
  GYRUS_ASSIGN_OR_RETURN(RegionReadouts readouts,
                         RegionReadouts::Create({.area = ridge.area,
                                                 .inputs = ridge.inputs,
                                                 .reference = ridge.reference,
                                                 .outputs = spec.outputs,
                                                 .max_features = kMaxFeatures},
                                                readables));
  std::unique_ptr<RidgeHead> head(new RidgeHead(spec, std::move(readouts)));
  GYRUS_RETURN_IF_ERROR(head->AddTables(spec.name, builder));
  if (spec.classes > 0) {
    GYRUS_ASSIGN_OR_RETURN(head->seen_, SeenClasses::Create(spec.name, spec.classes, builder));
  }
  const std::size_t floats = 2 * head->readouts_.features() + 3 * head->outputs_;
  head->scratch_ = builder->AddHeadScratch(floats * sizeof(float));
  return head;
}

absl::Status RidgeHead::AddTables(const std::string& name, PlanBuilder* builder) {
  const uint32_t features = readouts_.features();
  const uint32_t woken = readouts_.woken();
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout weights,
      BlockLayout::Create({{.name = "s", .rows = outputs_, .columns = features}}));
  weights_ = builder->AddTable(name + ".weights", std::move(weights), readouts_.regions(), woken);
  if (spec_.prove_over > 0) {
    GYRUS_ASSIGN_OR_RETURN(
        BlockLayout trust,
        BlockLayout::Create({{.name = "right", .columns = outputs_, .merge = Merge::kNever},
                             {.name = "said", .columns = outputs_, .merge = Merge::kNever}}));
    said_offset_ = trust.offset(1);
    trust_ = builder->AddTable(name + ".trust", std::move(trust), 1, 1);
  }
  if (spec_.form == RidgeForm::kCovariance) {
    GYRUS_ASSIGN_OR_RETURN(
        BlockLayout p,
        BlockLayout::Create({{.name = "p",
                              .columns = static_cast<uint32_t>(kernels::TriangleFloats(features)),
                              .merge = Merge::kNever}},
                            TensorReader::kLearner));
    const float start = 1.0F / spec_.lambda;
    sums_ = builder->AddTable(name + ".covariance", std::move(p), readouts_.regions(), woken,
                              [features, start](uint32_t, std::span<std::byte> block) {
                                float* const triangle = reinterpret_cast<float*>(block.data());
                                for (std::size_t i = 0; i < features; ++i) {
                                  triangle[kernels::TriangleRow(features, i) + i] = start;
                                }
                              });
    return absl::OkStatus();
  }
  const auto packed = static_cast<uint32_t>((Packed(features) + 15) / 16 * 16);
  const uint32_t products = (features * outputs_ + 15) / 16 * 16;
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout sums,
      BlockLayout::Create({{.name = "a", .columns = packed, .merge = Merge::kSum},
                           {.name = "b", .columns = products, .merge = Merge::kSum},
                           {.name = "stale", .merge = Merge::kNever}},
                          TensorReader::kLearner));
  sums_ = builder->AddTable(name + ".sums", std::move(sums), readouts_.regions(), woken);
  builder->NeedLearningScratch((Packed(features) + features) * sizeof(float));
  return absl::OkStatus();
}

RidgeHead::Scratch RidgeHead::ScratchOf(const StepContext& context) const noexcept {
  float* at = reinterpret_cast<float*>(context.activity->head_scratch.data() + scratch_);
  const auto take = [&](std::size_t count) {
    at += count;
    return std::span<float>(at - count, count);
  };
  const std::size_t features = readouts_.features();
  Scratch scratch;
  scratch.phi = take(features);
  scratch.gain = take(features);
  scratch.scores = take(outputs_);
  scratch.own = take(outputs_).first(Rows(context.view));
  scratch.target = take(outputs_);
  return scratch;
}

std::size_t RidgeHead::Rows(const View& view) const noexcept {
  return classes_ ? seen_.At(view).End(outputs_) : outputs_;
}

// Leaves the gate-weighted scores in the scratch; returns the regions that gave them.
std::span<const Woken> RidgeHead::Score(const StepContext& context,
                                        const Scratch& scratch) const noexcept {
  std::fill(scratch.scores.begin(), scratch.scores.end(), 0.0F);
  const std::span<const Woken> woken = readouts_.Begin(*context.activity, scratch.phi);
  const TableView weights = context.view.table(weights_);
  for (std::size_t k = 0; k < woken.size(); ++k) {
    readouts_.Complete(*context.activity, k, scratch.phi);
    const std::size_t size = scratch.own.size() * readouts_.features();
    kernels::MatVec({weights.As<float>(woken[k].region), size}, scratch.phi, scratch.own);
    kernels::Axpy(woken[k].gate, scratch.own, scratch.scores.first(scratch.own.size()));
  }
  return woken;
}

// Turns scores into probabilities.
void RidgeHead::Probabilities(const Scratch& scratch) const noexcept {
  float sum = 0.0F;
  for (float& score : scratch.scores) {
    score = std::max(score, kLeastScore);
    sum += score;
  }
  kernels::Scale(1.0F / sum, scratch.scores);
}

void RidgeHead::Predict(const StepContext& context, const Want& want,
                        Prediction* prediction) const noexcept {
  if (want.kind == Want::Kind::kNothing) return;
  const Scratch scratch = ScratchOf(context);
  Score(context, scratch);
  if (classes_) {
    Probabilities(scratch);
    AnswerClasses(scratch.scores, want, prediction);
    return;
  }
  const std::span<const float> reference = readouts_.Reference(*context.activity);
  for (std::size_t o = 0; o < outputs_; ++o) {
    prediction->mean[o] =
        Added(context.view, scratch, o) + (reference.empty() ? 0.0F : reference[o]);
  }
  std::fill(prediction->variance.begin(), prediction->variance.end(), 0.0F);
}

float RidgeHead::Trust(const View& view, std::size_t output) const noexcept {
  if (spec_.prove_over == 0) return 1.0F;
  const std::byte* const block = view.table(trust_).Read(0);
  const float right = reinterpret_cast<const float*>(block)[output];
  const float said = reinterpret_cast<const float*>(block + said_offset_)[output];
  return right > 0.0F ? std::min(right / said, 1.0F) : 0.0F;
}

// What is added to the reference; nothing, however wild the scores, where they are not trusted.
float RidgeHead::Added(const View& view, const Scratch& scratch,
                       std::size_t output) const noexcept {
  const float trust = Trust(view, output);
  return trust == 0.0F ? 0.0F : trust * scratch.scores[output];
}

void RidgeHead::LearnTrust(const Scratch& scratch, Commit* commit) const noexcept {
  if (spec_.prove_over == 0) return;
  std::byte* const block = commit->Write({trust_, 0});
  float* const right = reinterpret_cast<float*>(block);
  float* const said = reinterpret_cast<float*>(block + said_offset_);
  const float keep = 1.0F - 1.0F / static_cast<float>(spec_.prove_over);
  for (std::size_t o = 0; o < outputs_; ++o) {
    const float d = scratch.scores[o];
    const float y = scratch.target[o];
    if (std::isnan(y)) continue;
    if (!(d * d + std::abs(d * y) < kLargest)) {
      right[o] = 0.0F;  // Wildly wrong: it begins anew.
      said[o] = 0.0F;
      continue;
    }
    right[o] = keep * right[o] + d * y;
    said[o] = keep * said[o] + d * d;
  }
}

// Writes what every readout should have said; returns the loss of what they said together.
double RidgeHead::FillTarget(const StepContext& context, const Target& target,
                             const Scratch& scratch) const noexcept {
  if (classes_) {
    Probabilities(scratch);
    std::fill(scratch.target.begin(), scratch.target.end(), 0.0F);
    scratch.target[target.symbol] = 1.0F;
    return -std::log(static_cast<double>(scratch.scores[target.symbol]));
  }
  const std::span<const float> reference = readouts_.Reference(*context.activity);
  double loss = 0.0;
  for (std::size_t o = 0; o < outputs_; ++o) {
    scratch.target[o] = target.reals[o] - (reference.empty() ? 0.0F : reference[o]);
    const double residual = scratch.target[o] - Added(context.view, scratch, o);
    if (!std::isnan(scratch.target[o])) loss += residual * residual;
  }
  return loss;
}

double RidgeHead::Learn(const StepContext& context, const Target& target,
                        Commit* commit) const noexcept {
  Scratch scratch = ScratchOf(context);
  const std::span<const Woken> woken = Score(context, scratch);
  const double loss = FillTarget(context, target, scratch);
  LearnTrust(scratch, commit);
  if (classes_) {
    seen_.Learn(std::bit_ceil(outputs_) + target.symbol, commit);
    scratch.own = {scratch.own.data(), Rows(commit->view())};
  }
  for (std::size_t k = 0; k < woken.size(); ++k) {
    readouts_.Complete(*context.activity, k, scratch.phi);
    if (spec_.weigh_by_gate) scratch.weight = woken[k].gate * static_cast<float>(woken.size());
    if (!(scratch.weight >= kLeastWeight)) continue;
    if (spec_.form == RidgeForm::kCovariance) {
      LearnCovariance(woken[k].region, scratch, commit);
    } else {
      LearnInformation(woken[k].region, scratch, context.activity->learning_scratch, commit);
    }
  }
  return loss;
}

void RidgeHead::LearnCovariance(uint32_t region, const Scratch& scratch,
                                Commit* commit) const noexcept {
  const std::size_t features = readouts_.features();
  const std::size_t rows = scratch.own.size();
  const std::span<float> s(commit->As<float>({weights_, region}), rows * features);
  const std::span<float> p(commit->As<float>({sums_, region}), kernels::TriangleFloats(features));
  const float d = spec_.forget / scratch.weight + kernels::RlsGain(p, scratch.phi, scratch.gain);
  kernels::MatVec(s, scratch.phi, scratch.own);
  for (std::size_t o = 0; o < rows; ++o) {
    const float residual = scratch.target[o] - scratch.own[o];
    scratch.own[o] = std::isnan(residual) ? 0.0F : residual;
  }
  kernels::Rank1Add(1.0F / d, scratch.own, scratch.gain, s);
  bool forgets = spec_.forget < 1.0F;
  if (forgets) {
    float trace = 0.0F;
    for (std::size_t i = 0; i < features; ++i) {
      trace += p[kernels::TriangleRow(features, i) + i];
    }
    forgets = trace < kForgetBelow * static_cast<float>(features);
  }
  if (forgets) {
    kernels::RlsDowndateForget(1.0F / d, spec_.forget, scratch.gain, p);
  } else {
    kernels::RlsDowndate(1.0F / d, scratch.gain, p);
  }
}

void RidgeHead::LearnInformation(uint32_t region, const Scratch& scratch,
                                 std::span<std::byte> memory, Commit* commit) const noexcept {
  const std::size_t features = readouts_.features();
  // A target with a hole would leave its row behind A; the whole sample is passed by.
  for (const float y : scratch.target) {
    if (std::isnan(y)) return;
  }
  const Sums sums(commit->As<float>({sums_, region}), features, outputs_);
  kernels::SymmetricRank1Add(scratch.weight, scratch.phi, sums.a);
  const std::size_t rows = scratch.own.size();
  kernels::Rank1Add(scratch.weight, scratch.target.first(rows), scratch.phi,
                    sums.b.first(rows * features));
  *sums.stale += 1.0F;
  if (*sums.stale < static_cast<float>(spec_.solve_every)) return;
  *sums.stale = 0.0F;
  const std::span<float> factor(reinterpret_cast<float*>(memory.data()), Packed(features));
  Solve(sums, factor, {commit->As<float>({weights_, region}), rows * features});
}

// S = b (A + lambda I)^-1. Row-wise Cholesky (Banachiewicz), so that every inner loop runs along a
// packed row: L_ij = (A_ij - L_i . L_j) / L_jj.
void RidgeHead::Solve(const Sums& sums, std::span<float> factor,
                      std::span<float> s) const noexcept {
  const std::size_t features = readouts_.features();
  const auto row = [&](std::size_t i, std::size_t length) {
    return factor.subspan(i * (i + 1) / 2, length);
  };
  for (std::size_t i = 0; i < features; ++i) {
    const std::span<float> l = row(i, i + 1);
    const std::span<const float> a = sums.a.subspan(i * (i + 1) / 2, i + 1);
    for (std::size_t j = 0; j < i; ++j) {
      l[j] = (a[j] - kernels::Dot(l.first(j), row(j, j))) / row(j, j + 1)[j];
    }
    const float pivot = a[i] + spec_.lambda - kernels::SumOfSquares(l.first(i));
    l[i] = std::sqrt(std::max(pivot, spec_.lambda));
  }
  for (std::size_t o = 0; o < s.size() / features; ++o) {
    const std::span<float> x = s.subspan(o * features, features);
    const std::span<const float> b = sums.b.subspan(o * features, features);
    for (std::size_t i = 0; i < features; ++i) {
      x[i] = (b[i] - kernels::Dot(row(i, i), x.first(i))) / row(i, i + 1)[i];
    }
    for (std::size_t i = features; i-- > 0;) {
      x[i] /= row(i, i + 1)[i];
      kernels::Axpy(-x[i], row(i, i), x.first(i));
    }
  }
}

}  // namespace gyrus
