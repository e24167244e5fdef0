// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "runtime/binding.h"
#include "tools/inputs/open_input.h"
#include "tools/inputs/record.h"

namespace gyrus {

// An input whose first records have been looked at and come again.
//
// Thread-compatible.
class PeekedInput final : public Input {
 public:
  // Looks at up to `records` records. What is wrong with them is returned by Next, in its place.
  PeekedInput(std::unique_ptr<Input> input, int records);

  // The records looked at; valid until the first Next.
  std::vector<Record> first() const;

  const Schema& schema() const override { return input_->schema(); }
  absl::StatusOr<bool> Next(Record* record) override;
  std::optional<uint64_t> size_hint() const override { return input_->size_hint(); }

 private:
  struct Kept {
    Record record;
    std::vector<std::string> texts;  // By field.
  };

  std::unique_ptr<Input> input_;
  std::deque<Kept> kept_;
  Kept current_;
  absl::Status status_;  // What ended the look.
};

// How inputs are opened for a brain.
struct BrainInputOptions {
  InputOptions input;
  bool by_class = false;  // Class by class instead of as the stream comes.
  uint64_t limit = std::numeric_limits<uint64_t>::max();  // Records, taken before ordering.
  std::string target;                                     // A column, or "".
};

struct BrainInput {
  std::unique_ptr<Input> input;
  InputSchema schema;
};

// Opens an input as what the brain learns from: the bytes of any file for a brain of text; for a
// bound one the columns are of the types that it knows. Returns what OpenInput does; as CheckSchema
// if the brain is bound and the input does not fit; InvalidArgument for a target of no table.
absl::StatusOr<BrainInput> OpenBrainInput(const BrainSpec& spec, const std::string& path,
                                          const BrainInputOptions& options);

}  // namespace gyrus
