// SPDX-License-Identifier: Apache-2.0
#include "activation/feature_sources.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"

namespace gyrus {

absl::StatusOr<FeatureSources> FeatureSources::Create(const std::vector<std::string>& names,
                                                      const std::vector<Readable>& readables) {
  if (names.empty()) return absl::InvalidArgumentError("inputs is empty");
  FeatureSources sources;
  for (const std::string& name : names) {
    GYRUS_ASSIGN_OR_RETURN(const Readable* readable, FindReadable(readables, name));
    if (readable->outputs == 0) {
      return absl::InvalidArgumentError(absl::StrCat("encoder \"", name, "\" makes no vector"));
    }
    sources.parts_.push_back(
        {readable->is_area, readable->index, sources.length_, readable->outputs});
    sources.length_ += readable->outputs;
    sources.active_ +=
        readable->encoding.active > 0 ? readable->encoding.active : readable->outputs;
  }
  return sources;
}

// Empty: absent.
std::span<const float> FeatureSources::Vector(const Part& part,
                                              const Activity& activity) const noexcept {
  if (part.is_area) {
    const AreaActivity& area = activity.areas[part.index];
    return area.awake ? area.output : std::span<float>();
  }
  const Encoding& encoding = activity.encodings[part.index];
  return encoding.present ? encoding.vector : std::span<float>();
}

std::span<const float> FeatureSources::Gather(const Activity& activity,
                                              float* scratch) const noexcept {
  if (parts_.size() == 1) return Vector(parts_[0], activity);
  bool any = false;
  for (const Part& part : parts_) {
    const std::span<const float> x = Vector(part, activity);
    any = any || !x.empty();
    if (x.empty()) std::fill_n(scratch + part.offset, part.length, 0.0F);
    std::copy(x.begin(), x.end(), scratch + part.offset);
  }
  if (!any) return {};
  return {scratch, length_};
}

void FeatureSources::AddGradient(float scale, std::span<const float> w,
                                 Activity* activity) const noexcept {
  for (const Part& part : parts_) {
    if (!part.is_area) continue;
    const AreaActivity& area = activity->areas[part.index];
    if (!area.awake || area.gradient.empty()) continue;
    kernels::Axpy(scale, w.subspan(part.offset, part.length), area.gradient);
  }
}

}  // namespace gyrus
