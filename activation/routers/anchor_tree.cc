// SPDX-License-Identifier: Apache-2.0
// Splitting in halves keeps at least 8 rows in every group but the root, so n anchors need at
// most n / 8 leaves, n / 64 groups above them, and so on: room for n / 7 groups is enough for any
// order of any inputs, and 2^20 anchors lie at most 7 levels deep.
//
// A search is wrong where a group's sum says little about its anchors: among inputs without any
// structure a fixed number of comparisons finds a share of the nearest that falls with n. Figures
// in docs/design/activation.md.
#include "activation/routers/anchor_tree.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/kernels/matrix.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kRows = 16;
constexpr uint32_t kHalf = kRows / 2;
constexpr uint32_t kRoot = 0;
constexpr uint32_t kMaxLevels = 8;
constexpr uint32_t kVisits = 10;
constexpr uint32_t kMaxVisits = 1024;

enum Tensor : std::size_t { kHeader, kMembers, kScales, kSums };

}  // namespace

float InverseNorm(std::span<const float> x) noexcept {
  const float squares = kernels::SumOfSquares(x);
  return squares > 0.0F ? 1.0F / std::sqrt(squares) : 0.0F;
}

template <typename Byte, typename Float, typename Int>
struct AnchorTree::Rows {
  Rows(Byte* block, const BlockLayout& layout, uint32_t inputs)
      : header(reinterpret_cast<decltype(header)>(block)),
        members(reinterpret_cast<Int*>(block + layout.offset(kMembers))),
        scales(reinterpret_cast<Float*>(block + layout.offset(kScales))),
        sums(reinterpret_cast<Float*>(block + layout.offset(kSums))),
        columns(inputs) {}

  std::span<Float> sum(uint32_t row) const { return {sums + std::size_t{row} * columns, columns}; }

  // The cosine of every row in use with x, times |x|.
  void Score(std::span<const float> x, float* scores) const {
    const uint32_t rows = header->rows;
    kernels::MatVec({sums, std::size_t{rows} * columns}, x, {scores, rows});
    for (uint32_t r = 0; r < rows; ++r) scores[r] *= scales[r];
  }

  std::conditional_t<std::is_const_v<Byte>, const Header, Header>* header;
  Int* members;   // (kRows,) anchors, or groups one level below.
  Float* scales;  // (kRows,) 1 / |sum|.
  Float* sums;    // (kRows, inputs)
  uint32_t columns;
};

absl::StatusOr<AnchorTree> AnchorTree::Create(absl::string_view area, uint32_t anchors,
                                              uint32_t inputs, uint32_t wanted,
                                              PlanBuilder* builder) {
  using enum ElementType;
  GYRUS_ASSIGN_OR_RETURN(
      BlockLayout layout,
      BlockLayout::Create(
          {{.name = "level_rows_groups", .type = kU32, .columns = 3, .merge = Merge::kNever},
           {.name = "members", .type = kU32, .columns = kRows, .merge = Merge::kNever},
           {.name = "scales", .columns = kRows, .merge = Merge::kNever},
           {.name = "sums", .rows = kRows, .columns = inputs, .merge = Merge::kNever}}));
  const uint32_t groups = anchors / (kHalf - 1) + 3;
  uint32_t levels = 1;  // Below the root, at most.
  for (uint32_t rows = anchors / kHalf; rows >= kRows; rows /= kHalf) ++levels;
  // A leaf holds kHalf anchors or more, and every level is looked at equally often.
  const uint32_t visits = std::max(kVisits, 1 + levels * ((wanted + kHalf - 1) / kHalf));
  if (visits > kMaxVisits) {
    return absl::InvalidArgumentError(absl::StrCat("can find at most ",
                                                   (kMaxVisits - 1) / levels * kHalf, " of ",
                                                   anchors, " anchors at once, got ", wanted));
  }
  const uint32_t table = builder->AddTable(absl::StrCat(area, ".groups"), layout, groups,
                                           std::min(groups, 2 * kMaxLevels + 2));
  return AnchorTree(table, std::move(layout), inputs, visits);
}

AnchorTree::ReadGroup AnchorTree::Read(const TableView& groups, uint32_t group) const noexcept {
  return ReadGroup(groups.Read(group), layout_, inputs_);
}

AnchorTree::Group AnchorTree::Write(uint32_t group, Commit* commit) const noexcept {
  return Group(commit->Write({table_, group}), layout_, inputs_);
}

void AnchorTree::Nearest(const View& view, std::span<const float> x, float inverse_norm,
                         BestRegions* nearest) const noexcept {
  const TableView groups = view.table(table_);
  // Bytes, for arrays of Woken would be set to zero first.
  alignas(Woken) std::byte beams[2][kMaxVisits * sizeof(Woken)];
  auto* here = reinterpret_cast<Woken*>(beams[0]);
  auto* below = reinterpret_cast<Woken*>(beams[1]);
  here[0] = {kRoot, 0.0F};
  std::size_t count = 1;
  std::size_t left = visits_ - 1;
  for (std::size_t level = Read(groups, kRoot).header->level;; --level) {
    BestRegions next({below, level == 0 ? 0 : left / level});
    BestRegions* const found = level == 0 ? nearest : &next;
    for (std::size_t i = 0; i < count; ++i) {
      const ReadGroup group = Read(groups, here[i].region);
      float scores[kRows];
      group.Score(x, scores);
      for (uint32_t r = 0; r < group.header->rows; ++r) {
        found->Offer(group.members[r], scores[r] * inverse_norm);
      }
    }
    if (level == 0) return;
    count = next.count();
    left -= count;
    std::swap(here, below);
    for (std::size_t i = 0; i < count; ++i) groups.Prefetch(here[i].region);
  }
}

