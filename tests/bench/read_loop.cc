// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/read_loop.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/bench/read_loop.cc"
#include "hwy/foreach_target.h"  // Must come before highway.h.

#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::bench::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;

// Named accumulators, as vectors of some targets have no size known here and make no array.
float Sum4Impl(const float* x, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  auto a = hn::Zero(d), b = a, c = a, e = a;
  for (const float* end = x + n; x < end; x += 4 * lanes) {
    a = hn::Add(a, hn::LoadU(d, x));
    b = hn::Add(b, hn::LoadU(d, x + lanes));
    c = hn::Add(c, hn::LoadU(d, x + 2 * lanes));
    e = hn::Add(e, hn::LoadU(d, x + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(a, b), hn::Add(c, e))));
}

template <std::size_t kUnroll>
HWY_INLINE float SumEightAccumulators(const float* x, std::size_t n) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  auto a = hn::Zero(d), b = a, c = a, e = a, f = a, g = a, h = a, i = a;
  for (const float* end = x + n; x < end;) {
    for (std::size_t u = 0; u < kUnroll; ++u, x += 8 * lanes) {
      a = hn::Add(a, hn::LoadU(d, x));
      b = hn::Add(b, hn::LoadU(d, x + lanes));
      c = hn::Add(c, hn::LoadU(d, x + 2 * lanes));
      e = hn::Add(e, hn::LoadU(d, x + 3 * lanes));
      f = hn::Add(f, hn::LoadU(d, x + 4 * lanes));
      g = hn::Add(g, hn::LoadU(d, x + 5 * lanes));
      h = hn::Add(h, hn::LoadU(d, x + 6 * lanes));
      i = hn::Add(i, hn::LoadU(d, x + 7 * lanes));
    }
  }
  const auto low = hn::Add(hn::Add(a, b), hn::Add(c, e));
  const auto high = hn::Add(hn::Add(f, g), hn::Add(h, i));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(low, high)));
}

float Sum8Impl(const float* x, std::size_t n) { return SumEightAccumulators<1>(x, n); }
float Sum16Impl(const float* x, std::size_t n) { return SumEightAccumulators<2>(x, n); }

}  // namespace
}  // namespace gyrus::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gyrus::bench {

HWY_EXPORT(Sum4Impl);
HWY_EXPORT(Sum8Impl);
HWY_EXPORT(Sum16Impl);

float SumBy4(std::span<const float> x) {
  return HWY_DYNAMIC_DISPATCH(Sum4Impl)(x.data(), x.size());
}
float SumBy8(std::span<const float> x) {
  return HWY_DYNAMIC_DISPATCH(Sum8Impl)(x.data(), x.size());
}
float SumBy16(std::span<const float> x) {
  return HWY_DYNAMIC_DISPATCH(Sum16Impl)(x.data(), x.size());
}

}  // namespace gyrus::bench
#endif  // HWY_ONCE
