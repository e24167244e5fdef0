// SPDX-License-Identifier: Apache-2.0
#include "core/kernels/dispatch.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/kernels/dispatch.cc"
#include "hwy/foreach_target.h"  // Must come before highway.h.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gyrus::kernels::HWY_NAMESPACE {
namespace {

const char* IsaImpl() { return hwy::TargetName(HWY_TARGET); }

}  // namespace
}  // namespace gyrus::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gyrus::kernels {

HWY_EXPORT(IsaImpl);

void Warmup() {
  const char* isa = std::getenv("GYRUS_ISA");
  if (isa != nullptr) {
    const absl::Status status = SelectIsa(isa);
    if (!status.ok()) {
      std::fprintf(stderr, "GYRUS_ISA: %s\n", std::string(status.message()).c_str());
    }
  }
  ActiveIsa();
}

absl::string_view ActiveIsa() { return HWY_DYNAMIC_DISPATCH(IsaImpl)(); }

absl::Status SelectIsa(absl::string_view name) {
  const std::string before(ActiveIsa());
  hwy::SetSupportedTargetsForTest(0);  // Back to all that the processor has.
  if (name.empty()) return absl::OkStatus();
  std::string known;
  int64_t previous = 0;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const absl::string_view isa = hwy::TargetName(target);
    if (absl::EqualsIgnoreCase(isa, name)) {
      hwy::SetSupportedTargetsForTest(target);
      return absl::OkStatus();
    }
    if (isa == before) previous = target;
    absl::StrAppend(&known, known.empty() ? "" : ", ", absl::AsciiStrToLower(isa));
  }
  hwy::SetSupportedTargetsForTest(previous);
  return absl::InvalidArgumentError(
      absl::StrCat("instruction set must be one of ", known, ", got \"", name, "\""));
}

}  // namespace gyrus::kernels
#endif  // HWY_ONCE
