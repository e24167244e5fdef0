// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace gyrus {

// The flat-array baseline of the text learner: hashed memory with gated linear mixing, straight on
// arrays, without blocks, versions or threads. The engine is measured against it.
//
// A byte is decided bit by bit, the highest first: 8 of the 255 nodes of a binary tree. Each of 11
// hashed contexts finds a row per half byte, whose 15 nodes know how often the bit was 1 there and
// what the last bits were. Both give a logit; so does the last place where the recent bytes
// occurred (the match). Five weight vectors, selected by further contexts, mix these inputs; a
// final mixer weighs the five results, and two adaptive maps correct the outcome. Every part learns
// from its own log-loss alone. Equal binaries give equal bits.
class FlatText {
 public:
  FlatText();
  ~FlatText();

  // Predicts, then learns, each byte of what follows. Returns the bits that it cost.
  double Run(std::span<const uint8_t> text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gyrus
