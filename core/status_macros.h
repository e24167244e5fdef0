// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Returns the status of `expression` from this function unless it is OK.
#define GYRUS_RETURN_IF_ERROR(expression)       \
  do {                                          \
    ::absl::Status gyrus_status = (expression); \
    if (!gyrus_status.ok()) [[unlikely]]        \
      return gyrus_status;                      \
  } while (false)

// Assigns the value of a StatusOr to `target`, or returns its status.
#define GYRUS_ASSIGN_OR_RETURN(target, expression) \
  GYRUS_ASSIGN_OR_RETURN_IMPL_(GYRUS_CONCAT_(gyrus_status_or_, __LINE__), target, expression)

#define GYRUS_CONCAT_(a, b) GYRUS_CONCAT_IMPL_(a, b)
#define GYRUS_CONCAT_IMPL_(a, b) a##b
#define GYRUS_ASSIGN_OR_RETURN_IMPL_(temporary, target, expression) \
  auto temporary = (expression);                                    \
  if (!temporary.ok()) [[unlikely]]                                 \
    return std::move(temporary).status();                           \
  target = *std::move(temporary)
