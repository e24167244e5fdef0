// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gyrus {

// One line of a Prometheus text.
struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;

  // "" if there is none of that name.
  std::string Label(const std::string& label) const;
};

// What StatusText says, read again. Plain values, any thread.
class Samples {
 public:
  // Returns InvalidArgument with the line for anything that is no sample and no comment.
  static absl::StatusOr<Samples> Parse(absl::string_view text);

  // Of one name, in their order.
  std::vector<Sample> Of(absl::string_view name) const;

  // Whether there is any of that name.
  bool Has(absl::string_view name) const;

  // The sum over all samples of a name; 0 if there is none.
  double Sum(absl::string_view name) const;

  // The value of the first sample of a name whose `label` is `value`; NaN if there is none.
  double Where(absl::string_view name, const std::string& label, absl::string_view value) const;

 private:
  std::vector<Sample> samples_;
};

}  // namespace gyrus
