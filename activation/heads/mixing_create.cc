// SPDX-License-Identifier: Apache-2.0
// How a mixing head is made: its experts, its gates, and the tables behind them.
#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "activation/heads/mixing_step.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kMaxGateRows = 1U << 20;

absl::Status CheckSpec(const HeadSpec& head, const MixingHeadSpec& spec) {
  if (head.classes < 2 || head.classes > 256) {
    return absl::InvalidArgumentError(
        absl::StrCat("a mixing head needs 2 to 256 classes, got ", head.classes));
  }
  if (!std::isfinite(spec.first_weight)) {
    return absl::InvalidArgumentError(
        absl::StrCat("first_weight must be finite, got ", spec.first_weight));
  }
  const std::pair<const char*, float> rates[] = {{"rate_first", spec.rate_first},
                                                 {"rate_last", spec.rate_last},
                                                 {"final_rate", spec.final_rate}};
  for (const auto& [name, rate] : rates) {
    if (rate >= 0.0F && rate <= 1.0F) continue;  // Not so for NaN.
    return absl::InvalidArgumentError(absl::StrCat(name, " must be in [0, 1], got ", rate));
  }
  if (!(spec.rate_visits > 0.0F) || !std::isfinite(spec.rate_visits)) {
    return absl::InvalidArgumentError(
        absl::StrCat("rate_visits must be above 0 and finite, got ", spec.rate_visits));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Head>> MixingHead::Create(const HeadSpec& spec,
                                                         const std::vector<Readable>& readables,
                                                         PlanBuilder* builder) {
  GYRUS_RETURN_IF_ERROR(CheckSpec(spec, std::get<MixingHeadSpec>(spec.kind)));
  std::unique_ptr<MixingHead> head(new MixingHead(spec));
  GYRUS_RETURN_IF_ERROR(head->AddExperts(readables, builder));
  builder->SetPersonal(false);
  GYRUS_RETURN_IF_ERROR(head->AddGates(spec.name, readables, builder));
  builder->SetPersonal(true);
  GYRUS_ASSIGN_OR_RETURN(head->seen_, SeenClasses::Create(spec.name, spec.classes, builder));
  return head;
}

MixingHead::MixingHead(const HeadSpec& spec)
    : spec_(std::get<MixingHeadSpec>(spec.kind)),
      name_(spec.name),
      classes_(spec.classes),
      depth_(static_cast<uint32_t>(std::bit_width(spec.classes - 1))) {}

absl::Status MixingHead::AddExperts(const std::vector<Readable>& readables, PlanBuilder* builder) {
  if (spec_.experts.empty()) return absl::InvalidArgumentError("experts is empty");
  uint32_t inputs = 0;
  std::size_t scratch = 0;
  for (const ExpertSpec& spec : spec_.experts) {
    auto expert = MakeExpert(spec, classes_, readables, builder);
    if (!expert.ok()) {
      return absl::Status(expert.status().code(),
                          absl::StrCat("expert \"", spec.name, "\": ", expert.status().message()));
    }
    const ExpertShape& shape = (*expert)->shape();
    const auto signals = static_cast<uint32_t>(shape.signal_ranges.size());
    const std::size_t bytes = shape.scratch_bytes;
    const uint32_t width = shape.width;
    members_.push_back({*std::move(expert), inputs, signals_, scratch});
    inputs += width;
    signals_ += signals;
    scratch += (bytes + 63) / 64 * 64;
  }
  if (signals_ > kMaxSignals) {
    return absl::InvalidArgumentError(
        absl::StrCat("experts give ", signals_, " signals, the limit is ", kMaxSignals));
  }
  bias_ = inputs;
  const uint32_t used = inputs + 2;  // The bias, and the place of the visits.
  width_ = (used + kernels::kMixingLanes - 1) / kernels::kMixingLanes * kernels::kMixingLanes;
  const std::size_t inputs_bytes = kMaxDepth * width_ * sizeof(float);
  for (Member& member : members_) member.scratch += sizeof(Step) + inputs_bytes;
  scratch_ = builder->AddHeadScratch(sizeof(Step) + inputs_bytes + scratch);
  return absl::OkStatus();
}

absl::Status MixingHead::AddGates(const std::string& name, const std::vector<Readable>& readables,
                                  PlanBuilder* builder) {
  if (spec_.sets.empty() || spec_.sets.size() > kernels::kMaxSets) {
    return absl::InvalidArgumentError(
        absl::StrCat("sets must be 1 to ", kernels::kMaxSets, ", got ", spec_.sets.size()));
  }
  if (spec_.maps.size() > kMaxMaps) {
    return absl::InvalidArgumentError(
        absl::StrCat("maps must be at most ", kMaxMaps, ", got ", spec_.maps.size()));
  }
  GYRUS_ASSIGN_OR_RETURN(const BlockLayout set_layout,
                         BlockLayout::Create({{.name = "w", .columns = width_ - 1},
                                              {.name = "visits", .merge = Merge::kNever}}));
  const uint32_t used = bias_ + 1;
  const float first = spec_.first_weight;
  for (const WeightSetSpec& spec : spec_.sets) {
    GYRUS_ASSIGN_OR_RETURN(Gate gate, ParseSet(spec.factors, readables));
    gate.table = builder->AddTable(absl::StrCat(name, ".set", sets_.size()), set_layout, gate.rows,
                                   depth_, [used, first](uint32_t, std::span<std::byte> block) {
                                     float* const w = reinterpret_cast<float*>(block.data());
                                     std::fill(w, w + used, first);
                                   });
    sets_.push_back(std::move(gate));
  }
  GYRUS_ASSIGN_OR_RETURN(BlockLayout last_layout,
                         BlockLayout::Create({{.name = "v", .columns = kernels::kMaxSets}}));
  const std::size_t count = sets_.size();
  if (spec_.last.empty()) spec_.last = {"node"};
  GYRUS_ASSIGN_OR_RETURN(last_, ParseSet(spec_.last, readables));
  last_.table = builder->AddTable(name + ".last", std::move(last_layout), last_.rows, depth_,
                                  [count](uint32_t, std::span<std::byte> block) {
                                    float* const v = reinterpret_cast<float*>(block.data());
                                    std::fill(v, v + count, 1.0F / static_cast<float>(count));
                                  });
  return AddMaps(name, readables, builder);
}

absl::Status MixingHead::AddMaps(const std::string& name, const std::vector<Readable>& readables,
                                 PlanBuilder* builder) {
  GYRUS_ASSIGN_OR_RETURN(const BlockLayout layout,
                         BlockLayout::Create({{.name = "p", .columns = kMapCells}}));
  for (const ProbabilityMapSpec& spec : spec_.maps) {
    if (spec.rows_log2 < 4 || spec.rows_log2 > 20) {
      return absl::InvalidArgumentError(
          absl::StrCat("map rows_log2 must be in [4, 20], got ", spec.rows_log2));
    }
    if (!(spec.rate > 0.0F && spec.rate <= 1.0F)) {
      return absl::InvalidArgumentError(
          absl::StrCat("map rate must be in (0, 1], got ", spec.rate));
    }
    GYRUS_ASSIGN_OR_RETURN(Gate gate, ParseGate(spec.factors, readables));
    gate.hashed = gate.rows == 0 || gate.rows > (1U << spec.rows_log2);
    if (gate.hashed) gate.rows = 1U << spec.rows_log2;
    gate.table = builder->AddTable(
        absl::StrCat(name, ".map", maps_.size()), layout, gate.rows, depth_,
        [](uint32_t, std::span<std::byte> block) {
          float* const p = reinterpret_cast<float*>(block.data());
          for (uint32_t i = 0; i < kMapCells; ++i) {
            p[i] = kernels::Logistic((static_cast<float>(i) - kMapMiddle) / kMapScale);
          }
        });
    maps_.push_back(std::move(gate));
  }
  return absl::OkStatus();
}

absl::StatusOr<MixingHead::Factor> MixingHead::ParseFactor(
    const std::string& text, const std::vector<Readable>& readables) const {
  if (text == "node") return Factor{Factor::Kind::kNode, 0, 0, 1U << depth_};
  if (text == "depth") return Factor{Factor::Kind::kDepth, 0, 0, depth_};
  const std::vector<std::string> parts = absl::StrSplit(text, '.');
  uint32_t which = 0;
  const absl::Status expected = absl::InvalidArgumentError(
      absl::StrCat("factor \"", text, "\": expected \"node\", \"depth\", \"<encoder>.<selector>\" ",
                   "or \"<expert>.<signal>\""));
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[1], &which)) return expected;
  const auto limit = [&](std::size_t count) {
    return absl::InvalidArgumentError(
        absl::StrCat("factor \"", text, "\": \"", parts[0], "\" has ", count, " of them"));
  };
  for (std::size_t e = 0; e < members_.size(); ++e) {
    if (spec_.experts[e].name != parts[0]) continue;
    const std::vector<uint32_t>& ranges = members_[e].expert->shape().signal_ranges;
    if (which >= ranges.size()) return limit(ranges.size());
    return Factor{Factor::Kind::kSignal, members_[e].first_signal + which, 0, ranges[which]};
  }
  for (const Readable& readable : readables) {
    if (readable.is_area || readable.name != parts[0]) continue;
    const std::vector<uint32_t>& ranges = readable.encoding.selector_ranges;
    if (which >= ranges.size()) return limit(ranges.size());
    return Factor{Factor::Kind::kSelector, readable.index, which, ranges[which]};
  }
  return expected;
}

