// SPDX-License-Identifier: Apache-2.0
#include "tests/support/no_alloc.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace gyrus::test {
namespace {

// Keeps the compiler from removing an allocation whose result nobody reads.
void Escape(void* memory) { asm volatile("" : : "g"(memory) : "memory"); }

TEST(NoAllocScopeTest, CountsNothingWhenNothingIsAllocated) {
  std::vector<int> numbers(16);
  const NoAllocScope scope;

  for (int& number : numbers) number += 1;
  Escape(numbers.data());

  EXPECT_EQ(scope.count(), 0);
}

TEST(NoAllocScopeTest, CountsEachNewOnce) {
  struct alignas(128) Wide {
    char bytes[128];
  };
  const NoAllocScope scope;

  const auto one = std::make_unique<int>(1);
  std::vector<float> many(100);
  const auto wide = std::make_unique<Wide>();
  Escape(one.get());
  Escape(many.data());
  Escape(wide.get());
  const int64_t count = scope.count();

  EXPECT_EQ(count, 3);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(wide.get()) % 128, 0U);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(NoAllocScopeTest, CountsMalloc) {
  const NoAllocScope scope;

  void* memory = std::malloc(32);
  Escape(memory);
  memory = std::realloc(memory, 4096);
  Escape(memory);
  std::free(memory);
  const int64_t count = scope.count();

  EXPECT_EQ(count, 2);
}
#endif

TEST(NoAllocScopeTest, NestedScopesCountFromTheirOwnBeginning) {
  const NoAllocScope outer;
  Escape(std::make_unique<int>(1).get());
  const NoAllocScope inner;
  Escape(std::make_unique<int>(2).get());

  EXPECT_EQ(inner.count(), 1);
  EXPECT_EQ(outer.count(), 2);
}

TEST(NoAllocScopeTest, LeavesOtherThreadsOut) {
  int64_t count_in_thread = 0;
  {
    std::thread started([&count_in_thread] {
      const NoAllocScope scope;
      Escape(std::make_unique<int>(1).get());
      count_in_thread = scope.count();
    });
    const NoAllocScope scope;
    started.join();
    EXPECT_EQ(scope.count(), 0);
  }

  EXPECT_EQ(count_in_thread, 1);
}

}  // namespace
}  // namespace gyrus::test
