// SPDX-License-Identifier: Apache-2.0
#include "activation/routers/anchor_tree.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "tests/activation/routers/router_fixture.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using test::RandomVector;

// A tree with its blocks, and beside it the reference: every anchor in double precision.
class Tree {
 public:
  Tree(uint32_t anchors, uint32_t inputs, uint32_t wanted)
      : tree_(*AnchorTree::Create("area", anchors, inputs, wanted, &builder_)),
        store_(builder_),
        found_(wanted) {}

  void Insert(const std::vector<float>& x) {
    std::optional<Commit> commit = store_.Begin();
    tree_.Insert(static_cast<uint32_t>(anchors_.size()), x, InverseNorm(x), &*commit);
    anchors_.push_back(x);
  }

  std::span<const Woken> Nearest(const std::vector<float>& x) {
    BestRegions best(found_);
    tree_.Nearest(store_.view(), x, InverseNorm(x), &best);
    return std::span(found_).first(best.count());
  }

  // As Nearest, by looking at all.
  std::vector<std::pair<double, uint32_t>> NearestOfAll(const std::vector<float>& x) const {
    std::vector<std::pair<double, uint32_t>> all;
    for (uint32_t a = 0; a < anchors_.size(); ++a) {
      all.push_back({-test::Cosine(anchors_[a], x), a});
    }
    const std::size_t wanted = std::min(found_.size(), all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(wanted), all.end());
    all.resize(wanted);
    for (auto& [cosine, anchor] : all) cosine = -cosine;
    return all;
  }

  std::span<const std::byte> block(uint32_t index) const {
    return {store_.view().table(0).Read(index), builder_.tables()[0].spec.layout.block_bytes()};
  }
  uint32_t blocks() const { return builder_.tables()[0].spec.blocks; }

 private:
  PlanBuilder builder_;
  AnchorTree tree_;
  test::BuiltStore store_;
  std::vector<Woken> found_;
  std::vector<std::vector<float>> anchors_;
};

// Inputs around `clusters` centres, as inputs come.
class Clusters {
 public:
  Clusters(uint32_t clusters, uint32_t inputs, float spread, uint64_t seed)
      : rng_(seed), spread_(spread) {
    for (uint32_t c = 0; c < clusters; ++c) centres_.push_back(RandomVector(inputs, &rng_));
  }

  std::vector<float> Draw() {
    std::vector<float> x = centres_[rng_.Below(centres_.size())];
    for (float& value : x) value += spread_ * rng_.Normal();
    return x;
  }

 private:
  Rng rng_;
  float spread_;
  std::vector<std::vector<float>> centres_;
};

TEST(AnchorTreeTest, FindsExactlyTheNearestOfAFew) {
  Tree tree(5000, 12, 6);
  Rng rng(1);
  for (int n = 1; n <= 72; ++n) {
    tree.Insert(RandomVector(12, &rng));
    const std::vector<float> x = RandomVector(12, &rng);
    const auto expected = tree.NearestOfAll(x);
    const std::span<const Woken> found = tree.Nearest(x);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].region, expected[i].second) << n;
      EXPECT_NEAR(found[i].gate, expected[i].first, 1e-6);
    }
  }
}

// Recall at 8, and how much less near the found are, on inputs in clusters.
TEST(AnchorTreeTest, FindsMostOfTheNearestOfThousands) {
  struct Case {
    uint32_t anchors;
    double recall;
    double cosine;  // Mean cosine of the found as a share of the nearest ones'.
  };
  for (const Case& c : {Case{256, 0.95, 0.99}, Case{2048, 0.8, 0.99}, Case{16384, 0.5, 0.98}}) {
    Tree tree(c.anchors, 16, 8);
    Clusters inputs(c.anchors / 32, 16, 0.3F, 5);
    for (uint32_t a = 0; a < c.anchors; ++a) tree.Insert(inputs.Draw());
    constexpr int kQueries = 50;
    int recalled = 0;
    double near = 0;
    double nearest = 0;
    for (int q = 0; q < kQueries; ++q) {
      const std::vector<float> x = inputs.Draw();
      std::set<uint32_t> expected;
      for (const auto& [cosine, anchor] : tree.NearestOfAll(x)) {
        expected.insert(anchor);
        nearest += cosine;
      }
      std::set<uint32_t> distinct;
      for (const Woken& w : tree.Nearest(x)) {
        recalled += static_cast<int>(expected.count(w.region));
        distinct.insert(w.region);
        near += static_cast<double>(w.gate);
      }
      ASSERT_EQ(distinct.size(), 8U);
    }
    EXPECT_GE(recalled, c.recall * 8 * kQueries) << c.anchors;
    EXPECT_GE(near, c.cosine * nearest) << c.anchors;
  }
}

TEST(AnchorTreeTest, FindsAsManyAsAreWanted) {
  Tree tree(3000, 4, 50);
  Rng rng(2);
  for (std::size_t n = 1; n <= 3000; ++n) {
    tree.Insert(RandomVector(4, &rng));
    ASSERT_EQ(tree.Nearest(RandomVector(4, &rng)).size(), std::min<std::size_t>(n, 50)) << n;
  }
}

TEST(AnchorTreeTest, HasRoomForTheSameInputOverAndOver) {
  Tree tree(2000, 3, 8);
  for (int n = 0; n < 2000; ++n) tree.Insert({1, 2, 3});
  const std::span<const Woken> found = tree.Nearest({1, 2, 3});
  ASSERT_EQ(found.size(), 8U);
  for (const Woken& w : found) EXPECT_NEAR(w.gate, 1, 1e-6);
}

TEST(AnchorTreeTest, HasRoomForInputsInOrder) {
  Tree tree(2000, 2, 8);
  const auto turned = [](int degrees_tenth) {
    const double angle = 0.00174533 * degrees_tenth;
    return std::vector<float>{static_cast<float>(std::cos(angle)),
                              static_cast<float>(std::sin(angle))};
  };
  for (int n = 0; n < 2000; ++n) tree.Insert(turned(n));
  for (const int at : {100, 700, 1500}) {
    EXPECT_EQ(tree.Nearest(turned(at))[0].region, static_cast<uint32_t>(at));
  }
}

TEST(AnchorTreeTest, TheSameInputsMakeTheSameTree) {
  Tree one(600, 5, 8);
  Tree other(600, 5, 8);
  Rng rng(3);
  for (int n = 0; n < 600; ++n) {
    const std::vector<float> x = RandomVector(5, &rng);
    one.Insert(x);
    other.Insert(x);
  }
  for (uint32_t b = 0; b < one.blocks(); ++b) {
    ASSERT_EQ(std::memcmp(one.block(b).data(), other.block(b).data(), one.block(b).size()), 0);
  }
}

TEST(AnchorTreeTest, AllocatesNothing) {
  Tree tree(400, 3, 8);
  Rng rng(1);
  const std::vector<float> x = RandomVector(3, &rng);
  for (int n = 0; n < 100; ++n) tree.Insert(RandomVector(3, &rng));
  test::NoAllocScope scope;
  EXPECT_EQ(tree.Nearest(x).size(), 8U);
  EXPECT_EQ(scope.count(), 0);
}

TEST(AnchorTreeTest, RefusesMoreThanASearchCanHold) {
  PlanBuilder builder;
  EXPECT_THAT(AnchorTree::Create("area", 1 << 20, 4, 5000, &builder),
              test::StatusIs(absl::StatusCode::kInvalidArgument,
                             testing::HasSubstr("at most 1360 of 1048576 anchors")));
}

}  // namespace
}  // namespace gyrus
