// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>

#include "activation/activity.h"
#include "core/real_time.h"
#include "core/store.h"

namespace gyrus {

// Picks the few regions of an area that an input wakes. What a router knows (anchors, scores,
// loads) is blocks; the router itself is pure.
//
// Thread-safe: immutable. Real-time safe.
class Router {
 public:
  virtual ~Router() = default;

  // Writes the woken regions, each once, the always-on ones first, and returns how many: at most
  // woken.size(), fewer while an area has not founded enough. x: the area's input.
  virtual std::size_t Route(const View& view, std::span<const float> x,
                            std::span<Woken> woken) const noexcept GYRUS_NONBLOCKING = 0;

  // Learns from one routed input: founds regions, balances loads, and follows `dgates` (dL/d gate
  // of each woken region; empty where no error reaches the gates).
  virtual void Learn(std::span<const float> x, std::span<const Woken> woken,
                     std::span<const float> dgates, Commit* commit) const noexcept = 0;
};

}  // namespace gyrus
