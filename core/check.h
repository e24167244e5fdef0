// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <cstdlib>

namespace gyrus::internal {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::abort();
}

}  // namespace gyrus::internal

// For what cannot happen: a mistake of the programmer, listed in the header as `Requires:`.
// Bad input and a bad world are an absl::Status instead.
#define GYRUS_CHECK(condition) \
  ((condition) ? (void)0 : ::gyrus::internal::CheckFailed(__FILE__, __LINE__, #condition))

// The same on hot paths: absent from release builds.
#ifdef NDEBUG
#define GYRUS_DCHECK(condition) ((void)sizeof(condition))
#else
#define GYRUS_DCHECK(condition) GYRUS_CHECK(condition)
#endif
