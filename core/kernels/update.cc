// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/update.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/update.cc"
#include "hwy/foreach_target.h"  // Must come before highway.h.

#include <cmath>
#include <cstddef>

#include "core/check.h"
#include "core/kernels/matrix.h"
#include "core/kernels/row_pass-inl.h"
#include "core/kernels/vector.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {
namespace {

void SgdOuterImpl(float rate, std::span<const float> dy, std::span<const float> x, float* w,
                  float* dx) {
  RowQueue<Pass::kBoth> queue(x.data(), dx, x.size());
  for (std::size_t i = 0; i < dy.size(); ++i) {
    if (dy[i] != 0.0F) queue.Push(w + i * x.size(), dy[i], -rate * dy[i]);
  }
  queue.Finish();
}

template <Pass kPass>
HWY_INLINE void RmspropRows(const RmspropStep& step, std::span<const float> dy,
                            std::span<const float> x, float* w, float* mean_square, float* dx) {
  const float mean_x2 = x.empty() ? 0.0F : kernels::SumOfSquares(x) / static_cast<float>(x.size());
  const float fresh = (1.0F - step.beta) * mean_x2;
  RowQueue<kPass> queue(x.data(), dx, x.size());
  for (std::size_t i = 0; i < dy.size(); ++i) {
    const float v = step.beta * mean_square[i] + fresh * (dy[i] * dy[i]);
    mean_square[i] = v;
    if (dy[i] == 0.0F) continue;
    const float rate = step.rate / (std::sqrt(v * step.bias_correction) + step.epsilon);
    queue.Push(w + i * x.size(), dy[i], -rate * dy[i]);
  }
  queue.Finish();
}

void RmspropOuterImpl(const RmspropStep& step, std::span<const float> dy, std::span<const float> x,
                      float* w, float* mean_square, float* dx) {
  RmspropRows<Pass::kBoth>(step, dy, x, w, mean_square, dx);
}

void RmspropUpdateImpl(const RmspropStep& step, std::span<const float> dy, std::span<const float> x,
                       float* w, float* mean_square) {
  RmspropRows<Pass::kUpdate>(step, dy, x, w, mean_square, nullptr);
}

}  // namespace
}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gyrus::kernels {

HWY_EXPORT(SgdOuterImpl);
HWY_EXPORT(RmspropOuterImpl);
HWY_EXPORT(RmspropUpdateImpl);

void SgdOuter(float rate, std::span<const float> dy, std::span<const float> x, std::span<float> w,
              std::span<float> dx) noexcept {
  GYRUS_DCHECK(w.size() == dy.size() * x.size());
  GYRUS_DCHECK(dx.empty() || dx.size() == x.size());
  if (dx.empty()) return Rank1Add(-rate, dy, x, w);
  HWY_DYNAMIC_DISPATCH(SgdOuterImpl)(rate, dy, x, w.data(), dx.data());
}

void RmspropOuter(const RmspropStep& step, std::span<const float> dy, std::span<const float> x,
                  std::span<float> w, std::span<float> mean_square, std::span<float> dx) noexcept {
  GYRUS_DCHECK(w.size() == dy.size() * x.size());
  GYRUS_DCHECK(mean_square.size() == dy.size());
  GYRUS_DCHECK(dx.empty() || dx.size() == x.size());
  if (dx.empty()) {
    HWY_DYNAMIC_DISPATCH(RmspropUpdateImpl)(step, dy, x, w.data(), mean_square.data());
  } else {
    HWY_DYNAMIC_DISPATCH(RmspropOuterImpl)(step, dy, x, w.data(), mean_square.data(), dx.data());
  }
}

}  // namespace gyrus::kernels
#endif  // HWY_ONCE
