// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/vector.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/vector.cc"
#include "hwy/foreach_target.h"  // Must come before highway.h.

#include "core/check.h"
#include "core/kernels/lanes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {
namespace {

struct DotBody {
  const float* x;
  const float* y;

  template <class Lanes>
  HWY_INLINE V operator()(Lanes lanes, std::size_t j, V sum) const {
    return hn::MulAdd(lanes.Load(x + j), lanes.Load(y + j), sum);
  }
};

float DotImpl(const float* x, const float* y, std::size_t n) {
  return SumLanes(SumColumns(n, DotBody{x, y}));
}

struct AxpyBody {
  float a;
  const float* x;
  float* y;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j) const {
    lanes.Store(hn::MulAdd(hn::Set(D(), a), lanes.Load(x + j), lanes.Load(y + j)), y + j);
  }
};

void AxpyImpl(float a, const float* x, float* y, std::size_t n) {
  ForColumns(n, AxpyBody{a, x, y});
}

struct ScaleBody {
  float a;
  float* x;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j) const {
    lanes.Store(hn::Mul(hn::Set(D(), a), lanes.Load(x + j)), x + j);
  }
};

void ScaleImpl(float a, float* x, std::size_t n) { ForColumns(n, ScaleBody{a, x}); }

// 0 x is 0 for a finite x and NaN for any other, and a NaN stays in the sum.
struct ZeroTimesBody {
  const float* x;

  template <class Lanes>
  HWY_INLINE V operator()(Lanes lanes, std::size_t j, V sum) const {
    return hn::MulAdd(lanes.Load(x + j), hn::Zero(D()), sum);
  }
};

bool AllFiniteImpl(const float* x, std::size_t n) {
  return SumLanes(SumColumns(n, ZeroTimesBody{x})) == 0.0F;
}

// Adds all rows to one vector of columns, which stays in a register.
struct GatherBody {
  const float* const* rows;
  std::size_t num_rows;
  float* y;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j) const {
    V sum = lanes.Load(y + j);
    for (std::size_t r = 0; r < num_rows; ++r) sum = hn::Add(sum, lanes.Load(rows[r] + j));
    lanes.Store(sum, y + j);
  }
};

// The same for four vectors at once, a run of cache lines per row.
HWY_INLINE void GatherFour(const float* const* rows, std::size_t num_rows, float* y,
                           std::size_t j) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  V sum0 = hn::LoadU(d, y + j);
  V sum1 = hn::LoadU(d, y + j + lanes);
  V sum2 = hn::LoadU(d, y + j + 2 * lanes);
  V sum3 = hn::LoadU(d, y + j + 3 * lanes);
  for (std::size_t r = 0; r < num_rows; ++r) {
    const float* row = rows[r] + j;
    sum0 = hn::Add(sum0, hn::LoadU(d, row));
    sum1 = hn::Add(sum1, hn::LoadU(d, row + lanes));
    sum2 = hn::Add(sum2, hn::LoadU(d, row + 2 * lanes));
    sum3 = hn::Add(sum3, hn::LoadU(d, row + 3 * lanes));
  }
  hn::StoreU(sum0, d, y + j);
  hn::StoreU(sum1, d, y + j + lanes);
  hn::StoreU(sum2, d, y + j + 2 * lanes);
  hn::StoreU(sum3, d, y + j + 3 * lanes);
}

void GatherAddImpl(const float* const* rows, std::size_t num_rows, float* y, std::size_t n) {
  const std::size_t lanes = hn::Lanes(D());
  const GatherBody body{rows, num_rows, y};
  std::size_t j = 0;
  for (; j + 4 * lanes <= n; j += 4 * lanes) GatherFour(rows, num_rows, y, j);
  for (; j + lanes <= n; j += lanes) body(WholeVector(), j);
  if (j < n) body(FirstLanes{n - j}, j);
}

}  // namespace
}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gyrus::kernels {

HWY_EXPORT(DotImpl);
HWY_EXPORT(AxpyImpl);
HWY_EXPORT(ScaleImpl);
HWY_EXPORT(AllFiniteImpl);
HWY_EXPORT(GatherAddImpl);

float Dot(std::span<const float> x, std::span<const float> y) noexcept {
  GYRUS_DCHECK(x.size() == y.size());
  return HWY_DYNAMIC_DISPATCH(DotImpl)(x.data(), y.data(), x.size());
}

void Axpy(float a, std::span<const float> x, std::span<float> y) noexcept {
  GYRUS_DCHECK(x.size() == y.size());
  HWY_DYNAMIC_DISPATCH(AxpyImpl)(a, x.data(), y.data(), y.size());
}

void Scale(float a, std::span<float> x) noexcept {
  HWY_DYNAMIC_DISPATCH(ScaleImpl)(a, x.data(), x.size());
}

float SumOfSquares(std::span<const float> x) noexcept { return Dot(x, x); }

bool AllFinite(std::span<const float> x) noexcept {
  return HWY_DYNAMIC_DISPATCH(AllFiniteImpl)(x.data(), x.size());
}

void GatherAdd(std::span<const float* const> rows, std::span<float> y) noexcept {
  HWY_DYNAMIC_DISPATCH(GatherAddImpl)(rows.data(), rows.size(), y.data(), y.size());
}

}  // namespace gyrus::kernels
#endif  // HWY_ONCE
