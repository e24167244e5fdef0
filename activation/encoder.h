// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "activation/activity.h"
#include "activation/observation.h"
#include "core/real_time.h"
#include "core/store.h"

namespace gyrus {

// The sizes of what an encoder makes.
struct EncodingShape {
  uint32_t outputs = 0;   // Length of the vector; 0: none.
  uint32_t active = 0;    // Elements that are not mostly 0: the scale of |x|^2; 0: all.
  uint32_t contexts = 0;  // How many hashes.
  // Context c, if listed, takes at most 2^context_bits[c] values: memories need no more room.
  std::vector<uint32_t> context_bits = {};
  std::vector<uint32_t> selector_ranges = {};  // Selector s is below selector_ranges[s].
};

// Turns the value of a modality into what areas and experts read. What it adapts (statistics, a
// patch dictionary) is blocks; what it remembers of the stream (the last symbols) is session
// state.
//
// Thread-safe: immutable. Real-time safe.
class Encoder {
 public:
  virtual ~Encoder() = default;

  const EncodingShape& shape() const { return shape_; }

  // Encodes a present value and advances the encoder's part of context.state.
  virtual void Encode(const StepContext& context, const Value& value,
                      Encoding* encoding) const noexcept GYRUS_NONBLOCKING = 0;

  // Adapts to a value from inputs alone. `encoding` is what Encode made of it.
  virtual void Learn(const Value& value, const Encoding& encoding,
                     Commit* commit) const noexcept GYRUS_NONBLOCKING = 0;

 protected:
  explicit Encoder(EncodingShape shape) : shape_(std::move(shape)) {}

 private:
  EncodingShape shape_;
};

}  // namespace gyrus
