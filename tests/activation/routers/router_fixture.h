// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "activation/factories.h"
#include "activation/routers/usage.h"
#include "core/rng.h"
#include "tests/support/built_store.h"

namespace gyrus::test {

// A router, made as a plan makes it, with its blocks.
class RoutedArea {
 public:
  static absl::StatusOr<std::unique_ptr<RoutedArea>> Create(const AreaSpec& area, uint32_t inputs) {
    std::unique_ptr<RoutedArea> made(new RoutedArea(area));
    auto router = MakeRouter(area, inputs, 1, &made->builder_);
    if (!router.ok()) return router.status();
    made->router_ = *std::move(router);
    made->store_ = std::make_unique<BuiltStore>(made->builder_);
    return made;
  }

  std::span<const Woken> Route(std::span<const float> x) {
    return std::span(woken_).first(router_->Route(store_->view(), x, woken_));
  }

  void Learn(std::span<const float> x, std::span<const Woken> woken,
             std::span<const float> dgates = {}) {
    std::optional<Commit> commit = store_->Begin();
    router_->Learn(x, woken, dgates, &*commit);
  }

  RouterLoad Load() const { return RouterUsage::Summarise(store_->view(), 0, area_.regions); }
  View view() const { return store_->view(); }
  BuiltStore& store() { return *store_; }

 private:
  explicit RoutedArea(const AreaSpec& area) : area_(area), woken_(area.woken) {}

  AreaSpec area_;
  PlanBuilder builder_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<BuiltStore> store_;
  std::vector<Woken> woken_;
};

inline std::vector<float> RandomVector(std::size_t size, Rng* rng) {
  std::vector<float> x(size);
  for (float& value : x) value = rng->Normal();
  return x;
}

inline double Cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0;
  double aa = 0;
  double bb = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    dot += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return dot / std::sqrt(aa * bb);
}

}  // namespace gyrus::test
