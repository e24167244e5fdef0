// SPDX-License-Identifier: Apache-2.0
// See sqlite.org/c3ref/io_methods.html for what each of the functions is asked. Names of SQLite's
// own are as its interface has them.
#include "tests/support/faulty_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace gyrus::test {
namespace {

constexpr uint64_t kSector = 512;

}  // namespace

// What SQLite takes for an open file.
struct FaultyFile {
  sqlite3_file base;  // First: SQLite sees no more.
  FaultyVfs* disk;
  FaultyVfs::Content* content;
  std::vector<std::unique_ptr<std::string>>* regions;  // Shared memory, of one connection.

  static FaultyFile* Of(sqlite3_file* file) { return reinterpret_cast<FaultyFile*>(file); }

  static int Close(sqlite3_file* file) {
    delete Of(file)->regions;
    return SQLITE_OK;
  }
  static int Read(sqlite3_file* file, void* to, int amount, sqlite3_int64 offset) {
    const std::string& now = Of(file)->content->now;
    const auto wanted = static_cast<std::size_t>(amount);
    const auto from = std::min(static_cast<std::size_t>(offset), now.size());
    const std::size_t there = std::min(wanted, now.size() - from);
    std::memcpy(to, now.data() + from, there);
    if (there == wanted) return SQLITE_OK;
    std::memset(static_cast<char*>(to) + there, 0, wanted - there);
    return SQLITE_IOERR_SHORT_READ;
  }
  static int Write(sqlite3_file* file, const void* from, int amount, sqlite3_int64 offset) {
    FaultyFile* const self = Of(file);
    const auto begin = static_cast<std::size_t>(offset);
    const auto bytes = static_cast<std::size_t>(amount);
    const bool was_dead = self->disk->dead_;
    self->content->waiting.push_back({begin, std::string(static_cast<const char*>(from), bytes)});
    if (!self->disk->MayWrite(self->content, begin + bytes)) {
      // The write at which the power goes is one of those that may reach the platter.
      if (was_dead || !self->disk->dead_) self->content->waiting.pop_back();
      return self->disk->dead_ ? SQLITE_IOERR_WRITE : SQLITE_FULL;
    }
    std::string& now = self->content->now;
    if (now.size() < begin + bytes) now.resize(begin + bytes);
    std::memcpy(now.data() + begin, from, bytes);
    return SQLITE_OK;
  }
  static int Truncate(sqlite3_file* file, sqlite3_int64 size) {
    FaultyFile* const self = Of(file);
    if (!self->disk->MayWrite(self->content, 0)) return SQLITE_IOERR_TRUNCATE;
    self->content->waiting.push_back({static_cast<uint64_t>(size), ""});
    self->content->now.resize(static_cast<std::size_t>(size));
    return SQLITE_OK;
  }
  static int Sync(sqlite3_file* file, int) {
    FaultyFile* const self = Of(file);
    if (!self->disk->MayWrite(self->content, 0)) return SQLITE_IOERR_FSYNC;
    self->content->platter = self->content->now;
    self->content->waiting.clear();
    return SQLITE_OK;
  }
  static int FileSize(sqlite3_file* file, sqlite3_int64* size) {
    *size = static_cast<sqlite3_int64>(Of(file)->content->now.size());
    return SQLITE_OK;
  }
  static int Lock(sqlite3_file*, int) { return SQLITE_OK; }
  static int CheckReservedLock(sqlite3_file*, int* locked) {
    *locked = 0;
    return SQLITE_OK;
  }
  static int FileControl(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int SectorSize(sqlite3_file*) { return kSector; }
  static int DeviceCharacteristics(sqlite3_file*) { return 0; }
  static int ShmMap(sqlite3_file* file, int region, int size, int, void volatile** at) {
    auto& regions = *Of(file)->regions;
    while (regions.size() <= static_cast<std::size_t>(region)) {
      regions.push_back(std::make_unique<std::string>(static_cast<std::size_t>(size), '\0'));
    }
    *at = regions[static_cast<std::size_t>(region)]->data();
    return SQLITE_OK;
  }
  static int ShmLock(sqlite3_file*, int, int, int) { return SQLITE_OK; }
  static void ShmBarrier(sqlite3_file*) {}
  static int ShmUnmap(sqlite3_file* file, int) {
    Of(file)->regions->clear();
    return SQLITE_OK;
  }

  static const sqlite3_io_methods kMethods;

  static FaultyVfs* Disk(sqlite3_vfs* vfs) { return static_cast<FaultyVfs*>(vfs->pAppData); }
  static int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out) {
    file->pMethods = nullptr;
    FaultyVfs* const disk = Disk(vfs);
    const std::string path = name == nullptr ? "temporary" : name;
    if ((flags & SQLITE_OPEN_CREATE) == 0 && disk->files_.count(path) == 0) return SQLITE_CANTOPEN;
    new (file) FaultyFile{.base = {.pMethods = &kMethods},
                          .disk = disk,
                          .content = &disk->files_[path],
                          .regions = new std::vector<std::unique_ptr<std::string>>};
    if (out != nullptr) *out = flags;
    return SQLITE_OK;
  }
  // A file's removal is on the platter at once: it comes after a sync of what made it useless.
  static int Delete(sqlite3_vfs* vfs, const char* name, int) {
    if (Disk(vfs)->dead_) return SQLITE_IOERR_DELETE;
    Disk(vfs)->files_.erase(name);
    return SQLITE_OK;
  }
  static int Access(sqlite3_vfs* vfs, const char* name, int, int* there) {
    *there = Disk(vfs)->files_.count(name) > 0 ? 1 : 0;
    return SQLITE_OK;
  }
  static int FullPathname(sqlite3_vfs*, const char* name, int size, char* out) {
    sqlite3_snprintf(size, out, "%s", name);
    return SQLITE_OK;
  }
  static int Randomness(sqlite3_vfs* vfs, int size, char* out) {
    for (int i = 0; i < size; ++i) out[i] = static_cast<char>(Disk(vfs)->rng_.Below(256));
    return size;
  }
  static int Sleep(sqlite3_vfs*, int microseconds) { return microseconds; }
  static int CurrentTimeInt64(sqlite3_vfs*, sqlite3_int64* time) {
    *time = 0;
    return SQLITE_OK;
  }
};

