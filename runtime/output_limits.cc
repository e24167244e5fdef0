// SPDX-License-Identifier: Apache-2.0
#include "runtime/output_limits.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace gyrus {
namespace {

std::vector<float> PerOutput(const std::vector<float>& given, float otherwise, uint32_t outputs) {
  if (given.size() == outputs) return given;
  return std::vector<float>(outputs, given.empty() ? otherwise : given[0]);
}

}  // namespace

OutputLimits::OutputLimits(const HeadSpec& head) {
  const OutputLimitsSpec& limits = head.limits;
  if (limits.minimum.empty() && limits.maximum.empty() && limits.slew.empty()) return;
  constexpr float kNone = std::numeric_limits<float>::infinity();
  minimum_ = PerOutput(limits.minimum, -kNone, head.outputs);
  maximum_ = PerOutput(limits.maximum, kNone, head.outputs);
  slew_ = PerOutput(limits.slew, kNone, head.outputs);
  served_.resize(head.outputs);
}

void OutputLimits::Apply(std::span<float> outputs) noexcept {
  if (minimum_.empty()) return;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    float least = minimum_[i];
    float most = maximum_[i];
    if (served_any_) {
      // What was served lies within the bounds, so that the two ranges meet.
      least = std::max(least, served_[i] - slew_[i]);
      most = std::min(most, served_[i] + slew_[i]);
    }
    // What is no number is answered by what was served last, or by 0.
    if (std::isnan(outputs[i])) outputs[i] = served_[i];
    outputs[i] = std::min(std::max(outputs[i], least), most);
    served_[i] = outputs[i];
  }
  served_any_ = true;
}

}  // namespace gyrus
