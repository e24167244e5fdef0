// SPDX-License-Identifier: Apache-2.0
#include "core/fork.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace gyrus {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::align_val_t kAlignment{kLine};
constexpr std::size_t kEntryBytes = 8;  // Of the directory.
constexpr std::size_t kSavedHeader = 16;
constexpr std::size_t kSavedPerBlock = 12;
constexpr uint32_t kFewestLines = 16;
// How many blocks that were written again are spared before one must go all the same: bounds what
// MakeRoom costs.
constexpr int kMostSpared = 32;

std::size_t DirectorySize(uint32_t lines) { return std::bit_ceil(std::size_t{lines} * 2); }

}  // namespace

std::size_t ForkShape::BytesFor(uint32_t lines) {
  return lines * (kLine + sizeof(uint32_t)) + DirectorySize(lines) * kEntryBytes;
}

std::size_t ForkShape::max_saved_bytes() const {
  return kSavedHeader + std::size_t{max_lines_} * (kLine + kSavedPerBlock);
}

absl::StatusOr<ForkShape> ForkShape::Create(const Store& store, std::span<const uint32_t> writes,
                                            std::size_t max_bytes) {
  GYRUS_CHECK(writes.size() == store.num_tables());
  ForkShape shape;
  uint64_t key = 1;
  uint64_t commit_lines = 0;
  uint32_t longest = 0;
  for (uint32_t t = 0; t < store.num_tables(); ++t) {
    const TableSpec& spec = store.spec(t);
    const auto lines = static_cast<uint32_t>(spec.layout.block_bytes() / kLine);
    shape.tables_.push_back({.first_key = static_cast<uint32_t>(key),
                             .blocks = spec.blocks,
                             .lines = lines,
                             .writes = writes[t]});
    key += spec.blocks;
    commit_lines += uint64_t{lines} * writes[t];
    if (writes[t] > 0) longest = std::max(longest, lines);
  }
  if (key > ~uint32_t{0}) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a brain of ", key - 1, " blocks cannot be forked: at most 2^32 - 2 can be named"));
  }
  // A block does not wrap around the ring's end, so that lines before it may stay empty.
  if (longest > 0) commit_lines += longest - 1;
  uint64_t lines = max_bytes / (kLine + sizeof(uint32_t));
  while (lines > 0 && BytesFor(static_cast<uint32_t>(lines)) > max_bytes) --lines;
  if (lines < 2 * commit_lines || lines == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a fork of at most ", max_bytes, " bytes holds ", lines,
                     " lines of 64 bytes, but one "
                     "learning step of this brain may write ",
                     commit_lines,
                     ", and it must hold two such steps: "
                     "allow ",
                     BytesFor(static_cast<uint32_t>(2 * commit_lines)), " bytes"));
  }
  shape.max_lines_ = static_cast<uint32_t>(lines);
  shape.commit_lines_ = static_cast<uint32_t>(commit_lines);
  return shape;
}

uint32_t ForkShape::TableOf(uint32_t key) const noexcept {
  const auto after = std::upper_bound(
      tables_.begin(), tables_.end(), key,
      [](uint32_t wanted, const Table& table) { return wanted < table.first_key; });
  return static_cast<uint32_t>(after - tables_.begin()) - 1;
}

Fork::Fork(const ForkShape* shape) : shape_(shape) {
  const uint32_t lines =
      std::min(shape->max_lines(), std::max(kFewestLines, std::bit_ceil(shape->commit_lines())));
  Adopt(static_cast<std::byte*>(::operator new(ForkShape::BytesFor(lines), kAlignment)), lines);
}

// Lines, then the directory, then the owners.
void Fork::Adopt(std::byte* memory, uint32_t lines) {
  const std::size_t entries = DirectorySize(lines);
  memory_.reset(memory);
  directory_ = {reinterpret_cast<Entry*>(memory + lines * kLine), entries};
  owners_ = {reinterpret_cast<uint32_t*>(memory + lines * kLine + entries * sizeof(Entry)), lines};
  lines_ = lines;
  Empty();
}

