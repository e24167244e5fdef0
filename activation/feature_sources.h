// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/activity.h"
#include "activation/factories.h"
#include "core/real_time.h"

namespace gyrus {

// The vectors of encoders and areas side by side: what a readout reads.
//
// Thread-safe: immutable. Real-time safe but Create.
class FeatureSources {
 public:
  // Returns InvalidArgument if `names` is empty or names something that makes no vector.
  static absl::StatusOr<FeatureSources> Create(const std::vector<std::string>& names,
                                               const std::vector<Readable>& readables);

  uint32_t length() const { return length_; }

  // Elements that are not mostly zero; see EncodingShape::active.
  uint32_t active() const { return active_; }

  // Floats of memory that Gather needs; 0 where it never copies.
  uint32_t scratch_floats() const { return parts_.size() > 1 ? length_ : 0; }

  // Returns the features, (length,): where they are, or copied into `scratch` (scratch_floats,).
  // An absent part is 0. Returns nothing if all are absent.
  std::span<const float> Gather(const Activity& activity,
                                float* scratch) const noexcept GYRUS_NONBLOCKING;

  // gradient += scale * w, (length,), for the parts that are areas awake and carry gradients.
  void AddGradient(float scale, std::span<const float> w,
                   Activity* activity) const noexcept GYRUS_NONBLOCKING;

  // Where the gradient of a single area goes, (length,); empty if nobody wants it, or there are
  // several sources or an encoder.
  std::span<float> Gradient(Activity* activity) const noexcept GYRUS_NONBLOCKING {
    if (parts_.size() > 1 || !parts_[0].is_area) return {};
    return activity->areas[parts_[0].index].gradient;
  }

 private:
  struct Part {
    bool is_area;
    uint32_t index;
    uint32_t offset;
    uint32_t length;
  };

  std::span<const float> Vector(const Part& part, const Activity& activity) const noexcept;

  std::vector<Part> parts_;
  uint32_t length_ = 0;
  uint32_t active_ = 0;
};

}  // namespace gyrus
