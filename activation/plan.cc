// SPDX-License-Identifier: Apache-2.0
#include "activation/plan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "activation/accumulators.h"
#include "activation/replay_tables.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kMaxInputs = 1U << 20;  // Of an area.

absl::Status Missing(absl::string_view field, absl::string_view name, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": there is no ", what, " named \"", name, "\""));
}

// Puts `field: ` before the message of a status that a component returned.
absl::Status At(absl::string_view field, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(field, ": ", status.message()));
}

absl::Status CheckModality(const ModalitySpec& modality) {
  const std::string field = absl::StrCat("modality \"", modality.name, "\"");
  switch (modality.kind) {
    case ModalityKind::kSymbol:
      if (modality.size < 2 || modality.size > 256) {
        return absl::InvalidArgumentError(
            absl::StrCat(field, ".size must be in [2, 256] for symbols, got ", modality.size));
      }
      return absl::OkStatus();
    case ModalityKind::kReals:
      if (modality.size < 1 || modality.size > 65536) {
        return absl::InvalidArgumentError(
            absl::StrCat(field, ".size must be in [1, 65536] for reals, got ", modality.size));
      }
      return absl::OkStatus();
    case ModalityKind::kImage:
      if (modality.rows < 1 || modality.columns < 1 || modality.rows > 4096 ||
          modality.columns > 4096) {
        return absl::InvalidArgumentError(absl::StrCat(field, " is ", modality.rows, " x ",
                                                       modality.columns,
                                                       ": each side must be in [1, 4096]"));
      }
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status CheckAreaNumbers(const AreaSpec& spec) {
  const std::string field = absl::StrCat("area \"", spec.name, "\"");
  if (spec.regions < 1 || spec.regions > (1U << 20)) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ".regions must be in [1, 1048576], got ", spec.regions));
  }
  if (spec.woken < 1 || spec.woken > spec.regions) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, ".woken must be in [1, regions = ", spec.regions, "], got ", spec.woken));
  }
  if (spec.always_on > spec.woken) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, ".always_on must be at most woken = ", spec.woken, ", got ", spec.always_on));
  }
  if (spec.outputs < 1 || spec.outputs > 65536) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ".outputs must be in [1, 65536], got ", spec.outputs));
  }
  if (spec.learning.chunk < 1 || spec.learning.chunk > 256) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ".learning.chunk must be in [1, 256], got ", spec.learning.chunk));
  }
  if (spec.inputs.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(field, ".inputs is empty"));
  }
  return absl::OkStatus();
}

absl::Status CheckNames(const BrainSpec& spec) {
  std::set<std::string> names;
  const auto add = [&](absl::string_view kind, const std::string& name) {
    if (name.empty())
      return absl::InvalidArgumentError(absl::StrCat("every ", kind, " needs a name"));
    if (!names.insert(name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(kind, " \"", name, "\": the name is already taken"));
    }
    return absl::OkStatus();
  };
  for (const EncoderSpec& encoder : spec.encoders)
    GYRUS_RETURN_IF_ERROR(add("encoder", encoder.name));
  for (const AreaSpec& area : spec.areas) GYRUS_RETURN_IF_ERROR(add("area", area.name));
  for (const HeadSpec& head : spec.heads) GYRUS_RETURN_IF_ERROR(add("head", head.name));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Plan>> Plan::Create(const BrainSpec& spec) {
  std::unique_ptr<Plan> plan(new Plan(spec));
  GYRUS_RETURN_IF_ERROR(plan->Compile());
  return std::unique_ptr<const Plan>(std::move(plan));
}

absl::Status Plan::CheckUnbound(const BrainSpec& spec) {
  GYRUS_RETURN_IF_ERROR(CheckNames(spec));
  if (spec.modalities.empty()) return absl::InvalidArgumentError("a brain needs a modality");
  if (spec.heads.empty()) return absl::InvalidArgumentError("a brain needs a head");
  if (spec.label_window < 1 || spec.label_window > 65536) {
    return absl::InvalidArgumentError(
        absl::StrCat("label_window must be in [1, 65536], got ", spec.label_window));
  }
  if (!(spec.publish_every_ms > 0 && spec.publish_every_ms <= 1e6F)) {
    return absl::InvalidArgumentError(
        absl::StrCat("publish_every_ms must be in (0, 1e6], got ", spec.publish_every_ms));
  }
  GYRUS_RETURN_IF_ERROR(CheckProtection(spec.guard));
  GYRUS_RETURN_IF_ERROR(CheckProtection(spec.drift));
  if (spec.users.resident_bytes < 4096 || spec.users.resident_bytes > (1U << 30)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "users.resident_bytes must be in [4096, 2^30], got ", spec.users.resident_bytes));
  }
  if (spec.users.stored_bytes < spec.users.resident_bytes || spec.users.stored_bytes > (1U << 30)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "users.stored_bytes must be in [users.resident_bytes = ", spec.users.resident_bytes,
        ", 2^30], got ", spec.users.stored_bytes));
  }
  for (const AreaSpec& area : spec.areas) GYRUS_RETURN_IF_ERROR(CheckAreaNumbers(area));
  return CheckReplay(spec);
}

