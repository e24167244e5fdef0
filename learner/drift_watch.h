// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "activation/brain_spec.h"
#include "core/bytes.h"
#include "learner/adwin.h"

namespace gyrus {

// Watches the loss of one stream for a rise, and says how much faster to learn for a while after
// one. A loss l >= 0 is looked at as l / (l + s), in [0, 1), where s is the mean of the first 100
// losses since the last change, the largest of them taken for 8 times the mean of the others at
// most, so that an outlier does not blind it: a change is one of size, whatever the unit. After a
// change in either direction the watch begins anew, and s with it; a fall is learning, and no
// drift.
//
// Blind to a rise within 100 losses of the last change, and to rises so slow that learning keeps
// up.
//
// Thread-compatible. Real-time safe.
class DriftWatch {
 public:
  // Requires: checked by Plan. Off if spec.delta is 0.
  explicit DriftWatch(const DriftSpec& spec);

  bool on() const { return spec_.delta > 0.0F; }

  // Takes in a loss; returns whether it has risen. Requires: on(), and the loss is finite.
  bool Add(double loss) noexcept;

  // To learn the next event with.
  float rate_factor() const { return left_ > 0 ? spec_.raise : 1.0F; }

  // Whether it is on, then the rest. Restored with another `delta`, or on where it was off, it goes
  // on as it is spec'd.
  void Save(ByteWriter* writer) const;
  void Restore(ByteReader* reader);
  std::size_t saved_bytes() const;

 private:
  void RestoreWatch(ByteReader* reader);

  DriftSpec spec_;
  Adwin adwin_;
  uint32_t settled_ = 0;  // Losses in the scale.
  double scale_ = 0;      // Their mean; of those but the largest,
  double largest_ = 0;    // which is this, until it has settled.
  uint32_t left_ = 0;     // Events to learn faster.
};

}  // namespace gyrus
