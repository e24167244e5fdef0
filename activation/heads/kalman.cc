// SPDX-License-Identifier: Apache-2.0
#include "activation/heads/kalman.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "activation/count.h"
#include "activation/updates.h"
#include "core/kernels/matrix.h"
#include "core/kernels/rls.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kMaxFeatures = 512;
constexpr float kNoiseRate = 0.002F;
constexpr float kNoisePrior = 10.0F;  // Samples that the noise at the start counts as.

absl::Status CheckSpec(const HeadSpec& head, const KalmanHeadSpec& spec) {
  if (head.classes != 0 || head.outputs < 1 || head.outputs > 65536) {
    return absl::InvalidArgumentError(
        absl::StrCat("a kalman head needs outputs in [1, 65536] and no classes, got ", head.outputs,
                     " and ", head.classes));
  }
  if (!(spec.lambda > 0.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("lambda must be above 0, got ", spec.lambda));
  }
  if (!(spec.process_noise >= 0.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("process_noise must be at least 0, got ", spec.process_noise));
  }
  if (!(spec.observation_noise > 0.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("observation_noise must be above 0, got ", spec.observation_noise));
  }
  return absl::OkStatus();
}

}  // namespace

struct KalmanHead::Scratch {
  std::span<float> phi;       // (features,)
  std::span<float> gain;      // (features,)
  std::span<float> own;       // (outputs,) of one region.
  std::span<float> mean;      // (outputs,) of the mixture.
  std::span<float> variance;  // (outputs,) of the mixture; in Learn, the target.
};

absl::StatusOr<std::unique_ptr<Head>> KalmanHead::Create(const HeadSpec& spec,
                                                         const std::vector<Readable>& readables,
                                                         PlanBuilder* builder) {
  const auto& kalman = std::get<KalmanHeadSpec>(spec.kind);
  GYRUS_RETURN_IF_ERROR(CheckSpec(spec, kalman));
  GYRUS_ASSIGN_OR_RETURN(RegionReadouts readouts,
                         RegionReadouts::Create({.area = kalman.area,
                                                 .inputs = kalman.inputs,
                                                 .reference = kalman.reference,
                                                 .outputs = spec.outputs,
                                                 .max_features = kMaxFeatures},
                                                readables));
  std::unique_ptr<KalmanHead> head(new KalmanHead(spec, std::move(readouts)));
  GYRUS_RETURN_IF_ERROR(head->AddTables(spec.name, builder));
  const std::size_t floats = 2 * head->readouts_.features() + 3 * head->outputs_;
  head->scratch_ = builder->AddHeadScratch(floats * sizeof(float));
  return head;
}

absl::Status KalmanHead::AddTables(const std::string& name, PlanBuilder* builder) {
  const uint32_t features = readouts_.features();
  const uint32_t outputs = outputs_;
  GYRUS_ASSIGN_OR_RETURN(
      const BlockLayout layout,
      BlockLayout::Create(
          {{.name = "s", .rows = outputs, .columns = features},
           {.name = "p",
            .columns = static_cast<uint32_t>(kernels::TriangleFloats(features)),
            .merge = Merge::kNever},
           {.name = "noise", .columns = outputs},
           {.name = "when", .type = ElementType::kU32, .columns = 3, .merge = Merge::kNever}}));
  for (std::size_t t = 0; t < 4; ++t) offsets_[t] = layout.offset(t);
  const float variance = 1.0F / spec_.lambda;
  const float noise = spec_.observation_noise;
  filters_ = builder->AddTable(name + ".filters", layout, readouts_.regions(), readouts_.woken(),
                               [=, p_offset = offsets_[1], noise_offset = offsets_[2]](
                                   uint32_t, std::span<std::byte> block) {
                                 float* const p = reinterpret_cast<float*>(block.data() + p_offset);
                                 for (std::size_t i = 0; i < features; ++i) {
                                   p[kernels::TriangleRow(features, i) + i] = variance;
                                 }
                                 float* const r =
                                     reinterpret_cast<float*>(block.data() + noise_offset);
                                 std::fill(r, r + outputs, noise);
                               });
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout clock,
      BlockLayout::Create(
          {{.name = "steps", .type = ElementType::kU32, .columns = 2, .merge = Merge::kNever}}));
  clock_ = builder->AddTable(name + ".clock", std::move(clock), 1, 1);
  return absl::OkStatus();
}

KalmanHead::Scratch KalmanHead::ScratchOf(const StepContext& context) const noexcept {
  float* at = reinterpret_cast<float*>(context.activity->head_scratch.data() + scratch_);
  const auto take = [&](std::size_t count) {
    at += count;
    return std::span<float>(at - count, count);
  };
  Scratch scratch;
  scratch.phi = take(readouts_.features());
  scratch.gain = take(readouts_.features());
  scratch.own = take(outputs_);
  scratch.mean = take(outputs_);
  scratch.variance = take(outputs_);
  return scratch;
}