void Fork::Empty() noexcept {
  std::fill(owners_.begin(), owners_.end(), 0);
  std::fill(directory_.begin(), directory_.end(), Entry{});
  oldest_ = used_ = blocks_ = 0;
}

std::size_t Fork::Slot(uint32_t key) const noexcept {
  const std::size_t mask = directory_.size() - 1;
  std::size_t slot = (key * uint64_t{0x9E3779B97F4A7C15U}) >> 32 & mask;
  while (directory_[slot].key != 0 && directory_[slot].key != key) slot = (slot + 1) & mask;
  return slot;
}

std::byte* Fork::Find(uint32_t table, uint32_t index) const noexcept {
  const Entry& entry = directory_[Slot(shape_->table(table).first_key + index)];
  return entry.key == 0 ? nullptr : data(entry.place >> 1);
}

std::byte* Fork::Touch(uint32_t table, uint32_t index) noexcept {
  Entry& entry = directory_[Slot(shape_->table(table).first_key + index)];
  if (entry.key == 0) return nullptr;
  entry.place |= 1U;
  return data(entry.place >> 1);
}

bool Fork::Fits(uint32_t lines) const noexcept {
  const uint32_t end = (oldest_ + used_) % lines_;
  const uint32_t skipped = end + lines > lines_ ? lines_ - end : 0;
  return used_ + skipped + lines <= lines_;
}

// Lines at the ring's end, one after the other in memory. Requires: Fits.
uint32_t Fork::Take(uint32_t lines) noexcept {
  uint32_t end = (oldest_ + used_) % lines_;
  if (end + lines > lines_) {
    used_ += lines_ - end;
    end = 0;
  }
  used_ += lines;
  return end;
}

std::byte* Fork::Add(uint32_t table, uint32_t index, const std::byte* from) noexcept {
  const ForkShape::Table& shape = shape_->table(table);
  const uint32_t key = shape.first_key + index;
  GYRUS_DCHECK(Fits(shape.lines));
  const uint32_t line = Take(shape.lines);
  owners_[line] = key;
  Entry& entry = directory_[Slot(key)];
  entry.key = key;
  entry.place = line << 1;
  ++blocks_;
  std::memcpy(data(line), from, shape.lines * kLine);
  return data(line);
}

// Linear probing without tombstones: what was pushed past the freed place moves back.
void Fork::Erase(std::size_t slot) noexcept {
  const std::size_t mask = directory_.size() - 1;
  std::size_t hole = slot;
  for (std::size_t next = (hole + 1) & mask; directory_[next].key != 0; next = (next + 1) & mask) {
    const std::size_t home = (directory_[next].key * uint64_t{0x9E3779B97F4A7C15U}) >> 32 & mask;
    if (((next - home) & mask) < ((next - hole) & mask)) continue;
    directory_[hole] = directory_[next];
    hole = next;
  }
  directory_[hole] = Entry{};
}

void Fork::MakeRoom() {
  int spared = 0;
  while (lines_ - used_ < shape_->commit_lines()) {
    if (!Grow()) ForgetOldest(&spared);
  }
}

// Whether there was more memory to be had.
bool Fork::Grow() {
  if (lines_ == shape_->max_lines()) return false;
  const uint32_t lines = std::min(shape_->max_lines(), lines_ * 2);
  void* const memory = ::operator new(ForkShape::BytesFor(lines), kAlignment, std::nothrow);
  if (memory == nullptr) return false;
  const Fork old = std::exchange(*this, Fork(shape_, static_cast<std::byte*>(memory), lines));
  old.Visit([&](uint32_t table, uint32_t index, const std::byte* block) {
    Add(table, index, block);
    if (old.directory_[old.Slot(shape_->table(table).first_key + index)].place % 2 != 0) {
      Touch(table, index);
    }
  });
  forgotten_ = old.forgotten_;
  return true;
}

