// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "runtime/binding.h"

namespace gyrus {

// The brain of a directory. Returns NotFound, saying how to make one, if there is none;
// BrainTextLost if only its text is gone.
absl::StatusOr<BrainSpec> ReadBrain(const std::string& directory);

// Whether the brain of a directory has learned: saved anything.
bool HasState(const std::string& directory);

// FailedPrecondition: says how a brain that has not learned begins.
absl::Status NothingLearned(const std::string& directory, const BrainSpec& spec);

// FailedPrecondition: says what to do about a directory with a state and no brain.textproto.
absl::Status BrainTextLost(const std::string& directory);

struct BindBrainOptions {
  uint32_t delay = 0;            // Labels come so many steps late.
  std::optional<uint64_t> seed;  // Set when the brain is bound.
  bool may_bind = true;
};

// Returns what no input could make right of a brain that has yet to see one: InvalidArgument for a
// mistake, ResourceExhausted if it is too large for this machine.
absl::Status CheckNewBrain(const BrainSpec& spec);

// Binds a brain to its first input and writes it back, or checks that the input fits a brain that
// is bound. Nothing is written unless the bound brain is sound. Returns FailedPrecondition if the
// brain cannot wait as long as labels are late, or was bound with another seed.
absl::Status BindBrain(const std::string& directory, const InputSchema& input,
                       const BindBrainOptions& options, BrainSpec* spec);

}  // namespace gyrus
