// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "activation/brain_spec.h"

namespace gyrus {

// Binding: a preset leaves open what depends on the input; the first input fixes it, and
// brain.textproto keeps it. Every later input is checked against that, by name.
//
// Open is a modality of size 0 and a head with neither classes nor outputs. What they become:
//
//   an image modality            the size of the images
//   a reals modality             the table's numbers but for the target, in the schema's order; one
//                                that is always missing if there are none
//   a symbol modality            of a table: one of each column of categories (ColumnModality), and
//     with a category encoder    its encoder too; lists of inputs that name the open encoder name
//                                those instead, or nothing if there are none
//   last_target_modality         the first head's classes, or one number
//   a mixing or softmax head,    max_classes classes, so that those seen later find room. A number
//     any head of images         as a target is a class under the text it was written as
//   a ridge or kalman head       of a table: its target, a number; without one, all numbers of the
//                                next row: then the row is the last known target, so that held
//     encoders of the latter     read the row, and its other encoders go
//
// Names of classes and categories get ids in order of first appearance, now and later; whoever
// feeds a brain keeps the schema and writes it back when it closes.

// What the first records of an input look like.
struct InputSchema {
  enum class Kind : uint8_t { kBytes, kTable, kImages };
  Kind kind = Kind::kBytes;
  std::vector<ColumnSpec> columns = {};  // kTable: with the categories seen so far.
  std::string target = {};               // kTable: a column, or "".
  bool missing = false;                  // kTable: a number was.
  uint32_t image_rows = 0;               // kImages, in pixels.
  uint32_t image_columns = 0;            // kImages, in pixels.
  uint32_t classes = 0;                  // How many there are, if that is known; else 0.
};

struct BindOptions {
  uint32_t max_categories = 64;  // Of a column; with more its categories are hashed. In [2, 256].
  uint32_t max_classes = 64;     // Where the input does not know how many. In [2, 256].
};

// Whether a brain is ready to run: nothing is open.
bool IsBound(const BrainSpec& spec);

// An input as small as any that an open brain may be bound to: what is too large with it is too
// large with every input.
InputSchema SmallestInput(const BrainSpec& open);

// The brain of an open one and its first input. Returns FailedPrecondition if it is bound already;
// InvalidArgument if the input does not fit it, with the column's name.
absl::StatusOr<BrainSpec> Bind(const BrainSpec& open, const InputSchema& input,
                               const BindOptions& options = {});

// Returns InvalidArgument, naming the column, what was expected and what was found, if an input
// does not fit a bound brain. The columns may come in another order, and the target may be
// missing: then nothing can be learned from it.
absl::Status CheckSchema(const BrainSpec& bound, const InputSchema& input);

// The modality of a column of categories.
std::string ColumnModality(absl::string_view column);

// The id of a class; a new name is added. Returns ResourceExhausted if there are `classes` already.
absl::StatusOr<uint32_t> ClassId(absl::string_view name, uint32_t classes, SchemaSpec* schema);

// The id of a class that was seen before.
std::optional<uint32_t> FindClass(absl::string_view name, const SchemaSpec& schema);

// The id of a category in [0, size), `size` that of its column's modality; a new name is added
// while there is room, and shares an id by its hash otherwise.
uint32_t CategoryId(absl::string_view name, uint32_t size, ColumnSpec* column);

}  // namespace gyrus
