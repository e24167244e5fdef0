// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/mixing.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/mixing.cc"
#include "hwy/foreach_target.h"  // Must come before highway.h.

#include "core/check.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Never wider than the lengths' common multiple, so that there are no tails.
using MixD = hn::CappedTag<float, kMixingLanes>;
using MixV = hn::Vec<MixD>;

// 2^t split into a whole power, added to the exponent bits, and a polynomial on [-1/2, 1/2].
HWY_INLINE MixV LogisticVector(MixV x) {
  const MixD d;
  const hn::RebindToSigned<MixD> di;
  const MixV t = hn::Mul(x, hn::Set(d, -1.44269504F));
  const MixV whole = hn::Round(t);
  const MixV f = hn::Sub(t, whole);
  MixV e = hn::Set(d, 1.3333558e-3F);
  e = hn::MulAdd(e, f, hn::Set(d, 9.6181291e-3F));
  e = hn::MulAdd(e, f, hn::Set(d, 5.5504109e-2F));
  e = hn::MulAdd(e, f, hn::Set(d, 2.4022651e-1F));
  e = hn::MulAdd(e, f, hn::Set(d, 6.9314718e-1F));
  e = hn::MulAdd(e, f, hn::Set(d, 1.0F));
  const auto power = hn::ShiftLeft<23>(hn::ConvertTo(di, whole));
  e = hn::BitCast(d, hn::Add(hn::BitCast(di, e), power));
  return hn::Div(hn::Set(d, 1.0F), hn::Add(hn::Set(d, 1.0F), e));
}

HWY_INLINE MixV Clamp(MixV x) {
  const MixD d;
  return hn::Min(hn::Max(x, hn::Set(d, -kMaxLogit)), hn::Set(d, kMaxLogit));
}

float LogisticImpl(float x) { return hn::GetLane(LogisticVector(hn::Set(MixD(), x))); }

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

constexpr std::size_t kUsualWidth = 32;

HWY_INLINE Mixed MixOf(const float* x, std::size_t width, const float* const* sets,
                       std::size_t count, const float* last, float* logits, float* probabilities) {
  const MixD d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t s = 0; s < count; ++s) {
    logits[s] = hn::GetLane(hn::SumOfLanes(d, DotVector(x, sets[s], width)));
  }
  for (std::size_t s = count; s < kMaxSets; ++s) logits[s] = 0.0F;
  MixV sum = hn::Zero(d);
  for (std::size_t s = 0; s < kMaxSets; s += lanes) {
    const MixV logit = Clamp(hn::LoadU(d, logits + s));
    hn::StoreU(logit, d, logits + s);
    hn::StoreU(LogisticVector(logit), d, probabilities + s);
    sum = hn::MulAdd(logit, hn::LoadU(d, last + s), sum);
  }
  const MixV z = Clamp(hn::SumOfLanes(d, sum));
  return {hn::GetLane(z), hn::GetLane(LogisticVector(z))};
}

Mixed MixImpl(const float* x, std::size_t width, const float* const* sets, std::size_t count,
              const float* last, float* logits, float* probabilities) {
  if (width == kUsualWidth) return MixOf(x, kUsualWidth, sets, count, last, logits, probabilities);
  return MixOf(x, width, sets, count, last, logits, probabilities);
}

HWY_INLINE void UpdateOf(const float* x, std::size_t width, float* const* sets, std::size_t count,
                         const float* steps) {
  const MixD d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t s = 0; s < count; ++s) {
    const MixV step = hn::Set(d, steps[s]);
    for (std::size_t j = 0; j < width; j += lanes) {
      float* const w = sets[s] + j;
      hn::Store(hn::MulAdd(step, hn::Load(d, x + j), hn::Load(d, w)), d, w);
    }
  }
}

void MixUpdateImpl(const float* x, std::size_t width, float* const* sets, std::size_t count,
                   const float* steps) {
  if (width == kUsualWidth) return UpdateOf(x, kUsualWidth, sets, count, steps);
  UpdateOf(x, width, sets, count, steps);
}

}  // namespace
}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gyrus::kernels {

HWY_EXPORT(LogisticImpl);
HWY_EXPORT(MixImpl);
HWY_EXPORT(MixUpdateImpl);

float Logistic(float x) noexcept { return HWY_DYNAMIC_DISPATCH(LogisticImpl)(x); }

Mixed Mix(std::span<const float> x, std::span<const float* const> sets, const float* last,
          float* logits, float* probabilities) noexcept {
  GYRUS_DCHECK(x.size() % kMixingLanes == 0 && sets.size() <= kMaxSets);
  return HWY_DYNAMIC_DISPATCH(MixImpl)(x.data(), x.size(), sets.data(), sets.size(), last, logits,
                                       probabilities);
}

void MixUpdate(std::span<const float> x, std::span<float* const> sets,
               const float* steps) noexcept {
  GYRUS_DCHECK(x.size() % kMixingLanes == 0 && sets.size() <= kMaxSets);
  HWY_DYNAMIC_DISPATCH(MixUpdateImpl)(x.data(), x.size(), sets.data(), sets.size(), steps);
}

}  // namespace gyrus::kernels
#endif  // HWY_ONCE
