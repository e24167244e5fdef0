// SPDX-License-Identifier: Apache-2.0
// MatVec takes four rows at once: one load of x serves four rows, eight accumulators hide the
// latency of the additions, and the four sums are reduced together by interleaving. A last group
// of fewer rows repeats the last row, so that every row goes through the same additions.
#include "core/kernels/matrix.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/matrix.cc"
#include "hwy/foreach_target.h"  // Must come before highway.h.

#include <algorithm>
#include <cstddef>

#include "core/check.h"
#include "core/kernels/row_pass-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {
namespace {

// sums[r] = row[r] . x for four rows of n columns.
HWY_INLINE void DotFour(const DotFourBody& body, std::size_t n, float* sums) {
  const std::size_t lanes = hn::Lanes(D());
  V a0 = hn::Zero(D()), a1 = a0, a2 = a0, a3 = a0;
  V b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  std::size_t j = 0;
  for (; j + 2 * lanes <= n; j += 2 * lanes) {
    body(WholeVector(), j, a0, a1, a2, a3);
    body(WholeVector(), j + lanes, b0, b1, b2, b3);
  }
  for (; j + lanes <= n; j += lanes) body(WholeVector(), j, a0, a1, a2, a3);
  if (j < n) body(FirstLanes{n - j}, j, b0, b1, b2, b3);
  SumLanesOfFour(D(), hn::Add(a0, b0), hn::Add(a1, b1), hn::Add(a2, b2), hn::Add(a3, b3), sums);
}

template <bool kAdd>
HWY_INLINE void MatVecRows(const float* w, const float* x, std::size_t n, float* y, std::size_t m) {
  for (std::size_t i = 0; i < m; i += 4) {
    const std::size_t last = m - 1;
    const DotFourBody body{{w + i * n, w + std::min(i + 1, last) * n, w + std::min(i + 2, last) * n,
                            w + std::min(i + 3, last) * n},
                           x};
    float sums[4];
    DotFour(body, n, sums);
    if (i + 4 <= m) {
      for (std::size_t r = 0; r < 4; ++r) y[i + r] = kAdd ? y[i + r] + sums[r] : sums[r];
    } else {
      for (std::size_t r = 0; i + r < m; ++r) y[i + r] = kAdd ? y[i + r] + sums[r] : sums[r];
    }
  }
}

void MatVecImpl(const float* w, const float* x, std::size_t n, float* y, std::size_t m) {
  MatVecRows<false>(w, x, n, y, m);
}

void MatVecAddImpl(const float* w, const float* x, std::size_t n, float* y, std::size_t m) {
  MatVecRows<true>(w, x, n, y, m);
}

void TransposedMatVecAddImpl(const float* w, const float* dy, std::size_t m, float* dx,
                             std::size_t n) {
  RowQueue<Pass::kBackward> queue(nullptr, dx, n);
  for (std::size_t i = 0; i < m; ++i) {
    if (dy[i] != 0.0F) queue.Push(w + i * n, dy[i], 0.0F);
  }
  queue.Finish();
}

void Rank1AddImpl(float a, std::span<const float> u, const float* v, std::size_t n, float* w) {
  RowQueue<Pass::kUpdate> queue(v, nullptr, n);
  for (std::size_t i = 0; i < u.size(); ++i) {
    if (u[i] != 0.0F) queue.Push(w + i * n, 0.0F, a * u[i]);
  }
  queue.Finish();
}

}  // namespace
}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gyrus::kernels {

HWY_EXPORT(MatVecImpl);
HWY_EXPORT(MatVecAddImpl);
HWY_EXPORT(TransposedMatVecAddImpl);
HWY_EXPORT(Rank1AddImpl);

void MatVec(std::span<const float> w, std::span<const float> x, std::span<float> y) noexcept {
  GYRUS_DCHECK(w.size() == y.size() * x.size());
  HWY_DYNAMIC_DISPATCH(MatVecImpl)(w.data(), x.data(), x.size(), y.data(), y.size());
}

void MatVecAdd(std::span<const float> w, std::span<const float> x, std::span<float> y) noexcept {
  GYRUS_DCHECK(w.size() == y.size() * x.size());
  HWY_DYNAMIC_DISPATCH(MatVecAddImpl)(w.data(), x.data(), x.size(), y.data(), y.size());
}

void TransposedMatVecAdd(std::span<const float> w, std::span<const float> dy,
                         std::span<float> dx) noexcept {
  GYRUS_DCHECK(w.size() == dy.size() * dx.size());
  HWY_DYNAMIC_DISPATCH(TransposedMatVecAddImpl)
  (w.data(), dy.data(), dy.size(), dx.data(), dx.size());
}

void Rank1Add(float a, std::span<const float> u, std::span<const float> v,
              std::span<float> w) noexcept {
  GYRUS_DCHECK(w.size() == u.size() * v.size());
  HWY_DYNAMIC_DISPATCH(Rank1AddImpl)(a, u, v.data(), v.size(), w.data());
}

}  // namespace gyrus::kernels
#endif  // HWY_ONCE
