// SPDX-License-Identifier: Apache-2.0
// One pass over rows of a matrix, four at a time, compiled once per instruction set (hence no
// #pragma once).
//
// Four rows share each load of x and each load and store of dx, which leaves little more than
// the traffic of W itself: per weight 4 bytes read, 4 written, and 1 to 3 of x and dx in L1.

#if defined(GYRUS_CORE_KERNELS_ROW_PASS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GYRUS_CORE_KERNELS_ROW_PASS_INL_H_
#undef GYRUS_CORE_KERNELS_ROW_PASS_INL_H_
#else
#define GYRUS_CORE_KERNELS_ROW_PASS_INL_H_
#endif

#include <cstddef>
#include <type_traits>

#include "core/kernels/lanes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {

// Adds one vector of columns of four rows to their sums.
struct DotFourBody {
  const float* row[4];
  const float* x;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j, V& s0, V& s1, V& s2, V& s3) const {
    const V v = lanes.Load(x + j);
    s0 = hn::MulAdd(lanes.Load(row[0] + j), v, s0);
    s1 = hn::MulAdd(lanes.Load(row[1] + j), v, s1);
    s2 = hn::MulAdd(lanes.Load(row[2] + j), v, s2);
    s3 = hn::MulAdd(lanes.Load(row[3] + j), v, s3);
  }
};

enum class Pass {
  kBackward,  // dx += back * row
  kUpdate,    // row += step * x
  kBoth,      // The first, with the row as it was, then the second.
};

// The body of a pass over kRows rows, for ForColumns().
template <Pass kPass, std::size_t kRows>
struct RowPass {
  using Element = std::conditional_t<kPass == Pass::kBackward, const float, float>;

  Element* row[kRows];
  float back[kRows];
  float step[kRows];
  const float* x;
  float* dx;

  template <class Lanes>
  HWY_INLINE void operator()(Lanes lanes, std::size_t j) const {
    [[maybe_unused]] V input = hn::Zero(D());
    [[maybe_unused]] V gradient = hn::Zero(D());
    if constexpr (kPass != Pass::kBackward) input = lanes.Load(x + j);
    if constexpr (kPass != Pass::kUpdate) gradient = lanes.Load(dx + j);
    for (std::size_t r = 0; r < kRows; ++r) {
      const V w = lanes.Load(row[r] + j);
      if constexpr (kPass != Pass::kUpdate) {
        gradient = hn::MulAdd(hn::Set(D(), back[r]), w, gradient);
      }
      if constexpr (kPass != Pass::kBackward) {
        lanes.Store(hn::MulAdd(hn::Set(D(), step[r]), input, w), row[r] + j);
      }
    }
    if constexpr (kPass != Pass::kUpdate) lanes.Store(gradient, dx + j);
  }
};

// Takes rows one by one, in any choice, and passes over them four at a time.
template <Pass kPass>
class RowQueue {
 public:
  using Element = typename RowPass<kPass, 1>::Element;

  HWY_INLINE RowQueue(const float* x, float* dx, std::size_t columns)
      : x_(x), dx_(dx), columns_(columns) {}

  HWY_INLINE void Push(Element* row, float back, float step) {
    row_[size_] = row;
    back_[size_] = back;
    step_[size_] = step;
    if (++size_ < 4) return;
    size_ = 0;
    ForColumns(columns_, RowPass<kPass, 4>{{row_[0], row_[1], row_[2], row_[3]},
                                           {back_[0], back_[1], back_[2], back_[3]},
                                           {step_[0], step_[1], step_[2], step_[3]},
                                           x_,
                                           dx_});
  }

  // Passes over the rows still waiting.
  HWY_INLINE void Finish() {
    for (std::size_t r = 0; r < size_; ++r) {
      ForColumns(columns_, RowPass<kPass, 1>{{row_[r]}, {back_[r]}, {step_[r]}, x_, dx_});
    }
    size_ = 0;
  }

 private:
  const float* x_;
  float* dx_;
  std::size_t columns_;
  std::size_t size_ = 0;
  Element* row_[4] = {};
  float back_[4] = {};
  float step_[4] = {};
};

}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
