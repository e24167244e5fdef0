// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "activation/plan_builder.h"
#include "core/real_time.h"
#include "core/store.h"

namespace gyrus {

// Which classes have ever been learned: a label count per node of the class tree. A node that has
// met labels below one branch only is closed: there is nothing to decide yet, and what is never
// decided costs nothing, so that ten classes in a tree for 64 cost as much as in one for 16.
//
// What is served keeps room for classes never seen: 1 / (labels + 2) of the probability is spread
// evenly over all classes.
//
// Switched off (every node open, nothing spread) for trees of 256, where symbols are dense.
// Thread-safe: immutable. Real-time safe but Create.
class SeenClasses {
 public:
  static absl::StatusOr<SeenClasses> Create(const std::string& head, uint32_t classes,
                                            PlanBuilder* builder);

  // The counts as of one view.
  class Now {
   public:
    // Whether labels came below this node.
    bool Seen(uint32_t node) const { return counts_ == nullptr || counts_[node] > 0.0F; }

    // Whether labels came below both branches of a node.
    bool Open(uint32_t node) const { return Seen(2 * node) && Seen(2 * node + 1); }

    // One more than the highest class learned, 0 before the first. Of `classes` classes.
    uint32_t End(uint32_t classes) const {
      if (counts_ == nullptr) return classes;
      if (!Seen(1)) return 0;
      const uint32_t first_leaf = std::bit_ceil(classes);
      uint32_t node = 1;
      while (node < first_leaf) node = 2 * node + (Seen(2 * node + 1) ? 1 : 0);
      return node - first_leaf + 1;
    }

    // The probability served for one of `classes` classes of probability p.
    float Served(float p, uint32_t classes) const {
      if (counts_ == nullptr) return p;
      const float spread = 1.0F / (counts_[1] + 2.0F);
      const float even = 1.0F / static_cast<float>(classes);
      return counts_[1] > 0.0F ? (1.0F - spread) * p + spread * even : even;
    }

   private:
    friend class SeenClasses;
    explicit Now(const float* counts) : counts_(counts) {}

    const float* counts_;
  };

  Now At(const View& view) const noexcept GYRUS_NONBLOCKING {
    return Now(table_ ? view.table(*table_).As<float>(0) : nullptr);
  }

  // Counts a label, by its leaf in the tree: bit_ceil(classes) + label.
  void Learn(uint32_t leaf, Commit* commit) const noexcept GYRUS_NONBLOCKING {
    if (!table_) return;
    float* const counts = commit->As<float>({*table_, 0});
    for (uint32_t node = leaf; node >= 1; node /= 2) counts[node] += 1.0F;
  }

 private:
  std::optional<uint32_t> table_;
};

}  // namespace gyrus
