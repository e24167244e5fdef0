// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/mixing.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/mixing.cc"
#include "hwy/foreach_target.h"  // Must come before highway.h.

#include <algorithm>

#include "core/check.h"
#include "core/kernels/lanes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Never wider than the lengths' common multiple, so that there are no tails.
using MixD = hn::CappedTag<float, kMixingLanes>;
using MixV = hn::Vec<MixD>;

// One decision per lane.
using DecisionD = hn::CappedTag<float, kMaxDecisions>;

// 2^t split into a whole power, added to the exponent bits, and a polynomial on [-1/2, 1/2].
template <class D, class V = hn::Vec<D>>
HWY_INLINE V LogisticVector(D d, V x) {
  const hn::RebindToSigned<D> di;
  const V t = hn::Mul(x, hn::Set(d, -1.44269504F));
  const V whole = hn::Round(t);
  const V f = hn::Sub(t, whole);
  V e = hn::Set(d, 1.3333558e-3F);
  e = hn::MulAdd(e, f, hn::Set(d, 9.6181291e-3F));
  e = hn::MulAdd(e, f, hn::Set(d, 5.5504109e-2F));
  e = hn::MulAdd(e, f, hn::Set(d, 2.4022651e-1F));
  e = hn::MulAdd(e, f, hn::Set(d, 6.9314718e-1F));
  e = hn::MulAdd(e, f, hn::Set(d, 1.0F));
  const auto power = hn::ShiftLeft<23>(hn::ConvertTo(di, whole));
  e = hn::BitCast(d, hn::Add(hn::BitCast(di, e), power));
  return hn::Div(hn::Set(d, 1.0F), hn::Add(hn::Set(d, 1.0F), e));
}

float LogisticImpl(float x) {
  const DecisionD d;
  return hn::GetLane(LogisticVector(d, hn::Set(d, x)));
}

// Clamps the logits of all decisions in place; their logistics go to `probabilities`.
HWY_INLINE void SquashLanes(float* logits, float* probabilities) {
  const DecisionD d;
  for (std::size_t n = 0; n < kMaxDecisions; n += hn::Lanes(d)) {
    const auto least = hn::Max(hn::Load(d, logits + n), hn::Set(d, -kMaxLogit));
    const auto logit = hn::Min(least, hn::Set(d, kMaxLogit));
    hn::Store(logit, d, logits + n);
    hn::Store(LogisticVector(d, logit), d, probabilities + n);
  }
}

// With a width known to the compiler, the loops over it unroll.
HWY_INLINE MixV DotVector(const float* x, const float* w, std::size_t width) {
  const MixD d;
  const std::size_t lanes = hn::Lanes(d);
  MixV even = hn::Mul(hn::Load(d, x), hn::Load(d, w));
  MixV odd = hn::Zero(d);
  std::size_t j = lanes;
  for (; j + lanes < width; j += 2 * lanes) {
    odd = hn::MulAdd(hn::Load(d, x + j), hn::Load(d, w + j), odd);
    even = hn::MulAdd(hn::Load(d, x + j + lanes), hn::Load(d, w + j + lanes), even);
  }
  if (j < width) odd = hn::MulAdd(hn::Load(d, x + j), hn::Load(d, w + j), odd);
  return hn::Add(even, odd);
}

// Those of a byte's path in a brain of some eleven contexts.
constexpr std::size_t kUsualWidth = 32;
constexpr std::size_t kUsualDecisions = 8;

HWY_INLINE bool IsUsual(const MixInputs& in) {
  return in.width == kUsualWidth && in.decisions == kUsualDecisions;
}

HWY_INLINE void MixOf(const MixInputs& in, std::size_t decisions, std::size_t width, Mixture* out) {
  const MixD d;
  for (std::size_t s = 0; s < in.sets; ++s) {
    const float* const* const w = in.weights[s];
    const auto products = [&](std::size_t n) HWY_ATTR { return DotVector(in.x[n], w[n], width); };
    std::size_t n = 0;
    for (; n + 4 <= decisions; n += 4) {
      SumLanesOfFour(d, products(n), products(n + 1), products(n + 2), products(n + 3),
                     out->logits[s] + n);
    }
    for (; n < decisions; ++n) {
      out->logits[s][n] = hn::GetLane(hn::SumOfLanes(d, products(n)));
    }
  }
  // Not at once: a vector cannot be loaded from narrower stores that are still on their way.
  for (std::size_t s = 0; s < in.sets; ++s) SquashLanes(out->logits[s], out->probabilities[s]);
  for (std::size_t n = 0; n < decisions; ++n) {
    const float* const last = in.last[n];
    float sum = 0.0F;
    for (std::size_t s = 0; s < in.sets; ++s) sum += last[s] * out->logits[s][n];
    out->mixed[n] = sum;
  }
  SquashLanes(out->mixed, out->probability);
}

