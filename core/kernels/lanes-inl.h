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

// Moves the first `count` lanes, 0 < count < Lanes(D()); the others load as 0.
struct FirstLanes {
  std::size_t count;

#if HWY_MEM_OPS_MIGHT_FAULT
  // Masked operations of this target touch whole vectors: go through the stack.
  HWY_INLINE V Load(const float* p) const {
    HWY_ALIGN float lanes[hn::MaxLanes(D())] = {};
    std::memcpy(lanes, p, count * sizeof(float));
    return hn::Load(D(), lanes);
  }
  HWY_INLINE void Store(V v, float* p) const {
    HWY_ALIGN float lanes[hn::MaxLanes(D())];
    hn::Store(v, D(), lanes);
    std::memcpy(p, lanes, count * sizeof(float));
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

}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
