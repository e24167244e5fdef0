// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/activations.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/activations.cc"
#include "hwy/foreach_target.h"  // Must come before highway.h.

#include <cmath>
#include <cstddef>
#include <limits>

#include "core/check.h"
#include "core/kernels/exp-inl.h"
#include "core/kernels/vector.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {
namespace {

template <class Function>
struct MapBody {
  const float* x;
  float* y;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j) const {
    lanes.Store(Function()(lanes.Load(x + j)), y + j);
  }
};

void ReluImpl(const float* x, float* y, std::size_t n) {
  ForColumns(n, MapBody<ReluFunction>{x, y});
}
void ExpImpl(const float* x, float* y, std::size_t n) { ForColumns(n, MapBody<ExpFunction>{x, y}); }
void SigmoidImpl(const float* x, float* y, std::size_t n) {
  ForColumns(n, MapBody<SigmoidFunction>{x, y});
}
void TanhImpl(const float* x, float* y, std::size_t n) {
  ForColumns(n, MapBody<TanhFunction>{x, y});
}
void SiluImpl(const float* x, float* y, std::size_t n) {
  ForColumns(n, MapBody<SiluFunction>{x, y});
}
void SiluGradImpl(const float* x, float* y, std::size_t n) {
  ForColumns(n, MapBody<SiluGradFunction>{x, y});
}

// The largest element; whether a NaN is seen is unspecified. -inf if empty.
float MaxImpl(const float* x, std::size_t n) {
  const std::size_t lanes = hn::Lanes(D());
  const float lowest = -std::numeric_limits<float>::infinity();
  V max = hn::Set(D(), lowest);
  std::size_t j = 0;
  for (; j + lanes <= n; j += lanes) max = hn::Max(hn::LoadU(D(), x + j), max);
  float result = hn::GetLane(hn::MaxOfLanes(D(), max));
  for (; j < n; ++j) result = x[j] > result ? x[j] : result;
  return result;
}

struct SumExpBody {
  const float* x;
  float max;

  // Lanes beyond the end would add exp(0 - max).
  HWY_INLINE V Masked(WholeVector, V v) const { return v; }
  HWY_INLINE V Masked(FirstLanes rest, V v) const {
    return hn::IfThenElseZero(hn::FirstN(D(), rest.count), v);
  }

  template <class Lanes>
  HWY_INLINE V operator()(Lanes lanes, std::size_t j, V sum) const {
    const V e = ExpFunction()(hn::Sub(lanes.Load(x + j), Splat(max)));
    return hn::Add(sum, Masked(lanes, e));
  }
};

float SumExpImpl(const float* x, float max, std::size_t n) {
  return SumLanes(SumColumns(n, SumExpBody{x, max}));
}

struct ShiftedExpBody {
  const float* x;
  float max;
  float* y;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j) const {
    lanes.Store(ExpFunction()(hn::Sub(lanes.Load(x + j), Splat(max))), y + j);
  }
};

struct SumBody {
  const float* x;

  template <class Lanes>
  HWY_INLINE V operator()(Lanes lanes, std::size_t j, V sum) const {
    return hn::Add(sum, lanes.Load(x + j));
  }
};

// y = exp(x - max); returns the sum of y.
float ShiftedExpImpl(const float* x, float max, float* y, std::size_t n) {
  ForColumns(n, ShiftedExpBody{x, max, y});
  return SumLanes(SumColumns(n, SumBody{y}));
}

struct CombineBody {
  float a;
  const float* x;
  float b;
  const float* y;
  float* z;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j) const {
    const V by = hn::Mul(Splat(b), lanes.Load(y + j));
    lanes.Store(hn::MulAdd(Splat(a), lanes.Load(x + j), by), z + j);
  }
};

// z = a x + b y.
void CombineImpl(float a, const float* x, float b, const float* y, std::span<float> z) {
  ForColumns(z.size(), CombineBody{a, x, b, y, z.data()});
}

struct ScaledBody {
  float a;
  const float* x;
  float* y;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j) const {
    lanes.Store(hn::Mul(Splat(a), lanes.Load(x + j)), y + j);
  }
};

