// SPDX-License-Identifier: Apache-2.0
#include "core/page_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gyrus {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

absl::StatusOr<PageMemory> PageMemory::Allocate(std::size_t bytes) {
  PageMemory memory;
  // A span that may use huge pages is aligned to one, which costs at most one page of addresses.
  const bool huge = bytes >= kHugePage;
  memory.mapped_bytes_ = std::max<std::size_t>(bytes, 1) + (huge ? kHugePage : 0);
  memory.mapped_ = mmap(nullptr, memory.mapped_bytes_, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory.mapped_ == MAP_FAILED) {
    memory.mapped_ = nullptr;
    return absl::ResourceExhaustedError(
        absl::StrCat("the system has no room for ", bytes, " bytes of blocks"));
  }
  uintptr_t start = reinterpret_cast<uintptr_t>(memory.mapped_);
  if (huge) start = (start + kHugePage - 1) / kHugePage * kHugePage;
  memory.data_ = reinterpret_cast<std::byte*>(start);
  if (huge) madvise(memory.data_, bytes, MADV_HUGEPAGE);  // A refusal costs speed alone.
  return memory;
}

void PageMemory::Prefault(std::size_t bytes) const {
  if (data_ == nullptr) return;
  constexpr std::size_t kPage = 4096;
  for (std::size_t at = 0; at < bytes; at += kPage) {
    volatile std::byte* const page = data_ + at;
    *page = *page;  // Written, since reading alone would map the shared zero page.
  }
}

PageMemory::~PageMemory() {
  if (mapped_ != nullptr) munmap(mapped_, mapped_bytes_);
}

}  // namespace gyrus
