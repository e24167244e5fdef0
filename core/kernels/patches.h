// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/real_time.h"

// Responses of a bank of patches to an image, one source for every instruction set. The general
// terms (alignment, determinism, threads, eps) are those of core/kernels/vector.h.
namespace gyrus::kernels {

inline constexpr std::size_t kMaxPatchSize = 16;  // Sums over a patch then fit 32 bits exactly.

// A bank of square patches, laid over every position of an image where they fit, and the grid of
// cells that pools their responses: position i of n along a side belongs to cell floor(i grid / n).
struct PatchBank {
  std::size_t rows = 0;  // Of the image; in pixels, like columns and patch_size.
  std::size_t columns = 0;
  std::size_t patch_size = 0;  // In [1, kMaxPatchSize] and at most rows and columns.
  std::size_t patches = 0;     // At least 1.
  std::size_t grid = 1;        // At least 1; at most positions along each side.
  float threshold = 0.0F;      // >= 0.
  float epsilon = 0.0F;        // > 0; of a sum of squares of pixels in [0, 1].
};

// Floats from one tap of the taps to the next: the patches, rounded up to whole registers.
constexpr std::size_t PatchStride(std::size_t patches) { return (patches + 31) / 32 * 32; }

// Floats of scratch for an image of this size; vectors may run over the end of its parts.
inline constexpr std::size_t kPatchSlack = 32;
constexpr std::size_t PatchScratch(std::size_t rows, std::size_t columns) {
  return 4 * (rows * columns + kPatchSlack) + 2 * (columns + kPatchSlack);
}

// pooled[cell, k] = sqrt(mean over the cell's positions of max(0, c - threshold)),
// c = d_k . x / sqrt(|x - mean x|^2 + epsilon), x the pixels under the patch, scaled to [0, 1].
// Where the d_k sum to 0, c is the correlation with x - mean x (local contrast normalisation as in
// Coates, Lee, Ng, "An Analysis of Single-Layer Networks in Unsupervised Feature Learning", 2011).
// A position of equal pixels responds with 0, without rounding.
//
// Shapes: pixels (rows, columns); taps (patch_size^2, PatchStride(patches)), element [t, k] being
// pixel t, row by row, of d_k, and 0 beyond the last patch; scratch at least PatchScratch();
// pooled (grid^2, patches).
// Error: before the square root, (n + p + 12) eps (1 + sum |d_k x| / sqrt(...)) over the worst
// position, n = patch_size^2, p positions in the cell.
void PoolPatches(const PatchBank& bank, std::span<const float> taps,
                 std::span<const uint8_t> pixels, std::span<float> scratch,
                 std::span<float> pooled) noexcept GYRUS_NONBLOCKING;

}  // namespace gyrus::kernels
