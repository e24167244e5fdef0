// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/activity.h"
#include "activation/factories.h"
#include "activation/feature_sources.h"
#include "activation/observation.h"
#include "core/real_time.h"

namespace gyrus {

// What the readouts of a ridge or Kalman head read and are to say: per woken region r of an area
// the features phi_r = [shared inputs | the region's outputs], or, with no area, one readout over
// the shared inputs; and the target less its reference.
//
// Thread-safe: immutable. Real-time safe but Create.
class RegionReadouts {
 public:
  // Returns InvalidArgument if a name is unknown, nothing is read, or there are more than
  // max_features features; and for a reference that is not an encoder with `outputs` elements.
  struct Options {
    std::string area;
    std::vector<std::string> inputs;
    std::string reference;
    uint32_t outputs = 0;  // Length of a target.
    uint32_t max_features = 0;
  };
  static absl::StatusOr<RegionReadouts> Create(const Options& options,
                                               const std::vector<Readable>& readables);

  uint32_t features() const { return features_; }
  uint32_t regions() const { return regions_; }  // 1 with no area.
  uint32_t woken() const { return woken_; }      // At most; 1 with no area.

  // The regions that read this step: none if the area sleeps or all inputs are absent. Writes
  // what they share to phi (features,).
  std::span<const Woken> Begin(const Activity& activity,
                               std::span<float> phi) const noexcept GYRUS_NONBLOCKING;

  // Completes phi for the k-th of them.
  void Complete(const Activity& activity, std::size_t k,
                std::span<float> phi) const noexcept GYRUS_NONBLOCKING;

  // What the target is near, (outputs,); empty if nothing is named or it is absent.
  std::span<const float> Reference(const Activity& activity) const noexcept GYRUS_NONBLOCKING;

 private:
  RegionReadouts() = default;

  std::optional<FeatureSources> inputs_;
  std::optional<uint32_t> area_;
  std::optional<uint32_t> reference_;
  uint32_t features_ = 0;
  uint32_t regions_ = 1;
  uint32_t woken_ = 1;
  uint32_t outputs_ = 0;
};

}  // namespace gyrus
