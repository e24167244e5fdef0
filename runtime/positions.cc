// SPDX-License-Identifier: Apache-2.0
#include "runtime/positions.h"

namespace gyrus {

void Positions::Reserve(std::size_t sessions, std::size_t bytes) {
  entries_.reserve(sessions);
  bytes_.Reserve(bytes);
}

void Positions::Clear() {
  entries_.clear();
  bytes_.Clear();
}

ByteWriter* Positions::Add(absl::string_view name) {
  const std::size_t begin = bytes_.bytes().size();
  bytes_.PutBytes(name);
  entries_.push_back({.name = begin, .position = begin + name.size()});
  return &bytes_;
}

bool Positions::Has(absl::string_view name) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (this->name(i) == name) return true;
  }
  return false;
}

absl::string_view Positions::name(std::size_t i) const {
  const Entry& entry = entries_[i];
  return absl::string_view(bytes_.bytes()).substr(entry.name, entry.position - entry.name);
}

absl::string_view Positions::position(std::size_t i) const {
  const std::size_t end = i + 1 < entries_.size() ? entries_[i + 1].name : bytes_.bytes().size();
  return absl::string_view(bytes_.bytes()).substr(entries_[i].position, end - entries_[i].position);
}

}  // namespace gyrus
