// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"
#include "core/bytes.h"

namespace gyrus {

// Where sessions stand at one moment, in memory that is reserved beforehand.
//
// Thread-compatible. Within what was reserved, filling it in allocates nothing.
class Positions {
 public:
  void Reserve(std::size_t sessions, std::size_t bytes);
  void Clear();

  // Begins the next session's position: what is written until the next Add or Clear.
  ByteWriter* Add(absl::string_view name);

  bool Has(absl::string_view name) const;

  std::size_t size() const { return entries_.size(); }
  absl::string_view name(std::size_t i) const;
  absl::string_view position(std::size_t i) const;

 private:
  struct Entry {
    std::size_t name = 0;      // Where its name begins,
    std::size_t position = 0;  // and where it ends and the position begins.
  };

  std::vector<Entry> entries_;
  ByteWriter bytes_;
};

}  // namespace gyrus
