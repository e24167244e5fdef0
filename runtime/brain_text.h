// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "activation/brain_spec.h"

namespace gyrus {

// A brain as text: the textproto of gyrus.v1.Brain, which says the same as BrainSpec in the same
// words, for people to read and edit.

// Returns InvalidArgument for text that is no brain: "brain.textproto:12:7: ...", with what was
// expected and what was found. `name` is the file's, for messages.
absl::StatusOr<BrainSpec> ParseBrain(absl::string_view text, absl::string_view name);

// The text of a brain, every field that differs from its default. ParseBrain gives it back.
std::string FormatBrain(const BrainSpec& spec);

// What identifies a brain, in 16 hexadecimal digits: equal for equal specs, whatever the text's
// layout and comments. What may change over a brain's life counts for nothing: its name, its
// label_window, how often it publishes, the limits of its outputs, and the names in its schema.
std::string Fingerprint(const BrainSpec& spec);

}  // namespace gyrus
