// SPDX-License-Identifier: Apache-2.0
#include "learner/plasticity.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "activation/cells/initialise.h"
#include "activation/tensor.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint64_t kStream = 0x9E0B0A0DCE115EED;  // Apart from other users of the brain's seed.

absl::Status CheckNumbers(const AreaSpec& area) {
  const PlasticitySpec& spec = area.learning.plasticity;
  const std::string field = absl::StrCat("area \"", area.name, "\".learning.plasticity.");
  if (!(spec.rho > 0.0F && spec.rho <= 0.01F)) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, "rho must be in [0, 0.01], got ", spec.rho));
  }
  if (!(spec.decay >= 0.0F && spec.decay < 1.0F)) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, "decay must be in [0, 1), got ", spec.decay));
  }
  if (area.learning.importance.kind != ImportanceKind::kNone) {
    return absl::InvalidArgumentError(
        absl::StrCat("area \"", area.name,
                     "\".learning.plasticity beside importance: what one "
                     "renews the other holds; expected one of them"));
  }
  return absl::OkStatus();
}

bool Names(const std::vector<std::string>& inputs, const std::string& area) {
  return std::find(inputs.begin(), inputs.end(), area) != inputs.end();
}

// Whether a head that is not a softmax reads an area.
bool Reads(const HeadSpec& head, const std::string& area) {
  if (const auto* const ridge = std::get_if<RidgeHeadSpec>(&head.kind)) {
    return ridge->area == area || Names(ridge->inputs, area);
  }
  if (const auto* const kalman = std::get_if<KalmanHeadSpec>(&head.kind)) {
    return kalman->area == area || Names(kalman->inputs, area);
  }
  for (const ExpertSpec& expert : std::get<MixingHeadSpec>(head.kind).experts) {
    const auto* const readout = std::get_if<ReadoutExpertSpec>(&expert.kind);
    if (readout == nullptr) continue;
    if (readout->regions == area || Names(readout->inputs, area)) return true;
  }
  return false;
}

}  // namespace

Plasticity::Plasticity(const Plan* plan, uint32_t index)
    : plan_(plan),
      area_(plan->areas()[index]),
      index_(index),
      glu_(std::holds_alternative<GluCellSpec>(area_.spec.cell)),
      units_(glu_ ? std::get<GluCellSpec>(area_.spec.cell).hidden : area_.spec.outputs),
      weight_(units_) {}

absl::StatusOr<std::unique_ptr<Plasticity>> Plasticity::Create(const Plan* plan, uint32_t index) {
  const AreaSpec& spec = plan->areas()[index].spec;
  GYRUS_RETURN_IF_ERROR(CheckNumbers(spec));
  if (!std::holds_alternative<GluCellSpec>(spec.cell) &&
      !std::holds_alternative<DenseCellSpec>(spec.cell)) {
    return absl::InvalidArgumentError(
        absl::StrCat("area \"", spec.name, "\".learning.plasticity needs a dense or a glu cell"));
  }
  std::unique_ptr<Plasticity> plasticity(new Plasticity(plan, index));
  GYRUS_RETURN_IF_ERROR(plasticity->Connect());
  return plasticity;
}

uint64_t Plasticity::BytesFor(const AreaPlan& plan) {
  return sizeof(Plasticity) + 4 * sizeof(Outgoing) + plan.cell->shape().tape_floats * sizeof(float);
}

Plasticity::Outgoing Plasticity::OutgoingOf(uint32_t table, std::size_t tensor,
                                            uint32_t first) const {
  const BlockLayout& layout = plan_->tables()[table].spec.layout;
  return {.table = table,
          .offset = layout.offset(tensor),
          .rows = layout.tensors()[tensor].rows,
          .columns = layout.tensors()[tensor].columns,
          .first = first};
}

absl::Status Plasticity::Connect() {
  if (glu_) {
    outgoing_ = {OutgoingOf(area_.weights_table, 1, 0)};
    return absl::OkStatus();
  }
  if (area_.spec.regions != 1 || area_.spec.residual) {
    return absl::InvalidArgumentError(absl::StrCat("area \"", area_.spec.name,
                                                   "\".learning.plasticity: dense units need one "
                                                   "region and no residual, so that their outgoing "
                                                   "weights are their own"));
  }
  for (const AreaPlan& reader : plan_->areas()) {
    for (const AreaPlan::Source& source : reader.sources) {
      if (!source.is_area || source.index != index_) continue;
      GYRUS_RETURN_IF_ERROR(ConnectArea(reader, source));
    }
  }
  for (const HeadSpec& head : plan_->spec().heads) GYRUS_RETURN_IF_ERROR(ConnectHead(head));
  return absl::OkStatus();
}

absl::Status Plasticity::ConnectArea(const AreaPlan& reader, const AreaPlan::Source& source) {
  if (!reader.cell->shape().learns || reader.spec.regions != 1 || reader.spec.residual ||
      reader.spec.combine == Combine::kSum) {
    return absl::InvalidArgumentError(absl::StrCat(
        "area \"", area_.spec.name, "\".learning.plasticity: area \"", reader.spec.name,
        "\" reads its dense units, and must be a trained one of one region, without a residual or "
        "a "
        "sum"));
  }
  // Every trained cell's first tensor is what reads its input.
  outgoing_.push_back(OutgoingOf(reader.weights_table, 0, source.offset));
  return absl::OkStatus();
}

