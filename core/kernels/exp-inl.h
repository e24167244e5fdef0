// SPDX-License-Identifier: Apache-2.0
// The exponential of one vector and what is built from it, compiled once per instruction set
// (hence no #pragma once). The functions and their errors are those of core/kernels/activations.h.

#if defined(GYRUS_CORE_KERNELS_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef GYRUS_CORE_KERNELS_EXP_INL_H_
#undef GYRUS_CORE_KERNELS_EXP_INL_H_
#else
#define GYRUS_CORE_KERNELS_EXP_INL_H_
#endif

#include "core/kernels/lanes-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {

HWY_INLINE V Splat(float value) { return hn::Set(D(), value); }

// 2^n for -126 <= n <= 127.
template <class Integers>
HWY_INLINE V PowerOfTwo(Integers n) {
  const hn::RebindToSigned<D> di;
  return hn::BitCast(D(), hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

struct ExpFunction {
  HWY_INLINE V operator()(V x) const {
    const auto is_nan = hn::IsNaN(x);
    // Beyond these bounds the result is infinite or 0 anyway, and n stays small.
    const V bounded = hn::IfThenZeroElse(is_nan, hn::Min(hn::Max(x, Splat(-105.0F)), Splat(89.0F)));
    const V whole = hn::Round(hn::Mul(bounded, Splat(1.44269504F)));
    // The first part of ln 2 has nine bits, so its product with n is exact, fused or not.
    V r = hn::NegMulAdd(whole, Splat(0.693359375F), bounded);
    r = hn::NegMulAdd(whole, Splat(-2.12194440e-4F), r);

    V p = Splat(1.9875691500e-4F);
    p = hn::MulAdd(p, r, Splat(1.3981999507e-3F));
    p = hn::MulAdd(p, r, Splat(8.3334519073e-3F));
    p = hn::MulAdd(p, r, Splat(4.1665795894e-2F));
    p = hn::MulAdd(p, r, Splat(1.6666665459e-1F));
    p = hn::MulAdd(p, r, Splat(5.0000001201e-1F));
    p = hn::Add(hn::MulAdd(p, hn::Mul(r, r), r), Splat(1.0F));

    // Two steps, as 2^n itself may be out of range where the result is not.
    const hn::RebindToSigned<D> di;
    const auto n = hn::ConvertTo(di, whole);
    const auto half = hn::ShiftRight<1>(n);
    const V y = hn::Mul(hn::Mul(p, PowerOfTwo(half)), PowerOfTwo(hn::Sub(n, half)));
    return hn::IfThenElse(is_nan, x, y);
  }
};

// exp(-|x|), in [0, 1].
HWY_INLINE V ExpOfMinusAbs(V x) { return ExpFunction()(hn::Neg(hn::Abs(x))); }

struct SigmoidFunction {
  HWY_INLINE V operator()(V x) const {
    const V z = ExpOfMinusAbs(x);
    const V one = Splat(1.0F);
    return hn::Div(hn::IfThenElse(hn::Lt(x, hn::Zero(D())), z, one), hn::Add(one, z));
  }
};

struct TanhFunction {
  HWY_INLINE V operator()(V x) const {
    // Near 0 the quotient below would cancel: Cephes tanhf.
    const V x2 = hn::Mul(x, x);
    V p = Splat(-5.70498872745e-3F);
    p = hn::MulAdd(p, x2, Splat(2.06390887954e-2F));
    p = hn::MulAdd(p, x2, Splat(-5.37397155531e-2F));
    p = hn::MulAdd(p, x2, Splat(1.33314422036e-1F));
    p = hn::MulAdd(p, x2, Splat(-3.33332819422e-1F));
    p = hn::MulAdd(hn::Mul(p, x2), x, x);

    const V z = ExpOfMinusAbs(hn::Add(x, x));
    const V one = Splat(1.0F);
    const V far = hn::Div(hn::Sub(one, z), hn::Add(one, z));
    return hn::IfThenElse(hn::Lt(hn::Abs(x), Splat(0.625F)), p, hn::CopySign(far, x));
  }
};

struct SiluFunction {
  HWY_INLINE V operator()(V x) const {
    // The bound keeps -inf from meeting 0; below it the product is 0 anyway.
    return hn::Mul(hn::Max(x, Splat(-150.0F)), SigmoidFunction()(x));
  }
};

struct SiluGradFunction {
  HWY_INLINE V operator()(V x) const {
    const V z = ExpOfMinusAbs(x);
    const V one = Splat(1.0F);
    const V inverse = hn::Div(one, hn::Add(one, z));
    const V sigma = hn::Mul(hn::IfThenElse(hn::Lt(x, hn::Zero(D())), z, one), inverse);
    const V bounded = hn::Min(hn::Max(x, Splat(-150.0F)), Splat(150.0F));
    return hn::MulAdd(hn::Mul(bounded, inverse), hn::Mul(z, inverse), sigma);
  }
};

struct ReluFunction {
  HWY_INLINE V operator()(V x) const {
    return hn::IfThenZeroElse(hn::Le(x, hn::Zero(D())), x);  // Keeps NaN, unlike Max.
  }
};

}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
