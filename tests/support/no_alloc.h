// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace gyrus::test {

// Counts the allocations that the calling thread makes while the scope lives: operator new in all
// its forms, and, where no sanitizer owns them, malloc, calloc, realloc and aligned_alloc. It
// proves a claim of `Real-time safe`:
//
//   test::NoAllocScope scope;
//   session.Step(x);
//   EXPECT_EQ(scope.count(), 0);
//
// Scopes nest; each counts from its own beginning. Read count() before an assertion that may
// itself allocate. Link gyrus_no_alloc, which replaces the allocator of the whole test program.
//
// Neither movable nor copyable. One writer, one reader: the thread that made it.
class NoAllocScope {
 public:
  NoAllocScope();
  NoAllocScope(const NoAllocScope&) = delete;
  NoAllocScope& operator=(const NoAllocScope&) = delete;

  // Allocations by this thread since the scope began.
  int64_t count() const;

 private:
  int64_t start_;
};

}  // namespace gyrus::test
