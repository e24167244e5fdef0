// SPDX-License-Identifier: Apache-2.0
// Every pixel under a patch is multiplied with that tap of 32 patches at once, for four positions
// at once: two loads of taps and four broadcasts feed eight multiply-adds, and the responses are
// thresholded and pooled while they are in registers. The mean is never subtracted (patches sum
// to 0), and the contrast scales the response instead of the pixels: one number per position.
//
// Sums of pixels and of their squares under a patch are integers below 2^24, so they are exact in
// floats, and n sum x^2 - (sum x)^2 below 2^31 is exact in 32 bits: a blank position is known for
// certain and skipped.
#include "core/kernels/patches.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/patches.cc"
#include "hwy/foreach_target.h"  // Must come before highway.h.

#include <algorithm>

#include "core/check.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<float, 16>;
using DI = hn::RebindToSigned<D>;
using DU = hn::RebindToUnsigned<D>;
using V = hn::Vec<D>;

// The parts of the scratch. Every one has slack at its end; a row of `scales` runs over into the
// next, which comes later.
struct Scratch {
  Scratch(const PatchBank& bank, float* start)
      : image(start),
        sums(image + bank.rows * bank.columns + kPatchSlack),
        squares(sums + bank.columns + kPatchSlack),
        scales(squares + bank.columns + kPatchSlack),
        offsets(reinterpret_cast<uint32_t*>(scales + bank.rows * bank.columns + kPatchSlack)),
        scale(scales + 2 * (bank.rows * bank.columns + kPatchSlack)) {}

  float* image;       // (rows, columns)
  float* sums;        // (columns,) of the patch_size pixels from a row on down.
  float* squares;     // (columns,) of their squares.
  float* scales;      // (rows, columns) by position; 0: blank.
  uint32_t* offsets;  // Where the positions of a cell that are not blank begin in the image,
  float* scale;       // and their scales.
};

void ToFloats(std::span<const uint8_t> pixels, float* image) {
  const D d;
  const hn::Rebind<uint8_t, D> bytes;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= pixels.size(); i += lanes) {
    const auto wide = hn::PromoteTo(DI(), hn::LoadU(bytes, pixels.data() + i));
    hn::StoreU(hn::ConvertTo(d, wide), d, image + i);
  }
  for (; i < pixels.size(); ++i) image[i] = pixels[i];
  std::fill(image + i, image + i + kPatchSlack, 0.0F);
}

// Adds `sign` times a row of the image, and its squares, to the sums of columns.
HWY_INLINE void AddRow(const PatchBank& bank, std::size_t row, float sign, const Scratch& s) {
  const D d;
  const float* const from = s.image + row * bank.columns;
  for (std::size_t c = 0; c < bank.columns; c += hn::Lanes(d)) {
    const V x = hn::LoadU(d, from + c);
    const V signed_x = hn::Mul(hn::Set(d, sign), x);
    hn::StoreU(hn::Add(hn::LoadU(d, s.sums + c), signed_x), d, s.sums + c);
    hn::StoreU(hn::MulAdd(signed_x, x, hn::LoadU(d, s.squares + c)), d, s.squares + c);
  }
}