absl::StatusOr<MixingHead::Gate> MixingHead::ParseGate(
    const std::vector<std::string>& factors, const std::vector<Readable>& readables) const {
  Gate gate;
  uint64_t rows = 1;
  uint64_t weight = 1;
  // The last factor is the lowest digit.
  for (auto text = factors.rbegin(); text != factors.rend(); ++text) {
    GYRUS_ASSIGN_OR_RETURN(const Factor factor, ParseFactor(*text, readables));
    switch (factor.kind) {
      case Factor::Kind::kSelector:
        gate.selectors.push_back({factor, weight});
        break;
      case Factor::Kind::kSignal:
        gate.signals.push_back({factor, weight});
        break;
      case Factor::Kind::kNode:
        gate.node_weight += weight;
        break;
      case Factor::Kind::kDepth:
        gate.depth_weight += weight;
        break;
    }
    rows = std::min<uint64_t>(rows * factor.range, kMaxGateRows + 1);
    weight *= factor.range;
  }
  gate.rows = rows > kMaxGateRows ? 0 : static_cast<uint32_t>(rows);
  return gate;
}

absl::StatusOr<MixingHead::Gate> MixingHead::ParseSet(
    const std::vector<std::string>& factors, const std::vector<Readable>& readables) const {
  GYRUS_ASSIGN_OR_RETURN(Gate gate, ParseGate(factors, readables));
  if (gate.rows > 0) return gate;
  return absl::InvalidArgumentError(absl::StrCat("factors \"", absl::StrJoin(factors, "\", \""),
                                                 "\" make more than ", kMaxGateRows,
                                                 " weight vectors"));
}

}  // namespace gyrus