// Leaves the mixture's mean and, if asked, its variance in the scratch.
void KalmanHead::Mix(const StepContext& context, bool with_variance,
                     const Scratch& scratch) const noexcept {
  const std::size_t features = readouts_.features();
  const std::size_t triangle = kernels::TriangleFloats(features);
  std::fill(scratch.mean.begin(), scratch.mean.end(), 0.0F);
  std::fill(scratch.variance.begin(), scratch.variance.end(), 0.0F);
  const std::span<const Woken> woken = readouts_.Begin(*context.activity, scratch.phi);
  const uint64_t now = CountOf(context.view.table(clock_).As<uint32_t>(0));
  float gates = 0.0F;
  for (std::size_t k = 0; k < woken.size(); ++k) {
    readouts_.Complete(*context.activity, k, scratch.phi);
    const std::byte* const block = context.view.table(filters_).Read(woken[k].region);
    const auto* const s = reinterpret_cast<const float*>(block + offsets_[0]);
    kernels::MatVec({s, outputs_ * features}, scratch.phi, scratch.own);
    kernels::Axpy(woken[k].gate, scratch.own, scratch.mean);
    gates += woken[k].gate;
    if (!with_variance) continue;
    const auto* const p = reinterpret_cast<const float*>(block + offsets_[1]);
    const auto* const noise = reinterpret_cast<const float*>(block + offsets_[2]);
    const auto* const when = reinterpret_cast<const uint32_t*>(block + offsets_[3]);
    const float wandered = spec_.process_noise * static_cast<float>(now + 1 - CountOf(when));
    const float spread = 1.0F + kernels::RlsGain({p, triangle}, scratch.phi, scratch.gain) +
                         wandered * kernels::SumOfSquares(scratch.phi);
    for (std::size_t o = 0; o < outputs_; ++o) {
      scratch.variance[o] += woken[k].gate * (noise[o] * spread + scratch.own[o] * scratch.own[o]);
    }
  }
  if (gates <= 0.0F) return;
  for (std::size_t o = 0; o < outputs_; ++o) {
    scratch.mean[o] /= gates;
    const float squares = scratch.mean[o] * scratch.mean[o];
    scratch.variance[o] = std::max(scratch.variance[o] / gates - squares, 0.0F);
  }
}

void KalmanHead::Predict(const StepContext& context, const Want& want,
                         Prediction* prediction) const noexcept {
  if (want.kind != Want::Kind::kReals) return;
  const Scratch scratch = ScratchOf(context);
  Mix(context, !prediction->variance.empty(), scratch);
  const std::span<const float> reference = readouts_.Reference(*context.activity);
  for (std::size_t o = 0; o < outputs_; ++o) {
    prediction->mean[o] = scratch.mean[o] + (reference.empty() ? 0.0F : reference[o]);
  }
  if (prediction->variance.empty()) return;
  std::copy(scratch.variance.begin(), scratch.variance.end(), prediction->variance.begin());
}

double KalmanHead::Learn(const StepContext& context, const Target& target,
                         Commit* commit) const noexcept {
  const Scratch scratch = ScratchOf(context);
  Mix(context, false, scratch);
  const std::span<const float> reference = readouts_.Reference(*context.activity);
  double loss = 0.0;
  const std::span<float> y = scratch.variance;
  for (std::size_t o = 0; o < outputs_; ++o) {
    y[o] = target.reals[o] - (reference.empty() ? 0.0F : reference[o]);
    const double residual = y[o] - scratch.mean[o];
    if (!std::isnan(y[o])) loss += residual * residual;
  }
  const float noise = spec_.process_noise * context.rate_factor;
  const uint64_t now = CountUp(commit->As<uint32_t>({clock_, 0}));
  const std::span<const Woken> woken = readouts_.Begin(*context.activity, scratch.phi);
  for (std::size_t k = 0; k < woken.size(); ++k) {
    readouts_.Complete(*context.activity, k, scratch.phi);
    context.activity->refused += LearnRegion(woken[k].region, now, noise, scratch, commit);
  }
  return loss;
}

uint64_t KalmanHead::LearnRegion(uint32_t region, uint64_t now, float process_noise,
                                 const Scratch& scratch, Commit* commit) const noexcept {
  const std::size_t features = readouts_.features();
  std::byte* const block = commit->Write({filters_, region});
  const std::span<float> s(reinterpret_cast<float*>(block + offsets_[0]), outputs_ * features);
  const std::span<float> p(reinterpret_cast<float*>(block + offsets_[1]),
                           kernels::TriangleFloats(features));
  float* const noise = reinterpret_cast<float*>(block + offsets_[2]);
  uint32_t* const when = reinterpret_cast<uint32_t*>(block + offsets_[3]);
  const float wandered = process_noise * static_cast<float>(now - CountOf(when));
  for (std::size_t i = 0; i < features; ++i) p[kernels::TriangleRow(features, i) + i] += wandered;
  SetCount(when, now);
  const float d = 1.0F + kernels::RlsGain(p, scratch.phi, scratch.gain);
  // What it would leave in s and P, no later sample could take away. False for NaN.
  const bool usable =
      d < kLargestGradient && kernels::SumOfSquares(scratch.gain) < kLargestGradient;
  if (!usable) return 1;
  uint64_t refused = 0;
  const float rate = std::max(kNoiseRate, 1.0F / (static_cast<float>(when[2]) + kNoisePrior));
  kernels::MatVec(s, scratch.phi, scratch.own);
  for (std::size_t o = 0; o < outputs_; ++o) {
    const float residual = scratch.variance[o] - scratch.own[o];
    const float square = residual * residual;
    scratch.own[o] = std::isfinite(square) ? residual : 0.0F;
    if (!std::isfinite(square) && !std::isnan(scratch.variance[o])) ++refused;
    if (!spec_.learn_noise || !std::isfinite(square)) continue;
    noise[o] += rate * (square / d - noise[o]);
  }
  kernels::Rank1Add(1.0F / d, scratch.own, scratch.gain, s);
  kernels::RlsDowndate(1.0F / d, scratch.gain, p);
  if (when[2] < UINT32_MAX) ++when[2];
  return refused;
}

}  // namespace gyrus