// The scales of a row of positions: 1 / sqrt(|x - mean|^2 + epsilon), 0 where x is flat.
HWY_INLINE void ScaleRow(const PatchBank& bank, const Scratch& s, float* scales) {
  const D d;
  const std::size_t p = bank.patch_size;
  const V inverse_taps = hn::Set(d, 1.0F / static_cast<float>(p * p));
  const V epsilon = hn::Set(d, bank.epsilon * 255.0F * 255.0F);
  const auto taps = hn::Set(DU(), static_cast<uint32_t>(p * p));
  for (std::size_t c = 0; c + p <= bank.columns; c += hn::Lanes(d)) {
    V sum = hn::Zero(d);
    V square = hn::Zero(d);
    for (std::size_t j = 0; j < p; ++j) {
      sum = hn::Add(sum, hn::LoadU(d, s.sums + c + j));
      square = hn::Add(square, hn::LoadU(d, s.squares + c + j));
    }
    const auto exact_sum = hn::BitCast(DU(), hn::ConvertTo(DI(), sum));
    const auto exact_square = hn::BitCast(DU(), hn::ConvertTo(DI(), square));
    const auto spread = hn::Sub(hn::Mul(taps, exact_square), hn::Mul(exact_sum, exact_sum));
    const V variance = hn::Mul(hn::ConvertTo(d, hn::BitCast(DI(), spread)), inverse_taps);
    const V scale = hn::Div(hn::Set(d, 1.0F), hn::Sqrt(hn::Add(variance, epsilon)));
    hn::StoreU(hn::IfThenElseZero(hn::Gt(variance, hn::Zero(d)), scale), d, scales + c);
  }
}

// Four positions against two vectors of patches; the thresholded responses are added to
// pool0 and pool1.
HWY_INLINE void Respond(const PatchBank& bank, const float* taps, const float* const* x,
                        const float* scale, V& pool0, V& pool1) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t stride = PatchStride(bank.patches);
  V a0 = hn::Zero(d), a1 = a0, b0 = a0, b1 = a0, c0 = a0, c1 = a0, e0 = a0, e1 = a0;
  for (std::size_t i = 0; i < bank.patch_size; ++i) {
    for (std::size_t at = i * bank.columns; at < i * bank.columns + bank.patch_size; ++at) {
      const V w0 = hn::LoadU(d, taps);
      const V w1 = hn::LoadU(d, taps + lanes);
      taps += stride;
      const V xa = hn::Set(d, x[0][at]);
      a0 = hn::MulAdd(w0, xa, a0);
      a1 = hn::MulAdd(w1, xa, a1);
      const V xb = hn::Set(d, x[1][at]);
      b0 = hn::MulAdd(w0, xb, b0);
      b1 = hn::MulAdd(w1, xb, b1);
      const V xc = hn::Set(d, x[2][at]);
      c0 = hn::MulAdd(w0, xc, c0);
      c1 = hn::MulAdd(w1, xc, c1);
      const V xe = hn::Set(d, x[3][at]);
      e0 = hn::MulAdd(w0, xe, e0);
      e1 = hn::MulAdd(w1, xe, e1);
    }
  }
  const V zero = hn::Zero(d);
  const V threshold = hn::Set(d, bank.threshold);
  const auto pool = [&](V u0, V u1, float s) HWY_ATTR {
    const V by = hn::Set(d, s);
    pool0 = hn::Add(pool0, hn::Max(zero, hn::MulSub(u0, by, threshold)));
    pool1 = hn::Add(pool1, hn::Max(zero, hn::MulSub(u1, by, threshold)));
  };
  pool(a0, a1, scale[0]);
  pool(b0, b1, scale[1]);
  pool(c0, c1, scale[2]);
  pool(e0, e1, scale[3]);
}

// Pools the `count` listed positions, of 1 / inverse_all that the cell has.
HWY_INLINE void PoolList(const PatchBank& bank, const float* taps, const Scratch& s,
                         std::size_t count, float inverse_all, float* pooled) {
  const D d;
  const std::size_t lanes = hn::Lanes(d);
  const V inverse = hn::Set(d, inverse_all);
  for (std::size_t k = 0; k < bank.patches; k += 2 * lanes) {
    V pool0 = hn::Zero(d);
    V pool1 = hn::Zero(d);
    for (std::size_t i = 0; i < count; i += 4) {
      const float* const x[4] = {s.image + s.offsets[i], s.image + s.offsets[i + 1],
                                 s.image + s.offsets[i + 2], s.image + s.offsets[i + 3]};
      Respond(bank, taps + k, x, s.scale + i, pool0, pool1);
    }
    HWY_ALIGN float roots[32];
    hn::Store(hn::Sqrt(hn::Mul(pool0, inverse)), d, roots);
    hn::Store(hn::Sqrt(hn::Mul(pool1, inverse)), d, roots + lanes);
    std::copy_n(roots, std::min(2 * lanes, bank.patches - k), pooled + k);
  }
}

