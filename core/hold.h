// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "core/store.h"

namespace gyrus {

// Keeps one snapshot readable beyond a step: a comparison, the guard. Movable.
//
// Ordinary. Each Read takes the store's lock; not real-time safe.
class Hold {
 public:
  Hold(Hold&& other) noexcept;
  Hold& operator=(Hold&& other) noexcept;
  ~Hold();

  SnapshotNumber number() const { return number_; }
  const Store& store() const { return *store_; }

  // The block as this snapshot has it; valid until the hold is dropped.
  const std::byte* Read(BlockId id) const { return store_->ReadHeld(number_, id); }

 private:
  friend class Store;
  Hold(Store* store, SnapshotNumber number) : store_(store), number_(number) {}

  Store* store_;
  SnapshotNumber number_;
};

}  // namespace gyrus
