// SPDX-License-Identifier: Apache-2.0
#include "learner/region_updates.h"

#include <cmath>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"
#include "learner/chunk_updates.h"
#include "learner/rmsprop.h"
#include "learner/sgd.h"

namespace gyrus {
namespace {

absl::Status CheckImportance(const AreaLearningSpec& learning) {
  const ImportanceSpec& spec = learning.importance;
  if (!(spec.strength >= 0.0F && spec.strength <= 1e9F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("learning.importance.strength must be in [0, 1e9], got ", spec.strength));
  }
  if (!(spec.decay >= 0.0F && spec.decay <= 1.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("learning.importance.decay must be in [0, 1], got ", spec.decay));
  }
  if (spec.every < 1) {
    return absl::InvalidArgumentError("learning.importance.every must be at least 1, got 0");
  }
  const bool at_once = learning.chunk == 1 && learning.trace == Trace::kNone;
  if (spec.kind == ImportanceKind::kMas && !at_once) {
    return absl::InvalidArgumentError(
        absl::StrCat("learning.importance by MAS needs chunk 1 and no trace, got chunk ",
                     learning.chunk, ": it looks at one step's answer"));
  }
  return absl::OkStatus();
}

absl::Status Check(const AreaLearningSpec& spec, const BlockLayout& layout) {
  if (!(spec.rate > 0.0F) || !std::isfinite(spec.rate)) {
    return absl::InvalidArgumentError(
        absl::StrCat("learning.rate must be above 0 and finite, got ", spec.rate));
  }
  if (!(spec.beta >= 0.0F && spec.beta < 1.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("learning.beta must be in [0, 1), got ", spec.beta));
  }
  if (spec.chunk < 1 || spec.chunk > 256) {
    return absl::InvalidArgumentError(
        absl::StrCat("learning.chunk must be in [1, 256], got ", spec.chunk));
  }
  GYRUS_RETURN_IF_ERROR(CheckImportance(spec));
  for (const TensorSpec& tensor : layout.tensors()) {
    if (tensor.type != ElementType::kF32) {
      return absl::InvalidArgumentError(absl::StrCat("tensor \"", tensor.name, "\" is ",
                                                     std::string(NameOf(tensor.type)),
                                                     ": only F32 is trained by gradients"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool RegionUpdates::Admit(std::span<const float> a, std::span<const float> b) noexcept {
  if (kernels::SumOfSquares(a) * kernels::SumOfSquares(b) < kLargestGradient)
    return true;  // False for NaN.
  ++refused_;
  return false;
}

absl::StatusOr<std::unique_ptr<RegionUpdates>> MakeRegionUpdates(const AreaLearningSpec& spec,
                                                                 const Cell& cell) {
  GYRUS_RETURN_IF_ERROR(Check(spec, cell.layout()));
  const bool traces = spec.trace != Trace::kNone && cell.shape().trace_outers > 0;
  const bool held = spec.importance.kind != ImportanceKind::kNone;
  if (spec.chunk > 1 || traces || spec.bounded || held) {
    return std::unique_ptr<RegionUpdates>(new ChunkUpdates(
        cell.layout(), spec, spec.chunk + (traces ? cell.shape().trace_outers : 0)));
  }
  if (spec.optimiser == Optimiser::kSgd) {
    return std::unique_ptr<RegionUpdates>(new SgdUpdates(cell.layout(), spec.rate));
  }
  return std::unique_ptr<RegionUpdates>(new RmspropUpdates(cell.layout(), spec));
}

}  // namespace gyrus