void MixImpl(const MixInputs& in, Mixture* out) {
  if (IsUsual(in)) return MixOf(in, kUsualDecisions, kUsualWidth, out);
  MixOf(in, in.decisions, in.width, out);
}

// Turns the visits of a set's vectors into their steps.
HWY_INLINE void StepsOf(const float* probabilities, const MixLesson& lesson, const MixRates& rates,
                        float* visits_and_steps) {
  const DecisionD d;
  const auto fading = hn::Set(d, (rates.first - rates.last) * rates.fade);
  for (std::size_t n = 0; n < kMaxDecisions; n += hn::Lanes(d)) {
    const auto fade = hn::Add(hn::Set(d, rates.fade), hn::Load(d, visits_and_steps + n));
    const auto rate = hn::Add(hn::Set(d, rates.last), hn::Div(fading, fade));
    const auto residual = hn::Sub(hn::Load(d, lesson.bits + n), hn::Load(d, probabilities + n));
    hn::Store(hn::Mul(rate, residual), d, visits_and_steps + n);
  }
}

// What a call of MixLearn is told.
struct Learning {
  const MixInputs& in;
  const Mixture& mixture;
  const MixLesson& lesson;
  const MixRates& rates;
};

HWY_INLINE void MixLearnOf(const Learning& given, std::size_t decisions, std::size_t width) {
  const auto& [in, mixture, lesson, rates] = given;
  const MixD d;
  const std::size_t lanes = hn::Lanes(d);
  // One visit, in the place that x leaves zero.
  alignas(64) float visit[kMixingLanes] = {};
  visit[lanes - 1] = 1.0F;
  alignas(64) float steps[kMaxSets][kMaxDecisions];
  for (std::size_t s = 0; s < in.sets; ++s) {
    for (std::size_t n = 0; n < decisions; ++n) steps[s][n] = lesson.weights[s][n][width - 1];
    std::fill(steps[s] + decisions, steps[s] + kMaxDecisions, 0.0F);
  }
  for (std::size_t s = 0; s < in.sets; ++s) {
    StepsOf(mixture.probabilities[s], lesson, rates, steps[s]);
  }
  for (std::size_t s = 0; s < in.sets; ++s) {
    for (std::size_t n = 0; n < decisions; ++n) {
      const MixV step = hn::Set(d, steps[s][n]);
      const float* const x = in.x[n];
      float* const w = lesson.weights[s][n];
      std::size_t j = 0;
      for (; j + lanes < width; j += lanes) {
        hn::Store(hn::MulAdd(step, hn::Load(d, x + j), hn::Load(d, w + j)), d, w + j);
      }
      const MixV seen = hn::Add(hn::Load(d, w + j), hn::Load(d, visit));
      hn::Store(hn::MulAdd(step, hn::Load(d, x + j), seen), d, w + j);
    }
  }
  for (std::size_t n = 0; n < decisions; ++n) {
    const float step = rates.final * (lesson.bits[n] - mixture.probability[n]);
    float* const last = lesson.last[n];
    for (std::size_t s = 0; s < in.sets; ++s) last[s] += step * mixture.logits[s][n];
  }
}

void MixLearnImpl(const MixInputs& in, const Mixture& mixture, const MixLesson& lesson,
                  const MixRates& rates) {
  const Learning given = {in, mixture, lesson, rates};
  if (IsUsual(in)) return MixLearnOf(given, kUsualDecisions, kUsualWidth);
  MixLearnOf(given, in.decisions, in.width);
}

}  // namespace
}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gyrus::kernels {

HWY_EXPORT(LogisticImpl);
HWY_EXPORT(MixImpl);
HWY_EXPORT(MixLearnImpl);

float Logistic(float x) noexcept { return HWY_DYNAMIC_DISPATCH(LogisticImpl)(x); }

void Mix(const MixInputs& in, Mixture* out) noexcept {
  GYRUS_DCHECK(in.width % kMixingLanes == 0 && in.sets <= kMaxSets);
  GYRUS_DCHECK(in.decisions <= kMaxDecisions);
  HWY_DYNAMIC_DISPATCH(MixImpl)(in, out);
}

void MixLearn(const MixInputs& in, const Mixture& mixture, const MixLesson& lesson,
              const MixRates& rates) noexcept {
  GYRUS_DCHECK(in.width % kMixingLanes == 0 && in.sets <= kMaxSets);
  GYRUS_DCHECK(in.decisions <= kMaxDecisions);
  HWY_DYNAMIC_DISPATCH(MixLearnImpl)(in, mixture, lesson, rates);
}

}  // namespace gyrus::kernels
#endif  // HWY_ONCE
