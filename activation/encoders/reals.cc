// SPDX-License-Identifier: Apache-2.0
// Single precision is enough for averages of any length: an update is lost to rounding only once
// it is below 2^-24 of the mean, which is then known far better than the input resolves it.
#include "activation/encoders/reals.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/rng.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr float kLeastDeviation = 1e-6F;
constexpr uint32_t kMaxLags = 64;
constexpr uint32_t kMaxBins = 255;

absl::Status CheckSpec(const RealsEncoderSpec& spec) {
  if (!(spec.rate >= 0.0F && spec.rate < 1.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("rate must be in [0, 1), got ", spec.rate));
  }
  if (!(spec.clip > 0.0F)) {
    return absl::InvalidArgumentError(absl::StrCat("clip must be above 0, got ", spec.clip));
  }
  if (spec.lags > kMaxLags) {
    return absl::InvalidArgumentError(
        absl::StrCat("lags must be in [0, ", kMaxLags, "], got ", spec.lags));
  }
  if (spec.bins > kMaxBins) {
    return absl::InvalidArgumentError(
        absl::StrCat("bins must be in [0, ", kMaxBins, "], got ", spec.bins));
  }
  for (const float tau : spec.trails) {
    if (!(tau >= 1.0F)) {
      return absl::InvalidArgumentError(absl::StrCat("trails must be at least 1 step, got ", tau));
    }
  }
  return absl::OkStatus();
}

}  // namespace

// One block: three rows of `size` elements.
struct RealsEncoder::Statistics {
  Statistics(const float* block, std::size_t size)
      : count(block), mean(block + size), variance(block + 2 * size) {}
  const float* count;
  const float* mean;
  const float* variance;
};

struct RealsEncoder::State {
  State(std::byte* state, std::size_t size, std::size_t num_trails)
      : steps(reinterpret_cast<uint32_t*>(state)),
        seen(reinterpret_cast<float*>(state) + 1),
        trails(seen + size),
        past(trails + num_trails * size) {}
  static std::size_t Bytes(std::size_t size, const RealsEncoderSpec& spec) {
    return (1 + size * (1 + spec.trails.size() + spec.lags)) * sizeof(float);
  }
  uint32_t* steps;  // So far, up to the number of lags.
  float* seen;      // (size,) values of each element so far.
  float* trails;    // (trails, size) the e above.
  float* past;      // (lags, size) newest first.
};

absl::StatusOr<std::unique_ptr<Encoder>> RealsEncoder::Create(const EncoderSpec& spec,
                                                              const ModalitySpec& modality,
                                                              PlanBuilder* builder) {
  const auto& reals = std::get<RealsEncoderSpec>(spec.kind);
  if (modality.kind != ModalityKind::kReals) {
    return absl::InvalidArgumentError(
        absl::StrCat("a reals encoder needs reals, and \"", modality.name, "\" has none"));
  }
  GYRUS_RETURN_IF_ERROR(CheckSpec(reals));
  const uint32_t size = modality.size;
  const auto trails = static_cast<uint32_t>(reals.trails.size());
  const uint32_t dense =
      ((reals.values ? 1 : 0) + reals.lags + trails) * size + (reals.constant ? 1 : 0);
  EncodingShape shape = {.outputs = dense + (reals.missing_indicators ? size : 0), .active = dense};
  if (shape.outputs == 0 && reals.bins == 0) {
    return absl::InvalidArgumentError("a reals encoder must make a vector or bins");
  }
  if (reals.bins > 0) {
    shape.contexts = size;
    shape.selector_ranges.assign(size, reals.bins + 1);
  }
  GYRUS_ASSIGN_OR_RETURN(BlockLayout layout,
                         BlockLayout::Create({{.name = "statistics", .rows = 3, .columns = size}}));
  std::unique_ptr<RealsEncoder> encoder(new RealsEncoder(std::move(shape), reals, size));
  encoder->statistics_ = builder->AddTable(spec.name + ".statistics", std::move(layout), 1, 1);
  encoder->state_offset_ = builder->AddState(State::Bytes(size, reals));
  return encoder;
}

float RealsEncoder::Scaled(const Statistics& statistics, float value, float centre,
                           std::size_t j) const noexcept {
  if (statistics.count[j] < 2.0F || std::isnan(value)) return 0.0F;
  const float deviation = std::sqrt(statistics.variance[j]) + kLeastDeviation;
  return std::clamp((value - centre) / deviation, -spec_.clip, spec_.clip);
}

