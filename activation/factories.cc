// SPDX-License-Identifier: Apache-2.0
#include "activation/factories.h"

#include <algorithm>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "activation/cells/dense.h"
#include "activation/cells/expansion.h"
#include "activation/cells/glu.h"
#include "activation/cells/mcsd.h"
#include "activation/cells/subset.h"
#include "activation/encoders/category.h"
#include "activation/encoders/held.h"
#include "activation/encoders/image.h"
#include "activation/encoders/reals.h"
#include "activation/encoders/symbols.h"
#include "activation/experts/match.h"
#include "activation/experts/memory.h"
#include "activation/experts/readout.h"
#include "activation/experts/repeat.h"
#include "activation/heads/kalman.h"
#include "activation/heads/mixing.h"
#include "activation/heads/ridge.h"
#include "activation/heads/softmax.h"
#include "activation/routers/all.h"
#include "activation/routers/anchor.h"
#include "activation/routers/hash.h"
#include "activation/routers/learned.h"

namespace gyrus {

absl::StatusOr<const Readable*> FindReadable(const std::vector<Readable>& readables,
                                             absl::string_view name) {
  const auto found = std::find_if(readables.begin(), readables.end(),
                                  [&](const Readable& r) { return r.name == name; });
  if (found != readables.end()) return &*found;
  return absl::InvalidArgumentError(
      absl::StrCat("there is no encoder or earlier area named \"", name, "\""));
}

absl::StatusOr<std::unique_ptr<Encoder>> MakeEncoder(const EncoderSpec& spec,
                                                     const ModalitySpec& modality, uint64_t seed,
                                                     PlanBuilder* builder) {
  if (std::holds_alternative<SymbolsEncoderSpec>(spec.kind)) {
    return SymbolsEncoder::Create(spec, modality, builder);
  }
  if (std::holds_alternative<ImageEncoderSpec>(spec.kind)) {
    return ImageEncoder::Create(spec, modality, seed, builder);
  }
  if (std::holds_alternative<RealsEncoderSpec>(spec.kind)) {
    return RealsEncoder::Create(spec, modality, builder);
  }
  if (std::holds_alternative<HeldEncoderSpec>(spec.kind)) {
    return HeldEncoder::Create(modality, builder);
  }
  if (std::holds_alternative<CategoryEncoderSpec>(spec.kind)) {
    return CategoryEncoder::Create(modality);
  }
  return absl::UnimplementedError("no encoder of this kind yet");
}

absl::StatusOr<std::unique_ptr<Cell>> MakeCell(const AreaSpec& spec, uint32_t inputs) {
  if (inputs < 1 || spec.outputs < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("inputs and outputs must be at least 1, got ", inputs, " and ", spec.outputs));
  }
  if (const auto* const mcsd = std::get_if<McsdCellSpec>(&spec.cell)) {
    return McsdCell::Create(*mcsd, inputs, spec.outputs);
  }
  if (spec.learning.trace != Trace::kNone) {
    return absl::InvalidArgumentError("learning.trace must be none: this cell has no state");
  }
  if (const auto* const glu = std::get_if<GluCellSpec>(&spec.cell)) {
    return GluCell::Create(*glu, inputs, spec.outputs);
  }
  if (std::holds_alternative<DenseCellSpec>(spec.cell)) {
    return DenseCell::Create(inputs, spec.outputs);
  }
  if (const auto* const subset = std::get_if<SubsetCellSpec>(&spec.cell)) {
    return SubsetCell::Create(*subset, inputs, spec.outputs);
  }
  return ExpansionCell::Create(inputs, spec.outputs, std::get<ExpansionCellSpec>(spec.cell).bias);
}

absl::StatusOr<std::unique_ptr<Router>> MakeRouter(const AreaSpec& spec, uint32_t inputs,
                                                   uint64_t seed, PlanBuilder* builder) {
  if (std::holds_alternative<AllRouterSpec>(spec.router)) return AllRouter::Create(spec);
  if (std::holds_alternative<HashRouterSpec>(spec.router)) {
    return HashRouter::Create(spec, inputs, seed, builder);
  }
  if (std::holds_alternative<AnchorRouterSpec>(spec.router)) {
    return AnchorRouter::Create(spec, inputs, seed, builder);
  }
  return LearnedRouter::Create(spec, inputs, seed, builder);
}

absl::StatusOr<std::unique_ptr<Expert>> MakeExpert(const ExpertSpec& spec, uint32_t classes,
                                                   const std::vector<Readable>& readables,
                                                   PlanBuilder* builder) {
  if (std::holds_alternative<MemoryExpertSpec>(spec.kind)) {
    return MemoryExpert::Create(spec, classes, readables, builder);
  }
  if (std::holds_alternative<MatchExpertSpec>(spec.kind)) {
    return MatchExpert::Create(spec, classes, readables, builder);
  }
  if (std::holds_alternative<RepeatExpertSpec>(spec.kind)) {
    return RepeatExpert::Create(spec, classes, readables, builder);
  }
  return ReadoutExpert::Create(spec, classes, readables, builder);
}

namespace {

absl::Status CheckLimits(const HeadSpec& spec) {
  const auto check = [&](const char* field, const std::vector<float>& values) {
    if (values.empty() || values.size() == 1 || values.size() == spec.outputs) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat("limits.", field, " has ", values.size(),
                                                   " values, expected one or ", spec.outputs));
  };
  const OutputLimitsSpec& limits = spec.limits;
  const bool any = !limits.minimum.empty() || !limits.maximum.empty() || !limits.slew.empty();
  if (any && spec.outputs == 0) {
    return absl::InvalidArgumentError("limits are for reals, and this head predicts classes");
  }
  if (absl::Status status = check("minimum", limits.minimum); !status.ok()) return status;
  if (absl::Status status = check("maximum", limits.maximum); !status.ok()) return status;
  if (absl::Status status = check("slew", limits.slew); !status.ok()) return status;
  for (std::size_t i = 0; i < std::max(limits.minimum.size(), limits.maximum.size()); ++i) {
    if (limits.minimum.empty() || limits.maximum.empty()) break;
    const float least = limits.minimum[limits.minimum.size() == 1 ? 0 : i];
    const float most = limits.maximum[limits.maximum.size() == 1 ? 0 : i];
    if (least <= most) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("limits.maximum is ", most, ", below limits.minimum = ", least));
  }
  for (const float slew : limits.slew) {
    if (slew > 0) continue;
    return absl::InvalidArgumentError(absl::StrCat("limits.slew must be > 0, got ", slew));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Head>> MakeHead(const HeadSpec& spec,
                                               const std::vector<Readable>& readables,
                                               PlanBuilder* builder) {
  if (absl::Status status = CheckLimits(spec); !status.ok()) return status;
  if (std::holds_alternative<MixingHeadSpec>(spec.kind)) {
    return MixingHead::Create(spec, readables, builder);
  }
  if (std::holds_alternative<SoftmaxHeadSpec>(spec.kind)) {
    return SoftmaxHead::Create(spec, readables, builder);
  }
  if (std::holds_alternative<RidgeHeadSpec>(spec.kind)) {
    return RidgeHead::Create(spec, readables, builder);
  }
  return KalmanHead::Create(spec, readables, builder);
}

}  // namespace gyrus
