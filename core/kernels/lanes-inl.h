// SPDX-License-Identifier: Apache-2.0
// What all kernels share, compiled once per instruction set (hence no #pragma once).
//
// A kernel describes what happens to one vector of columns in a body; ForColumns() runs it over
// whole vectors and once more over the rest. The rest goes through the same arithmetic with
// fewer lanes, so an element's result does not depend on where a span ends, and no byte outside
// the span is touched.

#if defined(GYRUS_CORE_KERNELS_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GYRUS_CORE_KERNELS_LANES_INL_H_
#undef GYRUS_CORE_KERNELS_LANES_INL_H_
#else
#define GYRUS_CORE_KERNELS_LANES_INL_H_
#endif

#include <cstddef>
#include <cstring>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

// Moves whole vectors.
struct WholeVector {
  HWY_INLINE V Load(const float* p) const { return hn::LoadU(D(), p); }
  HWY_INLINE void Store(V v, float* p) const { hn::StoreU(v, D(), p); }
};

#if HWY_MEM_OPS_MIGHT_FAULT
// Copies count < 8 floats by moves of fixed size. No target that needs it has more than 8 lanes.
HWY_INLINE void CopyFew(const float* from, std::size_t count, float* to) {
  const std::size_t pairs = count & 4;
  const std::size_t single = count & 6;
  if ((count & 4) != 0) std::memcpy(to, from, 4 * sizeof(float));
  if ((count & 2) != 0) std::memcpy(to + pairs, from + pairs, 2 * sizeof(float));
  if ((count & 1) != 0) to[single] = from[single];
}
#endif

// Moves the first `count` lanes, 0 < count < Lanes(D()); the others load as 0.
struct FirstLanes {
  std::size_t count;

#if HWY_MEM_OPS_MIGHT_FAULT
  // Masked operations of this target may fault beyond the mask: go through the stack.
  HWY_INLINE V Load(const float* p) const {
    HWY_ALIGN float lanes[8] = {};
    CopyFew(p, count, lanes);
    return hn::Load(D(), lanes);
  }
  HWY_INLINE void Store(V v, float* p) const {
    HWY_ALIGN float lanes[8];
    hn::Store(v, D(), lanes);
    CopyFew(lanes, count, p);
  }
#else
  HWY_INLINE V Load(const float* p) const { return hn::MaskedLoad(hn::FirstN(D(), count), D(), p); }
  HWY_INLINE void Store(V v, float* p) const {
    hn::BlendedStore(v, hn::FirstN(D(), count), D(), p);
  }
#endif
};

// Calls body(lanes, j) for each vector of columns, j being its first column.
template <class Body>
HWY_INLINE void ForColumns(std::size_t columns, const Body& body) {
  const std::size_t lanes = hn::Lanes(D());
  std::size_t j = 0;
  for (; j + 4 * lanes <= columns; j += 4 * lanes) {
    body(WholeVector(), j);
    body(WholeVector(), j + lanes);
    body(WholeVector(), j + 2 * lanes);
    body(WholeVector(), j + 3 * lanes);
  }
  for (; j + lanes <= columns; j += lanes) body(WholeVector(), j);
  if (j < columns) body(FirstLanes{columns - j}, j);
}

// Sums body(lanes, j) over all vectors of columns. Four accumulators hide the latency of the
// additions; body(lanes, j, sum) returns sum plus its own term.
template <class Body>
HWY_INLINE V SumColumns(std::size_t columns, const Body& body) {
  const std::size_t lanes = hn::Lanes(D());
  V sum0 = hn::Zero(D());
  V sum1 = sum0;
  V sum2 = sum0;
  V sum3 = sum0;
  std::size_t j = 0;
  for (; j + 4 * lanes <= columns; j += 4 * lanes) {
    sum0 = body(WholeVector(), j, sum0);
    sum1 = body(WholeVector(), j + lanes, sum1);
    sum2 = body(WholeVector(), j + 2 * lanes, sum2);
    sum3 = body(WholeVector(), j + 3 * lanes, sum3);
  }
  for (; j + lanes <= columns; j += lanes) sum0 = body(WholeVector(), j, sum0);
  if (j < columns) sum1 = body(FirstLanes{columns - j}, j, sum1);
  return hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3));
}

// The sum of all lanes of v.
HWY_INLINE float SumLanes(V v) { return hn::GetLane(hn::SumOfLanes(D(), v)); }

// sums[0..3] = the sums of all lanes of a, b, c, d, by interleaving rather than one by one.
#if HWY_TARGET == HWY_SCALAR || HWY_HAVE_SCALABLE
template <class Tag, class Vector = hn::Vec<Tag>>
HWY_INLINE void SumLanesOfFour(Tag tag, Vector a, Vector b, Vector c, Vector d, float* sums) {
  sums[0] = hn::GetLane(hn::SumOfLanes(tag, a));
  sums[1] = hn::GetLane(hn::SumOfLanes(tag, b));
  sums[2] = hn::GetLane(hn::SumOfLanes(tag, c));
  sums[3] = hn::GetLane(hn::SumOfLanes(tag, d));
}
#else
template <class Tag>
HWY_INLINE void StoreSumOfBlocks(Tag tag, hn::Vec<Tag> v, float* sums) {
  if constexpr (hn::MaxLanes(Tag()) == 4) {
    hn::StoreU(v, tag, sums);
  } else {
    const hn::Half<Tag> half;
    StoreSumOfBlocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)), sums);
  }
}

template <class Tag, class Vector = hn::Vec<Tag>>
HWY_INLINE void SumLanesOfFour(Tag tag, Vector a, Vector b, Vector c, Vector d, float* sums) {
  const Vector ac = hn::Add(hn::InterleaveLower(tag, a, c), hn::InterleaveUpper(tag, a, c));
  const Vector bd = hn::Add(hn::InterleaveLower(tag, b, d), hn::InterleaveUpper(tag, b, d));
  StoreSumOfBlocks(tag, hn::Add(hn::InterleaveLower(tag, ac, bd), hn::InterleaveUpper(tag, ac, bd)),
                   sums);
}
#endif

}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