struct Span {
  std::size_t begin;
  std::size_t end;
};

// The positions p of `positions` along a side with floor(p grid / positions) = i.
Span PositionsOf(std::size_t i, std::size_t grid, std::size_t positions) {
  return {(i * positions + grid - 1) / grid, ((i + 1) * positions + grid - 1) / grid};
}

HWY_INLINE void PoolCell(const PatchBank& bank, const float* taps, const Scratch& s, Span down,
                         Span across, float* pooled) {
  std::size_t count = 0;
  for (std::size_t r = down.begin; r < down.end; ++r) {
    for (std::size_t c = across.begin; c < across.end; ++c) {
      const std::size_t at = r * bank.columns + c;
      s.offsets[count] = static_cast<uint32_t>(at);
      s.scale[count] = s.scales[at];
      count += s.scales[at] != 0.0F ? 1 : 0;
    }
  }
  for (std::size_t i = count; i < count + 3; ++i) {  // To a multiple of four, which respond with 0.
    s.offsets[i] = 0;
    s.scale[i] = 0.0F;
  }
  const std::size_t all = (down.end - down.begin) * (across.end - across.begin);
  PoolList(bank, taps, s, count, 1.0F / static_cast<float>(all), pooled);
}

void PoolPatchesImpl(const PatchBank& bank, const float* taps, std::span<const uint8_t> pixels,
                     float* scratch, float* pooled) {
  const Scratch s(bank, scratch);
  const std::size_t down = bank.rows - bank.patch_size + 1;
  const std::size_t across = bank.columns - bank.patch_size + 1;
  ToFloats(pixels, s.image);
  std::fill(s.sums, s.scales, 0.0F);
  for (std::size_t r = 0; r < bank.rows; ++r) {
    AddRow(bank, r, 1.0F, s);
    if (r + 1 < bank.patch_size) continue;
    const std::size_t first = r + 1 - bank.patch_size;
    ScaleRow(bank, s, s.scales + first * bank.columns);
    AddRow(bank, first, -1.0F, s);
  }
  for (std::size_t i = 0; i < bank.grid; ++i) {
    for (std::size_t j = 0; j < bank.grid; ++j) {
      PoolCell(bank, taps, s, PositionsOf(i, bank.grid, down), PositionsOf(j, bank.grid, across),
               pooled);
      pooled += bank.patches;
    }
  }
}

}  // namespace
}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gyrus::kernels {

HWY_EXPORT(PoolPatchesImpl);

void PoolPatches(const PatchBank& bank, std::span<const float> taps,
                 std::span<const uint8_t> pixels, std::span<float> scratch,
                 std::span<float> pooled) noexcept {
  GYRUS_DCHECK(bank.patch_size >= 1 && bank.patch_size <= kMaxPatchSize);
  GYRUS_DCHECK(bank.patch_size <= std::min(bank.rows, bank.columns));
  GYRUS_DCHECK(taps.size() == bank.patch_size * bank.patch_size * PatchStride(bank.patches));
  GYRUS_DCHECK(pixels.size() == bank.rows * bank.columns);
  GYRUS_DCHECK(scratch.size() >= PatchScratch(bank.rows, bank.columns));
  GYRUS_DCHECK(pooled.size() == bank.grid * bank.grid * bank.patches);
  HWY_DYNAMIC_DISPATCH(PoolPatchesImpl)
  (bank, taps.data(), pixels, scratch.data(), pooled.data());
}

}  // namespace gyrus::kernels
#endif  // HWY_ONCE
