// SPDX-License-Identifier: Apache-2.0
#include "tools/bind_brain.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "activation/plan.h"
#include "core/status_macros.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/memory.h"
#include "runtime/mistake_place.h"
#include "runtime/runtime.h"

namespace gyrus {
namespace {

absl::Status CheckDelay(const std::string& directory, uint32_t delay, const BrainSpec& spec) {
  if (delay == 0) return absl::OkStatus();
  if (spec.target_next > 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "brain \"", spec.name,
        "\" predicts the future of its own stream: its labels cannot come late, got a delay of ",
        delay));
  }
  if (spec.label_window > delay) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("this brain waits at most label_window = ", spec.label_window,
                   " steps for a label, which must be above the delay of ", delay,
                   ": set label_window: ", delay + 1, " in ", BrainPath(directory)));
}

// Whether it compiles, and this machine can hold it.
absl::Status CheckSpec(const BrainSpec& spec) {
  GYRUS_ASSIGN_OR_RETURN(const std::unique_ptr<const Plan> plan, Plan::Create(spec));
  return CheckMemory(*plan, Runtime::Options().spares, Mode::kInline, MachineMemory());
}

}  // namespace

absl::StatusOr<BrainSpec> ReadBrain(const std::string& directory) {
  const std::string path = BrainPath(directory);
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status())) {
    if (HasState(directory)) return BrainTextLost(directory);
    return absl::NotFoundError(absl::StrCat("there is no brain in ", directory,
                                            ": make one with gyrus init ", directory,
                                            " --preset NAME"));
  }
  GYRUS_RETURN_IF_ERROR(text.status());
  return ParseBrain(*text, path);
}

bool HasState(const std::string& directory) {
  std::error_code error;
  return std::filesystem::exists(StatePath(directory), error);
}

absl::Status NothingLearned(const std::string& directory, const BrainSpec& spec) {
  return absl::FailedPreconditionError(absl::StrCat(
      "brain \"", spec.name, "\" has not learned anything yet: gyrus learn ", directory, " INPUT"));
}

absl::Status BrainTextLost(const std::string& directory) {
  return absl::FailedPreconditionError(absl::StrCat(
      StatePath(directory), " holds what a brain learned, but its ", BrainPath(directory),
      " is gone: put that back, or remove ", directory, " and begin anew with gyrus init"));
}

absl::Status CheckNewBrain(const BrainSpec& spec) {
  if (IsBound(spec)) return CheckSpec(spec);
  GYRUS_RETURN_IF_ERROR(Plan::CheckUnbound(spec));
  const absl::StatusOr<BrainSpec> smallest = Bind(spec, SmallestInput(spec));
  if (!smallest.ok()) return absl::OkStatus();
  // Only its size tells; all else may be as the first input needs it.
  const absl::Status status = CheckSpec(*smallest);
  return absl::IsResourceExhausted(status) ? status : absl::OkStatus();
}

absl::Status BindBrain(const std::string& directory, const InputSchema& input,
                       const BindBrainOptions& options, BrainSpec* spec) {
  // A preset may need no binding; its seed is free until it has learned.
  const bool fresh = !HasState(directory);
  if (!options.may_bind && (fresh || !IsBound(*spec))) {
    return NothingLearned(directory, *spec);
  }
  BrainSpec bound = *spec;
  if (!IsBound(bound)) {
    GYRUS_ASSIGN_OR_RETURN(bound, Bind(bound, input));
  }
  if (options.seed.has_value() && *options.seed != bound.seed) {
    if (!fresh) {
      return absl::FailedPreconditionError(
          absl::StrCat("this brain began with seed ", bound.seed, ", got ", *options.seed));
    }
    bound.seed = *options.seed;
  }
  if (fresh && bound.target_next == 0) {
    bound.label_window = std::max(bound.label_window, options.delay + 1);
  }
  GYRUS_RETURN_IF_ERROR(CheckDelay(directory, options.delay, bound));
  if (!fresh) return absl::OkStatus();
  if (const absl::Status status = CheckSpec(bound); !status.ok()) {
    const std::string path = BrainPath(directory);
    GYRUS_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
    return PlaceMistake(text, path, status);
  }
  GYRUS_RETURN_IF_ERROR(WriteFile(BrainPath(directory), FormatBrain(bound)));
  *spec = std::move(bound);
  return absl::OkStatus();
}

}  // namespace gyrus