void Fork::ForgetOldest(int* spared) noexcept {
  const uint32_t key = owners_[oldest_];
  const uint32_t lines = key == 0 ? 1 : shape_->table(shape_->TableOf(key)).lines;
  const uint32_t line = oldest_;
  owners_[line] = 0;
  oldest_ = (oldest_ + lines) % lines_;
  used_ -= lines;
  if (key == 0) return;  // Skipped at the end of the ring.
  const std::size_t slot = Slot(key);
  if (directory_[slot].place % 2 != 0 && *spared < kMostSpared && Fits(lines)) {
    ++*spared;
    const uint32_t moved = Take(lines);
    std::memmove(data(moved), data(line), lines * kLine);
    owners_[moved] = key;
    directory_[slot].place = moved << 1;
    return;
  }
  Erase(slot);
  --blocks_;
  ++forgotten_;
}

void Fork::Clear() noexcept {
  if (used_ > 0) Empty();
}

void Fork::Visit(absl::FunctionRef<void(uint32_t, uint32_t, const std::byte*)> visit) const {
  for (uint32_t i = 0; i < used_; ++i) {
    const uint32_t line = (oldest_ + i) % lines_;
    if (owners_[line] == 0) continue;
    const uint32_t table = shape_->TableOf(owners_[line]);
    visit(table, owners_[line] - shape_->table(table).first_key, data(line));
  }
}

void Fork::Save(ByteWriter* writer) const {
  writer->Put(lines_);
  writer->Put(oldest_);
  writer->Put(used_);
  writer->Put(blocks_);
  Visit([&](uint32_t table, uint32_t index, const std::byte* block) {
    const Entry& entry = directory_[Slot(shape_->table(table).first_key + index)];
    writer->Put(table);
    writer->Put(index);
    writer->Put(entry.place);
    writer->PutBytes({reinterpret_cast<const char*>(block), shape_->table(table).lines * kLine});
  });
}

void Fork::Restore(ByteReader* reader) {
  const auto lines = reader->Get<uint32_t>();
  const auto oldest = reader->Get<uint32_t>();
  const auto used = reader->Get<uint32_t>();
  const auto blocks = reader->Get<uint32_t>();
  forgotten_ = 0;
  const bool sound = lines >= shape_->commit_lines() && lines <= shape_->max_lines() &&
                     oldest < lines && used <= lines && blocks <= used &&
                     lines - used >= shape_->commit_lines();
  if (!sound) reader->Fail();
  if (sound && lines != lines_) {
    Adopt(static_cast<std::byte*>(::operator new(ForkShape::BytesFor(lines), kAlignment)), lines);
  }
  Clear();
  if (!reader->ok()) return;
  oldest_ = oldest;
  used_ = used;
  uint32_t end = 0;
  for (uint32_t i = 0; i < blocks && reader->ok(); ++i) {
    if (!RestoreBlock(&end, reader)) reader->Fail();
  }
  if (!reader->ok()) Empty();
}

// One block where it was: within the ring, and behind the one before it, which ended `*end` lines
// from the ring's beginning.
bool Fork::RestoreBlock(uint32_t* end, ByteReader* reader) {
  const auto table = reader->Get<uint32_t>();
  const auto index = reader->Get<uint32_t>();
  const auto place = reader->Get<uint32_t>();
  if (table >= shape_->num_tables() || !shape_->owns(table)) return false;
  const ForkShape::Table& shape = shape_->table(table);
  const uint32_t line = place >> 1;
  if (index >= shape.blocks || line >= lines_ || shape.lines > lines_ - line) return false;
  const uint32_t begin = (line + lines_ - oldest_) % lines_;
  if (begin < *end || shape.lines > used_ - std::min(begin, used_)) return false;
  *end = begin + shape.lines;
  const uint32_t key = shape.first_key + index;
  Entry& entry = directory_[Slot(key)];
  if (entry.key != 0) return false;
  entry.key = key;
  entry.place = place;
  owners_[line] = key;
  ++blocks_;
  reader->GetBytes({data(line), shape.lines * kLine});
  return reader->ok();
}

}  // namespace gyrus