void ScaledImpl(float a, const float* x, float* y, std::size_t n) {
  ForColumns(n, ScaledBody{a, x, y});
}

}  // namespace
}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gyrus::kernels {

HWY_EXPORT(ReluImpl);
HWY_EXPORT(ExpImpl);
HWY_EXPORT(SigmoidImpl);
HWY_EXPORT(TanhImpl);
HWY_EXPORT(SiluImpl);
HWY_EXPORT(SiluGradImpl);
HWY_EXPORT(MaxImpl);
HWY_EXPORT(SumExpImpl);
HWY_EXPORT(ShiftedExpImpl);
HWY_EXPORT(CombineImpl);
HWY_EXPORT(ScaledImpl);

void Relu(std::span<const float> x, std::span<float> y) noexcept {
  GYRUS_DCHECK(x.size() == y.size());
  HWY_DYNAMIC_DISPATCH(ReluImpl)(x.data(), y.data(), y.size());
}

void Exp(std::span<const float> x, std::span<float> y) noexcept {
  GYRUS_DCHECK(x.size() == y.size());
  HWY_DYNAMIC_DISPATCH(ExpImpl)(x.data(), y.data(), y.size());
}

void Sigmoid(std::span<const float> x, std::span<float> y) noexcept {
  GYRUS_DCHECK(x.size() == y.size());
  HWY_DYNAMIC_DISPATCH(SigmoidImpl)(x.data(), y.data(), y.size());
}

void Tanh(std::span<const float> x, std::span<float> y) noexcept {
  GYRUS_DCHECK(x.size() == y.size());
  HWY_DYNAMIC_DISPATCH(TanhImpl)(x.data(), y.data(), y.size());
}

void Silu(std::span<const float> x, std::span<float> y) noexcept {
  GYRUS_DCHECK(x.size() == y.size());
  HWY_DYNAMIC_DISPATCH(SiluImpl)(x.data(), y.data(), y.size());
}

void SiluGrad(std::span<const float> x, std::span<float> y) noexcept {
  GYRUS_DCHECK(x.size() == y.size());
  HWY_DYNAMIC_DISPATCH(SiluGradImpl)(x.data(), y.data(), y.size());
}

void Softmax(std::span<const float> x, std::span<float> y) noexcept {
  GYRUS_DCHECK(x.size() == y.size());
  const float max = HWY_DYNAMIC_DISPATCH(MaxImpl)(x.data(), x.size());
  const float sum = HWY_DYNAMIC_DISPATCH(ShiftedExpImpl)(x.data(), max, y.data(), y.size());
  Scale(1.0F / sum, y);
}

float LogSumExp(std::span<const float> x) noexcept {
  const float max = HWY_DYNAMIC_DISPATCH(MaxImpl)(x.data(), x.size());
  if (!std::isfinite(max)) {
    for (const float value : x) {
      if (std::isnan(value)) return value;
    }
    return max;
  }
  return max + std::log(HWY_DYNAMIC_DISPATCH(SumExpImpl)(x.data(), max, x.size()));
}

float RmsNorm(std::span<const float> x, std::span<float> y, float epsilon) noexcept {
  GYRUS_DCHECK(x.size() == y.size());
  const float mean = x.empty() ? 0.0F : SumOfSquares(x) / static_cast<float>(x.size());
  const float s = 1.0F / std::sqrt(mean + epsilon);
  HWY_DYNAMIC_DISPATCH(ScaledImpl)(s, x.data(), y.data(), y.size());
  return s;
}

void RmsNormGrad(std::span<const float> x, float s, std::span<const float> dy,
                 std::span<float> dx) noexcept {
  GYRUS_DCHECK(x.size() == dy.size() && x.size() == dx.size());
  if (x.empty()) return;
  const float mean = Dot(x, dy) / static_cast<float>(x.size());
  HWY_DYNAMIC_DISPATCH(CombineImpl)(-s * s * s * mean, x.data(), s, dy.data(), dx);
}

}  // namespace gyrus::kernels
#endif  // HWY_ONCE