absl::Status Plan::Compile() {
  GYRUS_RETURN_IF_ERROR(CheckUnbound(spec_));
  for (const ModalitySpec& modality : spec_.modalities) {
    GYRUS_RETURN_IF_ERROR(CheckModality(modality));
  }
  for (const EncoderSpec& encoder : spec_.encoders) {
    const auto modality =
        std::find_if(spec_.modalities.begin(), spec_.modalities.end(),
                     [&](const ModalitySpec& m) { return m.name == encoder.modality; });
    const std::string field = absl::StrCat("encoder \"", encoder.name, "\"");
    if (modality == spec_.modalities.end()) {
      return Missing(field + ".modality", encoder.modality, "modality");
    }
    auto made = MakeEncoder(encoder, *modality, spec_.seed, &builder_);
    if (!made.ok()) return At(field, made.status());
    readables_.push_back({.name = encoder.name,
                          .index = static_cast<uint32_t>(encoders_.size()),
                          .outputs = (*made)->shape().outputs,
                          .encoding = (*made)->shape()});
    encoders_.push_back(*std::move(made));
    encoder_modalities_.push_back(static_cast<uint32_t>(modality - spec_.modalities.begin()));
  }
  for (const AreaSpec& area : spec_.areas) GYRUS_RETURN_IF_ERROR(CompileArea(area));
  for (const HeadSpec& head : spec_.heads) {
    // One target teaches them all.
    if (head.classes != spec_.heads[0].classes || head.outputs != spec_.heads[0].outputs) {
      return absl::InvalidArgumentError(
          absl::StrCat("head \"", head.name, "\" has ", head.classes, " classes and ", head.outputs,
                       " outputs, head \"", spec_.heads[0].name, "\" ", spec_.heads[0].classes,
                       " and ", spec_.heads[0].outputs, ": heads share one target"));
    }
    builder_.SetPersonal(true);
    auto made = MakeHead(head, readables_, &builder_);
    builder_.SetPersonal(false);
    if (!made.ok()) return At(absl::StrCat("head \"", head.name, "\""), made.status());
    heads_.push_back(*std::move(made));
  }
  if (spec_.replay.items > 0) {
    GYRUS_ASSIGN_OR_RETURN(replay_, AddReplayTables(spec_, &builder_));
  }
  for (const PlanBuilder::Table& table : builder_.tables()) {
    writes_per_step_.push_back(table.writes_per_step);
  }
  FindPersonalTables();
  return absl::OkStatus();
}

void Plan::FindPersonalTables() {
  fork_writes_per_step_ = writes_per_step_;
  for (std::size_t t = 0; t < writes_per_step_.size(); ++t) {
    if (!builder_.tables()[t].personal) fork_writes_per_step_[t] = 0;
  }
}

absl::Status Plan::CompileArea(const AreaSpec& spec) {
  const std::string field = absl::StrCat("area \"", spec.name, "\"");
  AreaPlan area{.spec = spec};
  for (const std::string& input : spec.inputs) {
    const auto source = std::find_if(readables_.begin(), readables_.end(),
                                     [&](const Readable& r) { return r.name == input; });
    if (source == readables_.end()) {
      return Missing(field + ".inputs", input, "encoder or earlier area");
    }
    if (source->outputs == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".inputs: encoder \"", input, "\" makes no vector"));
    }
    const bool concatenate = spec.combine == Combine::kConcatenate;
    if (!concatenate && area.inputs != 0 && area.inputs != source->outputs) {
      return absl::InvalidArgumentError(absl::StrCat(field, ".inputs: cannot sum lengths ",
                                                     area.inputs, " and ", source->outputs, " (\"",
                                                     input, "\")"));
    }
    area.sources.push_back({source->is_area, source->index, concatenate ? area.inputs : 0});
    area.inputs = concatenate ? area.inputs + source->outputs : source->outputs;
    if (area.inputs > kMaxInputs) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".inputs make ", area.inputs, " side by side; at most ", kMaxInputs));
    }
  }
  if (spec.residual && area.inputs != spec.outputs) {
    return absl::InvalidArgumentError(absl::StrCat(
        field, ".residual needs outputs = inputs = ", area.inputs, ", got ", spec.outputs));
  }
  auto cell = MakeCell(spec, area.inputs);
  if (!cell.ok()) return At(field + ".cell", cell.status());
  area.cell = *std::move(cell);
  GYRUS_RETURN_IF_ERROR(AddMemory(&area));
  readables_.push_back({.name = spec.name,
                        .is_area = true,
                        .index = static_cast<uint32_t>(areas_.size()),
                        .outputs = spec.outputs,
                        .regions = spec.regions,
                        .woken = spec.woken});
  areas_.push_back(std::move(area));
  return absl::OkStatus();
}

