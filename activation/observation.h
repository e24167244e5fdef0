// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

namespace gyrus {

// The largest magnitude of a real that comes in: what is learned from it is squared in float.
inline constexpr float kLargestReal = 1e18F;

// The value of one modality at one moment. Which field counts is the modality's kind; the plan
// checks that it fits. Spans are borrowed for the call.
struct Value {
  bool present = false;                  // Absent: its areas stay asleep.
  uint32_t symbol = 0;                   // kSymbol: below the modality's size.
  std::span<const float> reals = {};     // kReals: (size,); NaN: missing.
  std::span<const uint8_t> pixels = {};  // kImage: (rows x columns), row-major, 0 to 255.
};

// What came in at one moment: a value per modality of the plan, in its order.
struct Observation {
  std::chrono::nanoseconds time{0};
  std::span<const Value> values = {};
};

// What a head should have said. A symbol or class for heads that predict one; reals for
// regression, of the head's outputs.
struct Target {
  uint32_t symbol = 0;
  std::span<const float> reals = {};
};

// What the caller wants of a step, and pays for.
struct Want {
  enum class Kind : uint8_t {
    kNothing,       // Only advance.
    kBest,          // The most probable symbol or class and its probability.
    kSymbol,        // The probability of one symbol or class.
    kDistribution,  // The probability of every symbol or class.
    kReals,         // The mean and variance of a real vector.
  };
  Kind kind = Kind::kNothing;
  uint32_t symbol = 0;  // kSymbol: which.
  // The step's deadline, counted from its call: one that takes longer answers all the same, says
  // so, and is counted. 0: none.
  std::chrono::nanoseconds within{0};
};

// A head's answer, in memory of the caller.
struct Prediction {
  uint32_t best = 0;                   // kBest, kDistribution; kSymbol: the one asked for.
  float best_probability = 0;          // In [0, 1].
  bool late = false;                   // Past the deadline that was asked for.
  std::span<float> distribution = {};  // kDistribution: (classes,), sums to 1 within 1e-4.
  std::span<float> mean = {};          // kReals: (outputs,).
  std::span<float> variance = {};      // kReals: (outputs,); 0 where a head has none.
};

}  // namespace gyrus
