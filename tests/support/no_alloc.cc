// SPDX-License-Identifier: Apache-2.0
#include "tests/support/no_alloc.h"

#include <cstddef>
#include <cstdlib>
#include <new>

// operator new is replaced for the whole program and counts in a thread-local integer, which
// needs no construction and so cannot allocate in its turn. Below it malloc is replaced as well
// by way of glibc's own names for it, so that C code is seen too; under a sanitizer, whose
// interceptors must keep malloc to themselves, only operator new is counted, which is still every
// allocation that C++ code makes.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define GYRUS_SANITIZER_OWNS_MALLOC 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define GYRUS_SANITIZER_OWNS_MALLOC 1
#endif
#endif
#if !defined(GYRUS_SANITIZER_OWNS_MALLOC) && defined(__GLIBC__)
#define GYRUS_COUNT_MALLOC 1
#endif

namespace {

// constinit and of a trivial type: reached without an initialisation guard.
constinit thread_local int64_t thread_allocations = 0;

// One allocation through operator new: malloc counts it where malloc is replaced.
void* Allocate(std::size_t bytes) {
#ifndef GYRUS_COUNT_MALLOC
  ++thread_allocations;
#endif
  return std::malloc(bytes == 0 ? 1 : bytes);
}

void* AllocateAligned(std::size_t bytes, std::size_t alignment) {
#ifndef GYRUS_COUNT_MALLOC
  ++thread_allocations;
#endif
  // aligned_alloc asks for a multiple of the alignment.
  return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

void* OrThrow(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

#ifdef GYRUS_COUNT_MALLOC
extern "C" {

// glibc's own names for its allocator.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* __libc_memalign(std::size_t alignment, std::size_t bytes);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

void* malloc(std::size_t bytes) {
  ++thread_allocations;
  return __libc_malloc(bytes);
}

void* calloc(std::size_t count, std::size_t bytes) {
  ++thread_allocations;
  return __libc_calloc(count, bytes);
}

void* realloc(void* memory, std::size_t bytes) {
  ++thread_allocations;
  return __libc_realloc(memory, bytes);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) {
  ++thread_allocations;
  return __libc_memalign(alignment, bytes);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t bytes) {
  *memory = aligned_alloc(alignment, bytes);
  constexpr int kOutOfMemory = 12;  // ENOMEM.
  return *memory == nullptr ? kOutOfMemory : 0;
}

}  // extern "C"
#endif  // GYRUS_COUNT_MALLOC

void* operator new(std::size_t bytes) { return OrThrow(Allocate(bytes)); }
void* operator new[](std::size_t bytes) { return OrThrow(Allocate(bytes)); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return Allocate(bytes); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return Allocate(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return OrThrow(AllocateAligned(bytes, static_cast<std::size_t>(alignment)));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return OrThrow(AllocateAligned(bytes, static_cast<std::size_t>(alignment)));
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return AllocateAligned(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment,
                     const std::nothrow_t&) noexcept {
  return AllocateAligned(bytes, static_cast<std::size_t>(alignment));
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  std::free(memory);
}

namespace gyrus::test {

NoAllocScope::NoAllocScope() : start_(thread_allocations) {}

int64_t NoAllocScope::count() const { return thread_allocations - start_; }

}  // namespace gyrus::test
