// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>

// What flat_text.cc needs of the machine: eight floats at a time in the compiler's own vectors
// (GCC and clang; narrower instruction sets are served by several registers), and memory on huge
// pages. The engine has the same in core/kernels and in its blocks.
namespace gyrus {

typedef float F8 __attribute__((vector_size(32)));
typedef int32_t I8 __attribute__((vector_size(32)));

inline F8 Splat(float x) { return F8{x, x, x, x, x, x, x, x}; }
inline F8 Min(F8 a, F8 b) { return a < b ? a : b; }
inline F8 Max(F8 a, F8 b) { return a > b ? a : b; }
inline F8 Clamp(F8 x, float limit) { return Max(Splat(-limit), Min(x, Splat(limit))); }

// A float array as vectors; it must be aligned to 32 bytes.
inline F8* Lanes(float* x) { return reinterpret_cast<F8*>(x); }

// 1 / (1 + exp(-x)) for |x| <= 80: the whole part of the power of two goes into the
// exponent's bits, the fraction through a Taylor polynomial (relative error 3e-6).
inline F8 Squash(F8 x) {
  const F8 t = x * Splat(-1.44269504F);
  const F8 magic = Splat(12582912.0F);  // 1.5 * 2^23: adding it rounds to an integer
  const F8 shifted = t + magic;
  const F8 f = t - (shifted - magic);
  F8 e = Splat(1.3333558e-3F);
  for (const float c : {9.6181291e-3F, 5.5504109e-2F, 2.4022651e-1F, 6.9314718e-1F, 1.0F}) {
    e = e * f + Splat(c);
  }
  const I8 power = reinterpret_cast<I8>(e) + (reinterpret_cast<I8>(shifted) << 23);
  return Splat(1) / (Splat(1) + reinterpret_cast<F8>(power));
}

// Lane i of the result is the sum of the lanes of v[i].
inline F8 SumEach(const F8* v) {
  F8 a[4], b[2];
  for (int i = 0; i < 4; ++i) {
    a[i] = __builtin_shufflevector(v[2 * i], v[2 * i + 1], 0, 8, 2, 10, 4, 12, 6, 14) +
           __builtin_shufflevector(v[2 * i], v[2 * i + 1], 1, 9, 3, 11, 5, 13, 7, 15);
  }
  for (int i = 0; i < 2; ++i) {
    b[i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13) +
           __builtin_shufflevector(a[2 * i], a[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15);
  }
  return __builtin_shufflevector(b[0], b[1], 0, 1, 2, 3, 8, 9, 10, 11) +
         __builtin_shufflevector(b[0], b[1], 4, 5, 6, 7, 12, 13, 14, 15);
}

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
template <typename T>
using Array = std::unique_ptr<T[], Free>;

// Zeroed, on huge pages: rows are random accesses, and the TLB would miss on each.
template <typename T>
Array<T> MakeArray(size_t count) {
  const size_t page = size_t{2} << 20;
  const size_t bytes = (count * sizeof(T) + page - 1) / page * page;
  void* memory = std::aligned_alloc(page, bytes);
  if (memory == nullptr) std::abort();
  madvise(memory, bytes, MADV_HUGEPAGE);
  std::memset(memory, 0, bytes);
  return Array<T>(static_cast<T*>(memory));
}

}  // namespace gyrus