absl::Status Plasticity::ConnectHead(const HeadSpec& head) {
  const std::string& name = area_.spec.name;
  if (const auto* const softmax = std::get_if<SoftmaxHeadSpec>(&head.kind)) {
    if (softmax->input != name) return absl::OkStatus();
    const std::vector<PlanBuilder::Table>& tables = plan_->tables();
    for (uint32_t t = 0; t < tables.size(); ++t) {
      if (tables[t].spec.name == head.name + ".weights") outgoing_.push_back(OutgoingOf(t, 0, 0));
    }
    return absl::OkStatus();
  }
  if (!Reads(head, name)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("area \"", name, "\".learning.plasticity: head \"", head.name,
                   "\" reads its dense units, and must be a softmax head"));
}

Plasticity::Record Plasticity::RecordOf(std::byte* block) const noexcept {
  const BlockLayout& layout = plan_->tables()[area_.utility_table].spec.layout;
  return {.utility = reinterpret_cast<float*>(block + layout.offset(0)),
          .age = reinterpret_cast<uint32_t*>(block + layout.offset(1)),
          .owed = reinterpret_cast<float*>(block + layout.offset(2)),
          .progress = reinterpret_cast<uint32_t*>(block + layout.offset(3))};
}

uint64_t Plasticity::Keep(const AreaActivity& activity, Commit* commit) noexcept {
  if (!activity.awake) return 0;
  uint64_t renewed = 0;
  const std::size_t tape = area_.cell->shape().tape_floats;
  for (std::size_t k = 0; k < activity.woken.size(); ++k) {
    const uint32_t region = activity.woken[k].region;
    const Record record = RecordOf(commit->Write({area_.utility_table, region}));
    if (++record.progress[0] < kEvery) continue;
    record.progress[0] = 0;
    // The last part of a GLU's tape, all of a dense cell's.
    renewed += Look(region, activity.tape.subspan((k + 1) * tape - units_, units_), commit);
  }
  return renewed;
}

uint64_t Plasticity::Look(uint32_t region, std::span<const float> h, Commit* commit) noexcept {
  const PlasticitySpec& spec = area_.spec.learning.plasticity;
  const Record record = RecordOf(commit->Write({area_.utility_table, region}));
  Weigh(region, commit->view());
  uint32_t mature = 0;
  for (uint32_t j = 0; j < units_; ++j) {
    const float use = std::abs(h[j]) * weight_[j];
    record.utility[j] = spec.decay * record.utility[j] + (1.0F - spec.decay) * use;
    record.age[j] += record.age[j] < spec.maturity ? kEvery : 0;
    mature += record.age[j] >= spec.maturity ? 1 : 0;
  }
  *record.owed += spec.rho * kEvery * static_cast<float>(mature);
  uint64_t renewed = 0;
  for (; *record.owed >= 1.0F && mature > 0; *record.owed -= 1.0F, --mature, ++renewed) {
    uint32_t least = units_;
    for (uint32_t j = 0; j < units_; ++j) {
      if (record.age[j] < spec.maturity) continue;
      if (least == units_ || record.utility[j] < record.utility[least]) least = j;
    }
    record.utility[least] = 0.0F;
    record.age[least] = 0;
    Renew(region, least, record.progress[1]++, commit);
  }
  return renewed;
}

void Plasticity::Weigh(uint32_t region, const View& view) noexcept {
  std::fill(weight_.begin(), weight_.end(), 0.0F);
  float rows = 0.0F;
  for (const Outgoing& out : outgoing_) {
    const std::byte* const block = view.table(out.table).Read(glu_ ? region : 0);
    const auto* w = reinterpret_cast<const float*>(block + out.offset) + out.first;
    for (uint32_t i = 0; i < out.rows; ++i, w += out.columns) {
      for (uint32_t j = 0; j < units_; ++j) weight_[j] += std::abs(w[j]);
    }
    rows += static_cast<float>(out.rows);
  }
  for (float& weight : weight_) weight /= std::max(rows, 1.0F);
}

void Plasticity::Renew(uint32_t region, uint32_t unit, uint32_t number, Commit* commit) noexcept {
  Rng rng(plan_->spec().seed,
          kStream ^ Mix64((uint64_t{index_} << 52) + (uint64_t{region} << 32) + number));
  const BlockLayout& layout = area_.cell->layout();
  std::byte* const block = commit->Write({area_.weights_table, region});
  const std::span<float> incoming = FloatsOf(layout, 0, block);
  const std::size_t inputs = area_.inputs;
  if (glu_) {
    FillNormal(InverseRoot(area_.inputs), incoming.subspan(unit * inputs, inputs), &rng);
    FillNormal(InverseRoot(area_.inputs), incoming.subspan((units_ + unit) * inputs, inputs), &rng);
  } else {
    FillNormal(std::sqrt(2.0F) * InverseRoot(area_.inputs), incoming.subspan(unit * inputs, inputs),
               &rng);
    FloatsOf(layout, 1, block)[unit] = 0.0F;
  }
  for (const Outgoing& out : outgoing_) {
    std::byte* const reader = commit->Write({out.table, glu_ ? region : 0});
    float* w = reinterpret_cast<float*>(reader + out.offset) + out.first + unit;
    for (uint32_t i = 0; i < out.rows; ++i, w += out.columns) *w = 0.0F;
  }
}

}  // namespace gyrus
