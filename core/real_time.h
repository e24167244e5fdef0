// SPDX-License-Identifier: Apache-2.0
#pragma once

// Marks a function that neither allocates, locks, logs nor makes a system call. Compilers that
// can check it do; tests count allocations for the rest.
#if defined(__clang__) && __clang_major__ >= 20
#define GYRUS_NONBLOCKING [[clang::nonblocking]]
#else
#define GYRUS_NONBLOCKING
#endif