// The area's tables and its part of a session's state.
absl::Status Plan::AddMemory(AreaPlan* area) {
  const AreaSpec& spec = area->spec;
  const std::size_t first_table = builder_.tables().size();
  GYRUS_RETURN_IF_ERROR(CompileRouter(area));
  const uint64_t seed = spec_.seed;
  const uint64_t stream = areas_.size() << 32;
  const Cell* const made = area->cell.get();
  builder_.SetPersonal(spec.learning.personal && made->shape().learns);
  area->weights_table = builder_.AddTable(
      spec.name + ".weights", made->layout(), spec.regions, made->shape().learns ? spec.woken : 0,
      [seed, stream, made](uint32_t index, std::span<std::byte> block) {
        Rng rng(seed, stream + index);
        made->Initialise(&rng, block);
      });
  if (made->shape().learns) GYRUS_RETURN_IF_ERROR(AddLearnerTables(area));
  builder_.SetPersonal(false);
  // Stored samples are learned in the live one's commit.
  const bool replays =
      spec_.replay.items > 0 &&
      (made->shape().learns || std::holds_alternative<LearnedRouterSpec>(spec.router));
  builder_.LearnAtOnce(first_table,
                       spec.learning.chunk * (replays ? 1 + spec_.replay.per_step : 1));
  if (made->shape().state_floats > 0) {
    area->state_offset =
        builder_.AddState(std::size_t{spec.regions} * made->shape().state_floats * sizeof(float));
  }
  if (spec.asleep == Asleep::kDecay) {
    if (made->decays().empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "area \"", spec.name, "\".asleep: only an mcsd cell decays asleep, expected FREEZE"));
    }
    area->clock_offset = builder_.AddState((1 + std::size_t{spec.regions}) * sizeof(uint64_t));
  }
  return absl::OkStatus();
}

// What only the learner reads of a trained area.
absl::Status Plan::AddLearnerTables(AreaPlan* area) {
  const AreaSpec& spec = area->spec;
  const BlockLayout& weights = area->cell->layout();
  const auto add = [&](const char* name, BlockLayout layout) {
    return builder_.AddTable(absl::StrCat(spec.name, ".", name), std::move(layout), spec.regions,
                             spec.woken);
  };
  if (spec.learning.optimiser == Optimiser::kRmsprop) {
    GYRUS_ASSIGN_OR_RETURN(BlockLayout layout, AccumulatorLayout(weights));
    area->accumulators_table = add("accumulators", std::move(layout));
  }
  if (spec.learning.importance.kind != ImportanceKind::kNone) {
    GYRUS_ASSIGN_OR_RETURN(BlockLayout layout, ImportanceLayout(weights));
    area->importance_table = add("importance", std::move(layout));
  }
  if (spec.learning.plasticity.rho != 0.0F) {
    const auto* const glu = std::get_if<GluCellSpec>(&spec.cell);
    GYRUS_ASSIGN_OR_RETURN(BlockLayout layout,
                           UtilityLayout(glu != nullptr ? glu->hidden : spec.outputs));
    area->utility_table = add("utility", std::move(layout));
  }
  return absl::OkStatus();
}

absl::Status Plan::CompileRouter(AreaPlan* area) {
  const std::string field = absl::StrCat("area \"", area->spec.name, "\"");
  area->routes = area->inputs;
  if (!area->spec.route_by.empty()) {
    const auto source = std::find_if(readables_.begin(), readables_.end(), [&](const Readable& r) {
      return !r.is_area && r.name == area->spec.route_by && r.outputs > 0;
    });
    if (source == readables_.end()) {
      return Missing(field + ".route_by", area->spec.route_by, "encoder with a vector");
    }
    area->route_by = source->index;
    area->routes = source->outputs;
  }
  auto router = MakeRouter(area->spec, area->routes, spec_.seed, &builder_);
  if (!router.ok()) return At(field + ".router", router.status());
  area->router = *std::move(router);
  return absl::OkStatus();
}

