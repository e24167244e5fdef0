// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/layout.h"
#include "core/real_time.h"

namespace gyrus {

// Elements of tensor `t`.
inline std::size_t ElementsOf(const BlockLayout& layout, std::size_t t) noexcept GYRUS_NONBLOCKING {
  return std::size_t{layout.tensors()[t].rows} * layout.tensors()[t].columns;
}

// Tensor `t` of a block, row-major. Requires: its type is kF32.
inline std::span<const float> FloatsOf(const BlockLayout& layout, std::size_t t,
                                       const std::byte* block) noexcept GYRUS_NONBLOCKING {
  return {reinterpret_cast<const float*>(block + layout.offset(t)), ElementsOf(layout, t)};
}
inline std::span<float> FloatsOf(const BlockLayout& layout, std::size_t t,
                                 std::byte* block) noexcept GYRUS_NONBLOCKING {
  return {reinterpret_cast<float*>(block + layout.offset(t)), ElementsOf(layout, t)};
}

}  // namespace gyrus
