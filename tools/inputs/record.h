// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gyrus {

// What the records of one input look like. Fixed for the life of the input.
struct Schema {
  enum class Kind {
    kBytes,   // Record::symbol
    kTable,   // Record::fields, one per column
    kImages,  // Record::pixels, and Record::label if `labelled`
  };
  enum class Type { kReal, kCategory };
  struct Column {
    std::string name;  // Not empty; unique within the schema.
    Type type = Type::kReal;
    std::string because = {};  // What made it a category, e.g. "\"tall\" at line 3 is no number".
  };

  // The column of that name, or nullopt.
  std::optional<int> Find(absl::string_view name) const {
    for (int i = 0; i < static_cast<int>(columns.size()); ++i) {
      if (columns[i].name == name) return i;
    }
    return std::nullopt;
  }

  Kind kind = Kind::kBytes;
  std::vector<Column> columns = {};  // kTable
  int height = 0;                    // kImages, pixels
  int width = 0;                     // kImages, pixels
  bool labelled = false;             // kImages: every record has a label.
};

// Where a record starts in its input, for Input::Seek(). Its fields mean something to that
// input only.
struct Place {
  uint64_t offset = 0;
  uint64_t line = 0;
};

// One value of a table. Views live as long as those of the Record that holds it.
struct Field {
  absl::string_view text;  // As written, without quotes; empty where the input has no text.
  double value = 0;        // kReal and not missing: finite, and finite as a float.
  bool missing = false;
};

// One record. Only what its schema's kind names is meaningful. The caller keeps one Record and
// hands it to every Next(): its buffers are reused, so that reading allocates nothing once they
// have grown. Its views live until the next call on the input that filled it.
struct Record {
  int64_t time_ns = 0;  // On the input's own clock; 0 where the input knows no time.
  Place place;
  uint8_t symbol = 0;
  std::vector<Field> fields;        // Shape (schema.columns.size(),)
  std::span<const uint8_t> pixels;  // Shape (height, width), row-major
  std::optional<int> label;         // In [0, 255]
};

// A stream of records that all have one schema: what a brain learns from. Which column is the
// target is no business of an input; whoever consumes the records picks it by name.
//
// Thread-compatible. Reads outside bytes: every failure is a status that names the file.
class Input {
 public:
  virtual ~Input() = default;

  virtual const Schema& schema() const = 0;

  // Fills `record` and returns true, or returns false at the end of the input, or when asked to
  // stop. After an error the input is finished.
  virtual absl::StatusOr<bool> Next(Record* record) = 0;

  // About how many records there are in all, for a progress bar; nullopt if unknown or endless.
  virtual std::optional<uint64_t> size_hint() const { return std::nullopt; }

  // What whoever gave it should know of how it is read, in one line; "" if there is nothing.
  virtual std::string note() const { return ""; }

  // Makes the next Next() read the record that had this place.
  // Returns FailedPrecondition if the input cannot go back.
  virtual absl::Status Seek(const Place& /*place*/) {
    return absl::FailedPreconditionError("this input can only be read once, from start to end");
  }
};

}  // namespace gyrus