uint32_t Plan::Spares(const PlanBuilder::Table& table, uint32_t spares_for) const {
  const uint64_t held =
      std::min(uint64_t{table.writes_per_step} * spec_.guard.window, uint64_t{table.spec.blocks});
  return table.Spares(spares_for) + static_cast<uint32_t>(held);
}

absl::StatusOr<std::unique_ptr<Store>> Plan::MakeStore(const Store::Options& options,
                                                       uint32_t spares_for) const {
  std::vector<TableSpec> specs;
  for (const PlanBuilder::Table& table : builder_.tables()) {
    TableSpec spec = table.spec;
    spec.spares = Spares(table, spares_for);
    specs.push_back(std::move(spec));
  }
  GYRUS_ASSIGN_OR_RETURN(std::unique_ptr<Store> store, Store::Create(specs, options));
  for (uint32_t t = 0; t < store->num_tables(); ++t) {
    const PlanBuilder::Fill& fill = builder_.tables()[t].fill;
    if (!fill) continue;
    for (uint32_t i = 0; i < store->spec(t).blocks; ++i) fill(i, store->Initial({t, i}));
  }
  return store;
}

std::size_t Plan::activity_bytes(For purpose) const {
  Workspace* const measure = nullptr;
  return LayOut(purpose, measure, nullptr);
}

Activity Plan::MakeActivity(For purpose, Workspace* memory) const {
  Activity activity;
  activity.encodings.resize(encoders_.size());
  activity.areas.resize(areas_.size());
  LayOut(purpose, memory, &activity);
  return activity;
}

// Walks over every span of an activity once, for measuring (memory null) and for taking.
std::size_t Plan::LayOut(For purpose, Workspace* memory, Activity* activity) const {
  std::size_t bytes = 0;
  const auto take = [&]<typename T>(std::size_t count, std::span<T>* out) {
    bytes += Workspace::BytesFor<T>(count);
    if (memory == nullptr) return;
    *out = memory->Take<T>(count);
    std::memset(static_cast<void*>(out->data()), 0, out->size_bytes());
  };
  Encoding ignored_encoding;
  AreaActivity ignored_area;
  for (std::size_t e = 0; e < encoders_.size(); ++e) {
    const EncodingShape& shape = encoders_[e]->shape();
    Encoding* const encoding = activity == nullptr ? &ignored_encoding : &activity->encodings[e];
    take(shape.outputs, &encoding->vector);
    take(shape.contexts, &encoding->contexts);
    take(shape.selector_ranges.size(), &encoding->selectors);
  }
  const bool learning = purpose == For::kLearning;
  for (std::size_t a = 0; a < areas_.size(); ++a) {
    const AreaPlan& plan = areas_[a];
    const std::size_t woken = plan.spec.woken;
    AreaActivity* const area = activity == nullptr ? &ignored_area : &activity->areas[a];
    take(plan.inputs, &area->input);
    take(woken, &area->woken);
    take(woken * plan.spec.outputs, &area->outputs);
    take(plan.spec.outputs, &area->output);
    if (!learning) continue;
    take(plan.spec.outputs, &area->gradient);
    take(woken * plan.spec.outputs, &area->gradients);
    take(woken * plan.cell->shape().tape_floats, &area->tape);
  }
  std::span<std::byte> head_scratch;
  take(builder_.head_scratch_bytes(), &head_scratch);
  std::span<std::byte> learning_scratch;
  if (learning) take(builder_.learning_scratch_bytes(), &learning_scratch);
  if (activity == nullptr) return bytes;
  activity->head_scratch = head_scratch;
  activity->learning_scratch = learning_scratch;
  return bytes;
}

void Plan::Forward(const StepContext& context, const Observation& observation) const noexcept {
  for (std::size_t e = 0; e < encoders_.size(); ++e) {
    const Value& value = observation.values[encoder_modalities_[e]];
    Encoding* const encoding = &context.activity->encodings[e];
    encoding->present = value.present;
    if (value.present) {
      encoders_[e]->Encode(context, value, encoding);
    } else {
      // Not those of whatever step this activity saw last: what is absent says the same always.
      std::fill(encoding->contexts.begin(), encoding->contexts.end(), 0);
      std::fill(encoding->selectors.begin(), encoding->selectors.end(), 0);
    }
  }
  for (std::size_t a = 0; a < areas_.size(); ++a) ForwardArea(context, a);
  for (const std::unique_ptr<Head>& head : heads_) head->Begin(context);
}

