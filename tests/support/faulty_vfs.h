// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/rng.h"

struct sqlite3_vfs;

namespace gyrus::test {

// A disk in memory that fails as disks do, for SQLite to write on: it is registered under name() as
// long as it lives. Files have their names; each has what is on the platter, and the writes that
// wait in the cache until the next sync.
//
//   FaultyVfs disk(/*seed=*/7);
//   StateDb::Open(path, {.mode = ..., .vfs = disk.name()});
//   disk.CutPower();      // Some of what waits reached the platter, in any order, torn or whole.
//   disk.FlipBits(1);
//
// One thread at a time; one connection to a file. Not movable.
class FaultyVfs {
 public:
  explicit FaultyVfs(uint64_t seed);
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  const std::string& name() const { return name_; }

  // From now on a write that makes all files together longer than this fails: the disk is full.
  // Any thread.
  void SetRoom(uint64_t bytes) { room_.store(bytes, std::memory_order_relaxed); }

  // The power goes after so many more writes: that one reaches the platter in part or not at all,
  // and it and all that follow fail until CutPower. The default: never.
  void FailAfter(uint64_t writes) { writes_left_ = writes; }
  bool dead() const { return dead_; }

  // What waits in the caches reaches the platter or is lost, write by write and sector by sector,
  // as the seed has it. Then the power is back. Requires: no file is open.
  void CutPower();

  // Flips so many bits of the files' content, anywhere. Requires: no file is open.
  void FlipBits(int bits);

  uint64_t writes() const { return writes_; }

 private:
  friend struct FaultyFile;

  struct Write {
    uint64_t offset = 0;
    std::string bytes;  // Empty: the file is cut to `offset`.
  };
  struct Content {
    std::string now;      // As whoever reads sees it.
    std::string platter;  // As it survives.
    std::vector<Write> waiting;
  };

  // Whether a write may happen.
  bool MayWrite(Content* content, uint64_t end);
  void LetThrough(const Write& write, std::string* platter);
  uint64_t Size() const;

  std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  Rng rng_;
  std::map<std::string, Content> files_;
  std::atomic<uint64_t> room_{UINT64_MAX};
  uint64_t writes_left_ = UINT64_MAX;
  uint64_t writes_ = 0;
  bool dead_ = false;
};

}  // namespace gyrus::test
