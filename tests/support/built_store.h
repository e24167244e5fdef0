// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "activation/plan_builder.h"
#include "core/check.h"
#include "core/store.h"

namespace gyrus::test {

// A store of what a few components asked a builder for, every block as it starts.
class BuiltStore {
 public:
  explicit BuiltStore(const PlanBuilder& builder) {
    std::vector<TableSpec> specs;
    if (builder.tables().empty()) {  // A store cannot be without any.
      specs.push_back(
          {.name = "none", .layout = *BlockLayout::Create({{.name = "none"}}), .blocks = 1});
    }
    for (const PlanBuilder::Table& table : builder.tables()) {
      needs_.push_back(table.writes_per_step);
      specs.push_back(table.spec);
      specs.back().spares = std::min(table.writes_per_step, table.spec.blocks * 2);
    }
    auto store = Store::Create(specs, {.max_readers = 1});
    GYRUS_CHECK(store.ok());
    store_ = *std::move(store);
    for (uint32_t t = 0; t < builder.tables().size(); ++t) {
      if (!builder.tables()[t].fill) continue;
      for (uint32_t i = 0; i < specs[t].blocks; ++i) {
        builder.tables()[t].fill(i, store_->Initial({t, i}));
      }
    }
  }

  View view() const { return store_->Draft(); }

  std::optional<Commit> Begin() {
    std::optional<Commit> commit = Commit::TryBegin(store_.get(), needs_);
    GYRUS_CHECK(commit.has_value());
    return commit;
  }

 private:
  std::unique_ptr<Store> store_;
  std::vector<uint32_t> needs_;
};

}  // namespace gyrus::test