void RealsEncoder::Encode(const StepContext& context, const Value& value,
                          Encoding* encoding) const noexcept {
  const Statistics statistics(context.view.table(statistics_).As<float>(0), size_);
  State state(context.state + state_offset_, size_, spec_.trails.size());
  float* x = encoding->vector.data();
  if (spec_.values) {
    for (std::size_t j = 0; j < size_; ++j) {
      *x++ = Scaled(statistics, value.reals[j], statistics.mean[j], j);
    }
  }
  if (spec_.missing_indicators) {
    for (std::size_t j = 0; j < size_; ++j) *x++ = std::isnan(value.reals[j]) ? 1.0F : 0.0F;
  }
  x = EncodePast(statistics, value.reals, &state, x);
  if (spec_.constant) *x = 1.0F;
  if (spec_.bins > 0) Quantise(statistics, value.reals, encoding);
}

// Writes lags and trails at x, advances both, and returns the end.
float* RealsEncoder::EncodePast(const Statistics& statistics, std::span<const float> values,
                                State* state, float* x) const noexcept {
  for (std::size_t l = 0; l < spec_.lags; ++l) {
    const float* const past = state->past + l * size_;
    for (std::size_t j = 0; j < size_; ++j) {
      *x++ = l < *state->steps ? Scaled(statistics, past[j], statistics.mean[j], j) : 0.0F;
    }
  }
  if (spec_.lags > 0) {
    std::copy_backward(state->past, state->past + (spec_.lags - 1) * size_,
                       state->past + spec_.lags * size_);
    std::copy(values.begin(), values.end(), state->past);
    *state->steps = std::min(*state->steps + 1, spec_.lags);
  }
  if (spec_.trails.empty()) return x;
  for (std::size_t k = 0; k < spec_.trails.size(); ++k) {
    float* const trail = state->trails + k * size_;
    for (std::size_t j = 0; j < size_; ++j) {
      *x++ = state->seen[j] > 0.0F ? Scaled(statistics, values[j], trail[j], j) : 0.0F;
      if (std::isnan(values[j])) continue;
      const float rate = std::max(1.0F / (state->seen[j] + 1.0F), 1.0F / spec_.trails[k]);
      trail[j] += rate * (values[j] - trail[j]);
    }
  }
  for (std::size_t j = 0; j < size_; ++j) state->seen[j] += std::isnan(values[j]) ? 0.0F : 1.0F;
  return x;
}

void RealsEncoder::Quantise(const Statistics& statistics, std::span<const float> values,
                            Encoding* encoding) const noexcept {
  const auto bins = static_cast<float>(spec_.bins);
  for (std::size_t j = 0; j < size_; ++j) {
    uint32_t bin = 0;
    if (!std::isnan(values[j])) {
      const float z = Scaled(statistics, values[j], statistics.mean[j], j);
      const float share = 1.0F / (1.0F + std::exp(-1.7F * z));
      bin = 1 + std::min(static_cast<uint32_t>(bins * share), spec_.bins - 1);
    }
    encoding->selectors[j] = bin;
    encoding->contexts[j] = Mix64(j << 32 | (bin + 1));
  }
}

void RealsEncoder::Learn(const Value& value, const Encoding&, Commit* commit) const noexcept {
  const auto learns = [&](const float* count, std::size_t j) {
    if (std::isnan(value.reals[j])) return false;
    return spec_.settle_after == 0 || count[j] < static_cast<float>(spec_.settle_after);
  };
  const float* const now = commit->view().table(statistics_).As<float>(0);
  bool any = false;
  for (std::size_t j = 0; j < size_; ++j) any = any || learns(now, j);
  if (!any) return;
  float* const count = commit->As<float>({statistics_, 0});
  float* const mean = count + size_;
  float* const variance = mean + size_;
  for (std::size_t j = 0; j < size_; ++j) {
    if (!learns(count, j)) continue;
    count[j] += 1.0F;
    const float rate = std::max(1.0F / count[j], spec_.rate);
    const float d = value.reals[j] - mean[j];
    mean[j] += rate * d;
    variance[j] += rate * (d * (value.reals[j] - mean[j]) - variance[j]);
  }
}

}  // namespace gyrus
