// SPDX-License-Identifier: Apache-2.0
// P - scale k k^T stays symmetric because the term is written as a product of two equal factors,
// t_i t_j with t = sqrt(|scale|) k: it rounds alike on both sides of the diagonal, fused or not.
// No memory is needed for t: a multiplication per vector recomputes it.
#include "core/kernels/rls.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/rls.cc"
#include "hwy/foreach_target.h"  // Must come before highway.h.

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/check.h"
#include "core/kernels/lanes-inl.h"
#include "core/kernels/matrix.h"
#include "core/kernels/vector.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {
namespace {

// Four rows of P at once share each load of k.
template <bool kForget, std::size_t kRows>
struct DowndateBody {
  float* row[kRows];
  float t[kRows];  // -sign(scale) t_i.
  float root;      // sqrt(|scale|).
  float growth;    // 1 / forget.
  const float* k;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j) const {
    const V t_j = hn::Mul(hn::Set(D(), root), lanes.Load(k + j));
    for (std::size_t r = 0; r < kRows; ++r) {
      V p = hn::MulAdd(hn::Set(D(), t[r]), t_j, lanes.Load(row[r] + j));
      if constexpr (kForget) p = hn::Mul(hn::Set(D(), growth), p);
      lanes.Store(p, row[r] + j);
    }
  }
};

template <bool kForget>
HWY_INLINE void Downdate(float scale, float growth, std::span<const float> k, float* p) {
  const float root = std::sqrt(std::abs(scale));
  const float sign = std::copysign(1.0F, -scale);
  const std::size_t n = k.size();
  const auto t = [&](std::size_t i) { return sign * (root * k[i]); };
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    float* row = p + i * n;
    ForColumns(n, DowndateBody<kForget, 4>{{row, row + n, row + 2 * n, row + 3 * n},
                                           {t(i), t(i + 1), t(i + 2), t(i + 3)},
                                           root,
                                           growth,
                                           k.data()});
  }
  for (; i < n; ++i) {
    ForColumns(n, DowndateBody<kForget, 1>{{p + i * n}, {t(i)}, root, growth, k.data()});
  }
}

void DowndateImpl(float scale, std::span<const float> k, float* p) {
  Downdate<false>(scale, 1.0F, k, p);
}

void DowndateForgetImpl(float scale, float growth, std::span<const float> k, float* p) {
  Downdate<true>(scale, growth, k, p);
}

struct PackedRowBody {
  float step;
  const float* phi;
  float* row;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j) const {
    lanes.Store(hn::MulAdd(hn::Set(D(), step), lanes.Load(phi + j), lanes.Load(row + j)), row + j);
  }
};

void SymmetricRank1AddImpl(float a, std::span<const float> phi, float* packed) {
  for (std::size_t i = 0; i < phi.size(); ++i) {
    if (phi[i] != 0.0F) ForColumns(i + 1, PackedRowBody{a * phi[i], phi.data(), packed});
    packed += i + 1;
  }
}

}  // namespace
}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gyrus::kernels {

HWY_EXPORT(DowndateImpl);
HWY_EXPORT(DowndateForgetImpl);
HWY_EXPORT(SymmetricRank1AddImpl);

float RlsGain(std::span<const float> p, std::span<const float> phi, std::span<float> k) noexcept {
  GYRUS_DCHECK(k.size() == phi.size());
  MatVec(p, phi, k);
  return Dot(phi, k);
}

void RlsDowndate(float scale, std::span<const float> k, std::span<float> p) noexcept {
  GYRUS_DCHECK(p.size() == k.size() * k.size());
  HWY_DYNAMIC_DISPATCH(DowndateImpl)(scale, k, p.data());
}

void RlsDowndateForget(float scale, float forget, std::span<const float> k,
                       std::span<float> p) noexcept {
  GYRUS_DCHECK(p.size() == k.size() * k.size());
  HWY_DYNAMIC_DISPATCH(DowndateForgetImpl)(scale, 1.0F / forget, k, p.data());
}

void SymmetricRank1Add(float a, std::span<const float> phi, std::span<float> packed) noexcept {
  GYRUS_DCHECK(packed.size() == phi.size() * (phi.size() + 1) / 2);
  HWY_DYNAMIC_DISPATCH(SymmetricRank1AddImpl)(a, phi, packed.data());
}

}  // namespace gyrus::kernels
#endif  // HWY_ONCE
