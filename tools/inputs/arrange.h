// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tools/inputs/record.h"

namespace gyrus {

// The first `limit` records of `input`. A Seek() does not give back what was used of the limit.
std::unique_ptr<Input> LimitRecords(std::unique_ptr<Input> input, uint64_t limit);

struct ClassOrder {
  std::string target;  // The column that holds the class; unused for images.
  uint64_t limit = std::numeric_limits<uint64_t>::max();  // Records, taken before ordering.
};

// The records of `input` class by class, and within a class in their own order: the stream that
// makes a learner forget. Classes come in the order of their numbers if all are numbers, else
// alphabetically; records without a class come last.
//
// Reads the whole input once to find the classes and keeps 32 bytes per record.
// Returns InvalidArgument if the records have no class (bytes, images without labels, no such
// column), FailedPrecondition if the input cannot go back (a pipe), ResourceExhausted beyond
// 65,536 classes or 2^28 records.
absl::StatusOr<std::unique_ptr<Input>> OrderByClass(std::unique_ptr<Input> input,
                                                    const ClassOrder& order);

}  // namespace gyrus
