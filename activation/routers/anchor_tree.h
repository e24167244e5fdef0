// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "activation/plan_builder.h"
#include "activation/routers/best.h"
#include "core/layout.h"
#include "core/real_time.h"
#include "core/store.h"

namespace gyrus {

// 1 / |x|, or 0 if x is all zero. Real-time safe.
float InverseNorm(std::span<const float> x) noexcept GYRUS_NONBLOCKING;

// Finds anchors near an input at a cost that does not grow with their number: a balanced tree of
// groups, as a B-tree is balanced, of the kind of BIRCH (Zhang et al. 1996). A group is a block of
// up to 16 rows; a row of a leaf is an anchor, a row above is the sum of the anchors below it.
//
// A search looks at the root and then, level by level, at the groups whose sums have the greatest
// cosine with the input, in all at a fixed number of groups: where there are fewer levels it looks
// at more leaves. It is exhaustive as long as there are no more leaves than it may look at, and
// may miss an anchor beyond.
//
// An anchor joins the leaf down the greatest cosines. A group of 16 splits into two halves along
// the direction in which it is widest, and their parent gains a row.
//
// Thread-safe: immutable. Real-time safe.
class AnchorTree {
 public:
  // Adds the table "<area>.groups" for at most `anchors` unit vectors of `inputs` elements, of
  // which a search is to find `wanted` at least.
  // Returns InvalidArgument if `wanted` is beyond what a search can hold (about 1,000).
  static absl::StatusOr<AnchorTree> Create(absl::string_view area, uint32_t anchors,
                                           uint32_t inputs, uint32_t wanted, PlanBuilder* builder);

  // Offers anchors near x with their cosines: `wanted` or more, or all that there are.
  // inverse_norm: InverseNorm(x).
  void Nearest(const View& view, std::span<const float> x, float inverse_norm,
               BestRegions* nearest) const noexcept GYRUS_NONBLOCKING;

  // Adds anchor x / |x|. Requires: fewer than `anchors` so far.
  void Insert(uint32_t anchor, std::span<const float> x, float inverse_norm,
              Commit* commit) const noexcept GYRUS_NONBLOCKING;

 private:
  struct Header {
    uint32_t level;   // 0: a leaf.
    uint32_t rows;    // In use.
    uint32_t groups;  // In the tree, but for the root; the root's counts.
  };
  template <typename Byte, typename Float, typename Int>
  struct Rows;
  using ReadGroup = Rows<const std::byte, const float, const uint32_t>;
  using Group = Rows<std::byte, float, uint32_t>;
  struct Place {
    uint32_t group;
    uint32_t row;
  };

  AnchorTree(uint32_t table, BlockLayout layout, uint32_t inputs, uint32_t visits)
      : table_(table), layout_(std::move(layout)), inputs_(inputs), visits_(visits) {}

  ReadGroup Read(const TableView& groups, uint32_t group) const noexcept;
  Group Write(uint32_t group, Commit* commit) const noexcept;
  uint32_t NewGroup(uint32_t level, Commit* commit) const noexcept;
  void DeepenRoot(Commit* commit) const noexcept;
  void Split(uint32_t group, Place parent, Commit* commit) const noexcept;
  void Summarise(uint32_t group, Place parent, Commit* commit) const noexcept;

  uint32_t table_;
  BlockLayout layout_;
  uint32_t inputs_;
  uint32_t visits_;  // Groups that a search looks at.
};

}  // namespace gyrus
