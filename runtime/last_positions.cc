// SPDX-License-Identifier: Apache-2.0
#include "runtime/last_positions.h"

#include <utility>

namespace gyrus {

void LastPositions::Set(absl::string_view name, std::string position) {
  MutexLock lock(&mutex_);
  entries_[std::string(name)] = {.position = std::move(position)};
}

void LastPositions::Clear() {
  MutexLock lock(&mutex_);
  entries_.clear();
}

void LastPositions::Part(absl::string_view name, std::string position) {
  MutexLock lock(&mutex_);
  entries_[std::string(name)] = {.position = std::move(position), .parted = true};
}

void LastPositions::AddParted(Journal::Moment* moment) {
  MutexLock lock(&mutex_);
  for (auto& [name, entry] : entries_) {
    if (!entry.parted) continue;
    entry.parted = false;
    if (!moment->Has(name)) moment->Add(name)->PutBytes(entry.position);
  }
}

LastPositions::Room LastPositions::parted() const {
  MutexLock lock(&mutex_);
  Room room;
  for (const auto& [name, entry] : entries_) {
    if (!entry.parted) continue;
    ++room.sessions;
    room.bytes += name.size() + entry.position.size();
  }
  return room;
}

std::string LastPositions::Find(absl::string_view name) const {
  MutexLock lock(&mutex_);
  const auto found = entries_.find(std::string(name));
  return found == entries_.end() ? "" : found->second.position;
}

std::vector<std::string> LastPositions::names() const {
  MutexLock lock(&mutex_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

}  // namespace gyrus