void Plan::ForwardArea(const StepContext& context, std::size_t index) const noexcept {
  const AreaPlan& plan = areas_[index];
  AreaActivity& area = context.activity->areas[index];
  area.awake = GatherInput(plan, *context.activity, area.input);
  area.routed = area.awake;
  area.routing = area.input;
  if (plan.route_by.has_value()) {
    const Encoding& routing = context.activity->encodings[*plan.route_by];
    area.routed = routing.present;
    area.routing = routing.vector;
    area.awake = area.awake && area.routed;
  }
  if (plan.clock_offset) ++*reinterpret_cast<uint64_t*>(context.state + *plan.clock_offset);
  if (!area.routed) return;
  area.woken = {area.woken.data(), plan.spec.woken};
  area.woken = area.woken.first(plan.router->Route(context.view, area.routing, area.woken));
  if (!area.awake) return;
  const CellShape& shape = plan.cell->shape();
  const TableView weights = context.view.table(plan.weights_table);
  for (const Woken& woken : area.woken) weights.Prefetch(woken.region);
  const std::size_t outputs = plan.spec.outputs;
  std::fill(area.output.begin(), area.output.end(), 0.0F);
  if (plan.spec.residual) std::copy(area.input.begin(), area.input.end(), area.output.begin());
  for (std::size_t k = 0; k < area.woken.size(); ++k) {
    if (plan.clock_offset) Wake(plan, context.state, &area.woken[k]);
    float* state = nullptr;
    if (shape.state_floats > 0) {
      state = reinterpret_cast<float*>(context.state + plan.state_offset) +
              std::size_t{area.woken[k].region} * shape.state_floats;
    }
    const std::span<float> y = area.outputs.subspan(k * outputs, outputs);
    float* const tape = area.tape.empty() ? nullptr : area.tape.data() + k * shape.tape_floats;
    plan.cell->Forward(weights.Read(area.woken[k].region), area.input, state, y, tape);
    kernels::Axpy(area.woken[k].gate, y, area.output);
  }
}

// Lets a region's state decay over the steps that it slept.
void Plan::Wake(const AreaPlan& plan, std::byte* session, Woken* woken) noexcept {
  uint64_t* const clock = reinterpret_cast<uint64_t*>(session + *plan.clock_offset);
  uint64_t& last = clock[1 + woken->region];
  const uint64_t slept = last == 0 ? 0 : clock[0] - last - 1;
  woken->slept = static_cast<uint32_t>(std::min<uint64_t>(slept, UINT32_MAX));
  last = clock[0];
  const std::size_t floats = plan.cell->shape().state_floats;
  float* const states = reinterpret_cast<float*>(session + plan.state_offset);
  plan.cell->Sleep(woken->slept, {states + woken->region * floats, floats});
}

// Sums or concatenates what the area reads; false if one of its sources is absent.
bool Plan::GatherInput(const AreaPlan& plan, const Activity& activity,
                       std::span<float> input) noexcept {
  if (plan.spec.combine == Combine::kSum) std::fill(input.begin(), input.end(), 0.0F);
  for (const AreaPlan::Source& source : plan.sources) {
    const bool present = source.is_area ? activity.areas[source.index].awake
                                        : activity.encodings[source.index].present;
    if (!present) return false;
    const std::span<const float> x = source.is_area ? activity.areas[source.index].output
                                                    : activity.encodings[source.index].vector;
    if (plan.spec.combine == Combine::kSum) {
      kernels::Axpy(1.0F, x, input);
    } else {
      std::copy(x.begin(), x.end(), input.begin() + source.offset);
    }
  }
  return true;
}

void Plan::LearnInputs(const StepContext& context, const Observation& observation,
                       Commit* commit) const noexcept {
  for (std::size_t e = 0; e < encoders_.size(); ++e) {
    const Value& value = observation.values[encoder_modalities_[e]];
    if (value.present) encoders_[e]->Learn(value, context.activity->encodings[e], commit);
  }
  // An area that still waits for its input may settle its routes meanwhile.
  for (std::size_t a = 0; a < areas_.size(); ++a) {
    const AreaActivity& area = context.activity->areas[a];
    if (area.routed && !area.awake) areas_[a].router->Learn(area.routing, area.woken, {}, commit);
  }
}

}  // namespace gyrus