const sqlite3_io_methods FaultyFile::kMethods = {
    .iVersion = 2,
    .xClose = Close,
    .xRead = Read,
    .xWrite = Write,
    .xTruncate = Truncate,
    .xSync = Sync,
    .xFileSize = FileSize,
    .xLock = Lock,
    .xUnlock = Lock,
    .xCheckReservedLock = CheckReservedLock,
    .xFileControl = FileControl,
    .xSectorSize = SectorSize,
    .xDeviceCharacteristics = DeviceCharacteristics,
    .xShmMap = ShmMap,
    .xShmLock = ShmLock,
    .xShmBarrier = ShmBarrier,
    .xShmUnmap = ShmUnmap,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

FaultyVfs::FaultyVfs(uint64_t seed)
    : name_("gyrus-faulty-" + std::to_string(reinterpret_cast<uintptr_t>(this))),
      vfs_(std::make_unique<sqlite3_vfs>()),
      rng_(seed) {
  *vfs_ = {};
  vfs_->iVersion = 2;
  vfs_->szOsFile = sizeof(FaultyFile);
  vfs_->mxPathname = 512;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->xOpen = FaultyFile::Open;
  vfs_->xDelete = FaultyFile::Delete;
  vfs_->xAccess = FaultyFile::Access;
  vfs_->xFullPathname = FaultyFile::FullPathname;
  vfs_->xRandomness = FaultyFile::Randomness;
  vfs_->xSleep = FaultyFile::Sleep;
  vfs_->xCurrentTimeInt64 = FaultyFile::CurrentTimeInt64;
  sqlite3_vfs_register(vfs_.get(), /*makeDflt=*/0);
}

FaultyVfs::~FaultyVfs() { sqlite3_vfs_unregister(vfs_.get()); }

uint64_t FaultyVfs::Size() const {
  uint64_t size = 0;
  for (const auto& [path, content] : files_) size += content.now.size();
  return size;
}

bool FaultyVfs::MayWrite(Content* content, uint64_t end) {
  ++writes_;
  if (writes_left_ == 0) dead_ = true;
  if (writes_left_ != UINT64_MAX && writes_left_ > 0) --writes_left_;
  if (dead_) return false;
  const uint64_t more = end > content->now.size() ? end - content->now.size() : 0;
  return more == 0 || Size() + more <= room_.load(std::memory_order_relaxed);
}

// Each sector of a write arrives or does not.
void FaultyVfs::LetThrough(const Write& write, std::string* platter) {
  if (write.bytes.empty()) {
    if (rng_.Below(2) == 0) platter->resize(write.offset);
    return;
  }
  const bool whole = rng_.Below(2) == 0;
  if (!whole && rng_.Below(2) == 0) return;
  for (uint64_t at = 0; at < write.bytes.size();) {
    const uint64_t end =
        std::min<uint64_t>(write.bytes.size(), at + kSector - (write.offset + at) % kSector);
    if (whole || rng_.Below(2) == 0) {
      if (platter->size() < write.offset + end) platter->resize(write.offset + end);
      std::memcpy(platter->data() + write.offset + at, write.bytes.data() + at, end - at);
    }
    at = end;
  }
}

void FaultyVfs::CutPower() {
  for (auto& [path, content] : files_) {
    // That an earlier write is lost and a later one is not is all that order can come to: a cache
    // has one version of each sector.
    for (const Write& write : content.waiting) LetThrough(write, &content.platter);
    content.waiting.clear();
    content.now = content.platter;
  }
  writes_left_ = UINT64_MAX;
  dead_ = false;
}

void FaultyVfs::FlipBits(int bits) {
  for (int n = 0; n < bits; ++n) {
    const uint64_t size = Size();
    if (size == 0) return;
    uint64_t at = rng_.Below(size);
    for (auto& [path, content] : files_) {
      if (at < content.now.size()) {
        content.now[at] = static_cast<char>(content.now[at] ^ (1 << rng_.Below(8)));
        content.platter = content.now;
        break;
      }
      at -= content.now.size();
    }
  }
}

}  // namespace gyrus::test
