// SPDX-License-Identifier: Apache-2.0
#include "activation/heads/region_readouts.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr Woken kOnlyReadout = {0, 1.0F};

}  // namespace

absl::StatusOr<RegionReadouts> RegionReadouts::Create(const Options& options,
                                                      const std::vector<Readable>& readables) {
  RegionReadouts made;
  made.outputs_ = options.outputs;
  if (!options.inputs.empty() || options.area.empty()) {
    GYRUS_ASSIGN_OR_RETURN(made.inputs_, FeatureSources::Create(options.inputs, readables));
    made.features_ = made.inputs_->length();
  }
  if (!options.area.empty()) {
    GYRUS_ASSIGN_OR_RETURN(const Readable* area, FindReadable(readables, options.area));
    if (!area->is_area) {
      return absl::InvalidArgumentError(absl::StrCat("\"", options.area, "\" is not an area"));
    }
    made.area_ = area->index;
    made.features_ += area->outputs;
    made.regions_ = area->regions;
    made.woken_ = area->woken;
  }
  if (made.features_ > options.max_features) {
    return absl::InvalidArgumentError(absl::StrCat("a readout here may have at most ",
                                                   options.max_features, " features, got ",
                                                   made.features_));
  }
  if (!options.reference.empty()) {
    GYRUS_ASSIGN_OR_RETURN(const Readable* reference, FindReadable(readables, options.reference));
    if (reference->is_area || reference->outputs < options.outputs) {
      return absl::InvalidArgumentError(absl::StrCat("reference \"", options.reference,
                                                     "\" is not an encoder with ", options.outputs,
                                                     " elements"));
    }
    made.reference_ = reference->index;
  }
  return made;
}

std::span<const Woken> RegionReadouts::Begin(const Activity& activity,
                                             std::span<float> phi) const noexcept {
  if (inputs_) {
    const std::span<const float> x = inputs_->Gather(activity, phi.data());
    if (x.empty() && !area_) return {};
    if (x.empty()) std::fill_n(phi.begin(), inputs_->length(), 0.0F);
    if (!x.empty() && x.data() != phi.data()) std::copy(x.begin(), x.end(), phi.begin());
  }
  if (!area_) return {&kOnlyReadout, 1};
  const AreaActivity& area = activity.areas[*area_];
  return area.awake ? std::span<const Woken>(area.woken) : std::span<const Woken>();
}

void RegionReadouts::Complete(const Activity& activity, std::size_t k,
                              std::span<float> phi) const noexcept {
  if (!area_) return;
  const AreaActivity& area = activity.areas[*area_];
  const std::size_t length = area.output.size();
  const std::span<const float> y = area.outputs.subspan(k * length, length);
  std::copy(y.begin(), y.end(), phi.end() - length);
}

std::span<const float> RegionReadouts::Reference(const Activity& activity) const noexcept {
  if (!reference_ || !activity.encodings[*reference_].present) return {};
  return activity.encodings[*reference_].vector.first(outputs_);
}

}  // namespace gyrus