void AnchorTree::Insert(uint32_t anchor, std::span<const float> x, float inverse_norm,
                        Commit* commit) const noexcept {
  std::array<Place, kMaxLevels> path;
  std::size_t depth = 0;
  uint32_t at = kRoot;
  for (;;) {
    const Group group = Write(at, commit);
    if (group.header->level == 0) break;
    float scores[kRows];
    group.Score(x, scores);
    const auto row =
        static_cast<uint32_t>(std::max_element(scores, scores + group.header->rows) - scores);
    kernels::Axpy(inverse_norm, x, group.sum(row));
    group.scales[row] = InverseNorm(group.sum(row));
    path[depth++] = {at, row};
    at = group.members[row];
  }
  const Group leaf = Write(at, commit);
  const uint32_t row = leaf.header->rows++;
  const std::span<float> a = leaf.sum(row);
  for (std::size_t j = 0; j < x.size(); ++j) a[j] = x[j] * inverse_norm;
  leaf.members[row] = anchor;
  leaf.scales[row] = 1.0F;
  while (Write(at, commit).header->rows == kRows) {
    if (at == kRoot) {
      DeepenRoot(commit);
      path[0] = {kRoot, 0};
      depth = 1;
      at = Write(kRoot, commit).members[0];
    }
    const Place parent = path[--depth];
    Split(at, parent, commit);
    at = parent.group;
  }
}

uint32_t AnchorTree::NewGroup(uint32_t level, Commit* commit) const noexcept {
  const uint32_t fresh = ++Write(kRoot, commit).header->groups;
  *Write(fresh, commit).header = {.level = level, .rows = 0, .groups = 0};
  return fresh;
}

// Moves what the root holds into a group of its own, the root's only row.
void AnchorTree::DeepenRoot(Commit* commit) const noexcept {
  const uint32_t fresh = NewGroup(Write(kRoot, commit).header->level, commit);
  const Group root = Write(kRoot, commit);
  const Group group = Write(fresh, commit);
  group.header->rows = root.header->rows;
  std::copy_n(root.members, kRows, group.members);
  std::copy_n(root.scales, kRows, group.scales);
  std::copy_n(root.sums, std::size_t{kRows} * inputs_, group.sums);
  ++root.header->level;
  root.header->rows = 1;
  root.members[0] = fresh;
}

// Leaves the rows of a full group that are most like one of its outermost in it, and moves the
// other half into a new group. Its parent's row follows; the parent gains a row.
void AnchorTree::Split(uint32_t group_index, Place parent, Commit* commit) const noexcept {
  const uint32_t fresh_index = NewGroup(Write(group_index, commit).header->level, commit);
  const Group group = Write(group_index, commit);
  const Group fresh = Write(fresh_index, commit);
  Summarise(group_index, parent, commit);
  float one[kRows];
  float other[kRows];
  // The row least like the whole, and the one least like that.
  group.Score(Write(parent.group, commit).sum(parent.row), other);
  const auto first = static_cast<uint32_t>(std::min_element(other, other + kRows) - other);
  group.Score(group.sum(first), one);
  const auto second = static_cast<uint32_t>(std::min_element(one, one + kRows) - one);
  group.Score(group.sum(second), other);
  std::array<uint32_t, kRows> order;
  for (uint32_t r = 0; r < kRows; ++r) {
    order[r] = r;
    one[r] = one[r] * group.scales[first] - other[r] * group.scales[second];
  }
  std::sort(order.begin(), order.end(),
            [&](uint32_t a, uint32_t b) { return one[a] != one[b] ? one[a] > one[b] : a < b; });
  std::sort(order.begin(), order.begin() + kHalf);
  const auto move = [&](uint32_t from, const Group& to, uint32_t row) {
    to.members[row] = group.members[from];
    to.scales[row] = group.scales[from];
    std::copy_n(group.sum(from).begin(), inputs_, to.sum(row).begin());
  };
  for (uint32_t i = kHalf; i < kRows; ++i) move(order[i], fresh, i - kHalf);
  for (uint32_t i = 0; i < kHalf; ++i) {
    if (order[i] != i) move(order[i], group, i);
  }
  group.header->rows = kHalf;
  fresh.header->rows = kHalf;
  Summarise(group_index, parent, commit);
  const uint32_t gained = Write(parent.group, commit).header->rows++;
  Summarise(fresh_index, {parent.group, gained}, commit);
}

// Makes a row of its parent stand for a group.
void AnchorTree::Summarise(uint32_t group_index, Place parent, Commit* commit) const noexcept {
  const Group above = Write(parent.group, commit);
  const Group group = Write(group_index, commit);
  const std::span<float> sum = above.sum(parent.row);
  std::fill(sum.begin(), sum.end(), 0.0F);
  for (uint32_t r = 0; r < group.header->rows; ++r) kernels::Axpy(1.0F, group.sum(r), sum);
  above.members[parent.row] = group_index;
  above.scales[parent.row] = InverseNorm(sum);
}

}  // namespace gyrus
