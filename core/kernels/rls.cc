// SPDX-License-Identifier: Apache-2.0
// P - scale k k^T stays symmetric because the term is written as a product of two equal factors,
// t_i t_j with t = sqrt(|scale|) k: it rounds alike on both sides of the diagonal, fused or not.
// No memory is needed for t: a multiplication per vector recomputes it.
//
// Half of P is all there is, because its bytes are what bounds both: in k = P phi each element
// below the diagonal is used twice, for its row and mirrored for its column. Squares on the
// diagonal are whole, so that columns come in whole vectors.
#include "core/kernels/rls.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/rls.cc"
#include "hwy/foreach_target.h"  // Must come before highway.h.

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "core/check.h"
#include "core/kernels/row_pass-inl.h"
#include "core/kernels/vector.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {
namespace {

// One vector of columns left of the diagonal, for four rows of P: each element p_ij serves k_i
// (the sums) and, as p_ji, k_j.
struct GainBody {
  DotFourBody dot;
  float back[4];  // phi_i, or 0 for a row that only fills up the four.
  float* k;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j, V& s0, V& s1, V& s2, V& s3) const {
    dot(lanes, j, s0, s1, s2, s3);
    V mirrored = lanes.Load(k + j);
    for (std::size_t r = 0; r < 4; ++r) {
      mirrored = hn::MulAdd(hn::Set(D(), back[r]), lanes.Load(dot.row[r] + j), mirrored);
    }
    lanes.Store(mirrored, k + j);
  }
};

// sums = the products of four rows with phi as far as `end`, where the square on the diagonal that
// begins at column `begin` ends; adds the mirrored elements before `begin` to k.
HWY_INLINE void GainFour(const GainBody& body, std::size_t begin, std::size_t end, float* sums) {
  const std::size_t lanes = hn::Lanes(D());
  V s0 = hn::Zero(D()), s1 = s0, s2 = s0, s3 = s0;
  std::size_t j = 0;
  for (; j + lanes <= begin; j += lanes) body(WholeVector(), j, s0, s1, s2, s3);
  if (j < begin) body(FirstLanes{begin - j}, j, s0, s1, s2, s3);
  for (j = begin; j + lanes <= end; j += lanes) body.dot(WholeVector(), j, s0, s1, s2, s3);
  if (j < end) body.dot(FirstLanes{end - j}, j, s0, s1, s2, s3);
  SumLanesOfFour(D(), s0, s1, s2, s3, sums);
}

void GainImpl(const float* p, std::span<const float> phi, float* k) {
  const std::size_t n = phi.size();
  for (std::size_t i = 0; i < n; i += 4) {
    const std::size_t begin = i / kTriangleStrip * kTriangleStrip;
    const std::size_t end = std::min(begin + kTriangleStrip, n);
    GainBody body{{{}, phi.data()}, {}, k};
    for (std::size_t r = 0; r < 4; ++r) {
      body.dot.row[r] = p + TriangleRow(n, std::min(i + r, n - 1));
      body.back[r] = i + r < n ? phi[i + r] : 0.0F;
    }
    float sums[4];
    GainFour(body, begin, end, sums);
    for (std::size_t r = 0; r < 4 && i + r < n; ++r) k[i + r] = sums[r];
  }
}

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
  const auto columns = [n](std::size_t i) {
    return std::min(i / kTriangleStrip * kTriangleStrip + kTriangleStrip, n);
  };
  std::size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const std::size_t c = columns(i);
    float* row = p + TriangleRow(n, i);
    ForColumns(c, DowndateBody<kForget, 4>{{row, row + c, row + 2 * c, row + 3 * c},
                                           {t(i), t(i + 1), t(i + 2), t(i + 3)},
                                           root,
                                           growth,
                                           k.data()});
  }
  for (; i < n; ++i) {
    float* const row = p + TriangleRow(n, i);
    ForColumns(columns(i), DowndateBody<kForget, 1>{{row}, {t(i)}, root, growth, k.data()});
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

// Not ForColumns(): with rows of every length, unrolling costs more branches than it saves.
HWY_INLINE void AddPackedRow(const PackedRowBody& body, std::size_t columns) {
  const std::size_t lanes = hn::Lanes(D());
  std::size_t j = 0;
  for (; j + lanes <= columns; j += lanes) body(WholeVector(), j);
  if (j < columns) body(FirstLanes{columns - j}, j);
}

// Takes rows from both ends in turn: a row's last store and the next row's first load share a
// vector's width, and would wait for each other.
void SymmetricRank1AddImpl(float a, std::span<const float> phi, float* packed) {
  const std::size_t n = phi.size();
  const auto add_row = [&](std::size_t i) HWY_ATTR {
    if (phi[i] == 0.0F) return;
    AddPackedRow(PackedRowBody{a * phi[i], phi.data(), packed + i * (i + 1) / 2}, i + 1);
  };
  for (std::size_t i = 0; i < n / 2; ++i) {
    add_row(i);
    add_row(n - 1 - i);
  }
  if (n % 2 != 0) add_row(n / 2);
}

}  // namespace
}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gyrus::kernels {

HWY_EXPORT(GainImpl);
HWY_EXPORT(DowndateImpl);
HWY_EXPORT(DowndateForgetImpl);
HWY_EXPORT(SymmetricRank1AddImpl);

float RlsGain(std::span<const float> p, std::span<const float> phi, std::span<float> k) noexcept {
  GYRUS_DCHECK(k.size() == phi.size());
  GYRUS_DCHECK(p.size() == TriangleFloats(phi.size()));
  HWY_DYNAMIC_DISPATCH(GainImpl)(p.data(), phi, k.data());
  return Dot(phi, k);
}

void RlsDowndate(float scale, std::span<const float> k, std::span<float> p) noexcept {
  GYRUS_DCHECK(p.size() == TriangleFloats(k.size()));
  HWY_DYNAMIC_DISPATCH(DowndateImpl)(scale, k, p.data());
}

void RlsDowndateForget(float scale, float forget, std::span<const float> k,
                       std::span<float> p) noexcept {
  GYRUS_DCHECK(p.size() == TriangleFloats(k.size()));
  HWY_DYNAMIC_DISPATCH(DowndateForgetImpl)(scale, 1.0F / forget, k, p.data());
}

void SymmetricRank1Add(float a, std::span<const float> phi, std::span<float> packed) noexcept {
  GYRUS_DCHECK(packed.size() == phi.size() * (phi.size() + 1) / 2);
  HWY_DYNAMIC_DISPATCH(SymmetricRank1AddImpl)(a, phi, packed.data());
}

}  // namespace gyrus::kernels
#endif  // HWY_ONCE
