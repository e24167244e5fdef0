// SPDX-License-Identifier: Apache-2.0
// Version chains instead of a persistent tree: a reader follows a block's versions, newest first,
// to the first whose stamp is not beyond its snapshot. Publishing costs one store, reading one
// dependent load more than a flat array (none until a table's first copy), and no reader touches a
// shared counter.
//
// Why a chain is never cut under a reader: versions retire in the order in which they were
// replaced, a table at a time. While a version is not retired, no newer version of its block is
// either, so the walk from the head to it meets only live slots. What stands behind the version
// at which a walk ends may be gone; nobody follows that link.
#include "core/store.h"
#include "core/hold.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/cutter.h"
#include "core/overlay.h"
#include "core/status_macros.h"

namespace gyrus {

absl::StatusOr<std::unique_ptr<Store>> Store::Create(std::span<const TableSpec> specs,
                                                     const Options& options) {
  if (specs.empty()) return absl::InvalidArgumentError("a store needs at least one table");
  if (options.max_readers < 1 || options.max_readers > 1024) {
    return absl::InvalidArgumentError(
        absl::StrCat("max_readers must be in [1, 1024], got ", options.max_readers));
  }
  std::set<std::string> names;
  std::vector<BlockTable> tables;
  for (const TableSpec& spec : specs) {
    if (!names.insert(spec.name).second) {
      return absl::InvalidArgumentError(absl::StrCat("table \"", spec.name, "\" appears twice"));
    }
    GYRUS_ASSIGN_OR_RETURN(BlockTable table, BlockTable::Create(spec));
    tables.push_back(std::move(table));
  }
  return std::unique_ptr<Store>(new Store(std::move(tables), options));
}

Store::Store(std::vector<BlockTable> tables, const Options& options)
    : tables_(std::move(tables)),
      rules_(tables_.size()),
      slots_(std::make_unique<Slot[]>(options.max_readers)),
      max_readers_(options.max_readers) {}

Store::~Store() {
  MutexLock lock(&mutex_);
  GYRUS_CHECK(holds_.empty());  // Holds and readers point here.
  GYRUS_CHECK(open_readers_ == 0);
  GYRUS_CHECK(cutter_ == nullptr);
}

std::span<std::byte> Store::Initial(BlockId id) {
  MutexLock lock(&mutex_);
  const BlockTable& table = tables_[id.table];
  GYRUS_CHECK(published_.load(std::memory_order_relaxed) == 1 && !draft_is_dirty_);
  GYRUS_CHECK(open_readers_ == 0 && holds_.empty());
  return {table.data(table.head(id.index).slot(id.index)), table.stride()};
}

std::byte* Store::Overwrite(BlockId id) {
  MutexLock lock(&mutex_);
  GYRUS_CHECK(holds_.empty() && cutter_ == nullptr);
  for (int s = 0; s < max_readers_; ++s) GYRUS_CHECK(slots_[s].announced.load() == 0);
  draft_is_dirty_ = true;
  commits_.fetch_add(1, std::memory_order_relaxed);  // Whoever ran ahead on it must run again.
  const BlockTable& table = tables_[id.table];
  return table.data(table.head(id.index).slot(id.index));
}

void Store::Prefault() {
  GYRUS_CHECK(commits() == 0);
  for (BlockTable& table : tables_) table.Prefault();
}

SnapshotNumber Store::Publish() {
  MutexLock lock(&mutex_);
  return PublishLocked();
}

SnapshotNumber Store::PublishLocked() {
  const SnapshotNumber number = published_.load(std::memory_order_relaxed);
  if (!draft_is_dirty_) {
    ReclaimLocked();
    return number;
  }
  GYRUS_CHECK(number + 1 < PackedVersion::kMaxNumber);
  published_.store(number + 1, std::memory_order_seq_cst);
  draft_is_dirty_ = false;
  RefreshRulesLocked();
  ReclaimLocked();
  return number + 1;
}

SnapshotNumber Store::OldestReadableLocked() const {
  SnapshotNumber oldest = published_.load(std::memory_order_seq_cst);
  for (int s = 0; s < max_readers_; ++s) {
    // seq_cst: see Reader::Pin; acquire with its Unpin is part of that.
    const SnapshotNumber announced = slots_[s].announced.load(std::memory_order_seq_cst);
    if (announced != 0) oldest = std::min(oldest, announced);
  }
  return oldest;
}

void Store::ReclaimLocked() {
  const SnapshotNumber oldest = OldestReadableLocked();
  for (uint32_t t = 0; t < tables_.size(); ++t) {
    BlockTable& table = tables_[t];
    while (table.has_retired() && table.oldest_retired().superseded <= oldest) {
      const BlockTable::Retired retired = table.oldest_retired();
      table.PopRetired();
      RetireLocked(t, retired);
    }
  }
}

// Gives a version that no reader can see to the newest hold that needs it, or to the spares.
void Store::RetireLocked(uint32_t table, const BlockTable::Retired& retired) {
  for (auto held = holds_.rbegin(); held != holds_.rend(); ++held) {
    if (held->number >= retired.superseded) continue;
    if (held->number < retired.version.stamp()) break;
    held->kept.emplace(BlockId{table, retired.index}, retired.version);
    return;
  }
  tables_[table].Free(retired.version.slot(retired.index));
}

bool Store::ReadersMaySeeLocked(uint32_t table, SnapshotNumber stamp) const {
  return tables_[table].spec().layout.reader() == TensorReader::kStep && open_readers_ > 0 &&
         stamp <= published_.load(std::memory_order_relaxed);
}

void Store::RefreshRulesLocked() {
  const SnapshotNumber held = holds_.empty() ? 0 : holds_.back().number;
  const SnapshotNumber cut = cutter_ == nullptr ? 0 : cutter_->number();
  const SnapshotNumber published = published_.load(std::memory_order_relaxed);
  for (uint32_t t = 0; t < tables_.size(); ++t) {
    const bool read = tables_[t].spec().layout.reader() == TensorReader::kStep && open_readers_ > 0;
    rules_[t] = {.floor = (read ? published : std::max(held, cut)) + 1,
                 .unwatched = !read && held == 0};
  }
}

std::byte* Store::FirstWriteLocked(BlockId id) {
  BlockTable& table = tables_[id.table];
  if (table.written().Add(id.index) && cutter_ != nullptr) cutter_->BeforeFirstWrite(id);
  // Whoever looks later sees it at any number, so that the stamp need not tell.
  if (rules_[id.table].unwatched && table.home() != nullptr) return table.data(id.index);
  const PackedVersion newest = table.head(id.index);
  const SnapshotNumber stamp = newest.stamp();
  const SnapshotNumber draft = published_.load(std::memory_order_relaxed) + 1;
  const SnapshotNumber newest_hold = holds_.empty() ? 0 : holds_.back().number;
  const bool held = !holds_.empty() && stamp <= newest_hold;
  const bool read = ReadersMaySeeLocked(id.table, stamp);
  if (!held && !read) {
    table.Restamp(id.index, draft);
    return table.data(newest.slot(id.index));
  }
  const BlockTable::Retired retired{id.index, table.CopyNewest(id.index, draft), draft};
  if (read) {
    table.PushRetired(retired);
  } else {
    RetireLocked(id.table, retired);
  }
  return table.data(table.head(id.index).slot(id.index));
}

std::byte* TableWriter::FirstWrite(Store* store, uint32_t table,
                                   uint32_t index) noexcept ABSL_NO_THREAD_SAFETY_ANALYSIS {
  return store->FirstWriteLocked({table, index});
}

bool Store::HasSparesLocked(std::span<const uint32_t> needs) const {
  // Whom nobody watches, writes in place.
  if (open_readers_ == 0 && holds_.empty()) return true;
  for (std::size_t t = 0; t < needs.size(); ++t) {
    if (tables_[t].free_slots() < needs[t]) return false;
  }
  return true;
}

absl::StatusOr<Reader> Store::OpenReader() {
  MutexLock lock(&mutex_);
  for (int s = 0; s < max_readers_; ++s) {
    if (slots_[s].open) continue;
    slots_[s].open = true;
    ++open_readers_;
    PublishLocked();
    RefreshRulesLocked();
    return Reader(this, s);
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("all ", max_readers_, " readers are open; close one or raise max_readers"));
}

void Store::CloseReader(int slot) {
  MutexLock lock(&mutex_);
  slots_[slot].announced.store(0, std::memory_order_release);
  slots_[slot].open = false;
  --open_readers_;
  // With the last reader gone, versions retire at once; those before them must not wait longer.
  if (open_readers_ == 0) PublishLocked();
  RefreshRulesLocked();
}

Hold Store::TakeHold() {
  MutexLock lock(&mutex_);
  const SnapshotNumber number = PublishLocked();
  if (holds_.empty() || holds_.back().number != number) {
    Held& held = holds_.emplace_back(Held{number, 0, {}, {}});
    // Commits add to it, and must not allocate.
    std::size_t most = 0;
    for (const BlockTable& table : tables_) most += table.spec().spares;
    held.kept.reserve(most);
    for (uint32_t t = 0; t < tables_.size(); ++t) {
      tables_[t].written().Hold([&](uint32_t index) { held.changed.push_back({t, index}); });
    }
    RefreshRulesLocked();
  }
  ++holds_.back().holders;
  return Hold(this, number);
}

void Store::DropHold(SnapshotNumber number) {
  MutexLock lock(&mutex_);
  const auto held =
      std::find_if(holds_.begin(), holds_.end(), [&](const Held& h) { return h.number == number; });
  GYRUS_CHECK(held != holds_.end());
  if (--held->holders > 0) return;
  // What the hold kept goes to the hold before it, if that sees it too.
  for (const auto& [id, version] : held->kept) {
    const bool older_sees = held != holds_.begin() && version.stamp() <= std::prev(held)->number;
    if (older_sees) {
      std::prev(held)->kept.emplace(id, version);
    } else {
      tables_[id.table].Free(version.slot(id.index));
    }
  }
  // What had changed before the hold has changed before the next one.
  if (const auto next = std::next(held); next != holds_.end()) {
    std::vector<BlockId> both = std::move(next->changed);
    both.insert(both.end(), held->changed.begin(), held->changed.end());
    std::sort(both.begin(), both.end());
    both.erase(std::unique(both.begin(), both.end()), both.end());
    next->changed = std::move(both);
  } else {
    for (const BlockId& id : held->changed) tables_[id.table].written().AddUnheld(id.index);
  }
  holds_.erase(held);
  RefreshRulesLocked();
}

std::vector<BlockId> Store::Changed(const Hold* from, const Hold& to) const {
  const SnapshotNumber first = from == nullptr ? 0 : from->number();
  MutexLock lock(&mutex_);
  GYRUS_CHECK(first <= to.number());
  std::vector<BlockId> changed;
  for (const Held& held : holds_) {
    if (held.number <= first || held.number > to.number()) continue;
    changed.insert(changed.end(), held.changed.begin(), held.changed.end());
  }
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  return changed;
}

const std::byte* Store::ReadHeld(SnapshotNumber number, BlockId id) const {
  MutexLock lock(&mutex_);
  const BlockTable& table = tables_[id.table];
  for (const Held& held : holds_) {
    if (held.number < number) continue;
    const auto kept = held.kept.find(id);
    if (kept != held.kept.end() && kept->second.stamp() <= number) {
      return table.data(kept->second.slot(id.index));
    }
  }
  return table.View(number).Read(id.index);
}

uint32_t Store::free_spares(uint32_t table) const {
  MutexLock lock(&mutex_);
  return tables_[table].free_slots();
}

std::optional<Commit> Commit::TryBegin(Store* store, std::span<const uint32_t> needs)
    ABSL_NO_THREAD_SAFETY_ANALYSIS {
  GYRUS_CHECK(needs.size() <= store->tables_.size());
  store->mutex_.Lock();
  if (!store->HasSparesLocked(needs)) store->PublishLocked();
  if (!store->HasSparesLocked(needs)) {
    store->mutex_.Unlock();
    return std::nullopt;
  }
  store->commits_.fetch_add(1, std::memory_order_relaxed);
  return Commit(store);
}

Commit::~Commit() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (store_ == nullptr) return;
  if (overlay_ == nullptr) {
    store_->mutex_.Unlock();
  } else {
    overlay_->EndCommit();
  }
}

Hold::Hold(Hold&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)), number_(other.number_) {}

Hold& Hold::operator=(Hold&& other) noexcept {
  std::swap(store_, other.store_);
  std::swap(number_, other.number_);
  return *this;
}

Hold::~Hold() {
  if (store_ != nullptr) store_->DropHold(number_);
}

Reader::Reader(Reader&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)), slot_(other.slot_) {}

Reader& Reader::operator=(Reader&& other) noexcept {
  std::swap(store_, other.store_);
  std::swap(slot_, other.slot_);
  return *this;
}

Reader::~Reader() {
  if (store_ != nullptr) store_->CloseReader(slot_);
}

}  // namespace gyrus
