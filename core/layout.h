// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gyrus {

enum class ElementType : uint8_t { kF32, kBf16, kI8, kU8, kU16, kU32, kTernary };

// Who reads a tensor. What only the learner reads is versioned, forked and journalled, but never
// published.
enum class TensorReader : uint8_t {
  kStep,     // Weights, anchors, statistics.
  kLearner,  // Accumulators, inverse covariances, utilities.
};

// How two devices' versions of a tensor become one.
enum class Merge : uint8_t {
  kMean,    // Weights: averaged.
  kSum,     // Sufficient statistics: added.
  kCounts,  // Memory rows: same check, counts add; other check, the larger stays.
  kNever,   // Accumulators, and every tensor that holds input verbatim.
};

// One tensor of a block.
struct TensorSpec {
  std::string name;  // Unique within its layout, e.g. "w_u". Not empty.
  ElementType type = ElementType::kF32;
  uint32_t rows = 1;     // At least 1.
  uint32_t columns = 1;  // At least 1; row-major.
  Merge merge = Merge::kMean;
};

// Where each tensor of a block lies. Every block of a table has the same layout.
//
// Layout: tensors in the given order; one of 64 bytes or more starts at a multiple of 64, a
// smaller one at a multiple of its element's size; the block's size is a multiple of 64, so that
// blocks start on cache lines.
//
// Copyable. Thread-safe: immutable.
class BlockLayout {
 public:
  // Returns InvalidArgument if a name is empty or repeated, a dimension is 0, there is no tensor,
  // or the block is larger than 1 GiB.
  static absl::StatusOr<BlockLayout> Create(std::vector<TensorSpec> tensors,
                                            TensorReader reader = TensorReader::kStep);

  // Size of one block in bytes, a multiple of 64.
  std::size_t block_bytes() const { return block_bytes_; }
  TensorReader reader() const { return reader_; }
  const std::vector<TensorSpec>& tensors() const { return tensors_; }

  // Byte offset of tensor `t` (its place in tensors()) within a block.
  std::size_t offset(std::size_t t) const { return offsets_[t]; }

  // Bytes of tensor `t` without padding.
  std::size_t tensor_bytes(std::size_t t) const;

  // Number of learnt parameters in a block: elements of tensors that merge by kMean or kSum, and
  // of memory rows.
  std::size_t parameters() const;

  // The same tensors in the same order with equal types, sizes, readers and merges.
  bool operator==(const BlockLayout& other) const;

 private:
  BlockLayout() = default;

  std::vector<TensorSpec> tensors_;
  std::vector<std::size_t> offsets_;
  std::size_t block_bytes_ = 0;
  TensorReader reader_ = TensorReader::kStep;
};

// Size of `count` elements, in bytes; ternary packs four to a byte.
std::size_t BytesOf(ElementType type, std::size_t count);

// "F32", "I8", ...: safetensors' spelling ("TERNARY" has none there).
absl::string_view NameOf(ElementType type);

}  // namespace gyrus
