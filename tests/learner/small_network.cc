// SPDX-License-Identifier: Apache-2.0
#include "tests/learner/small_network.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "activation/cells/mcsd.h"
#include "activation/factories.h"
#include "activation/tensor.h"
#include "core/rng.h"

namespace gyrus::test {

void SmallNetwork::Add(const AreaSpec& spec, const std::vector<int>& from) {
  AreaPlan area{.spec = spec};
  area.spec.learning.optimiser = Optimiser::kSgd;
  area.spec.learning.rate = kRate;
  for (const int source : from) {
    const uint32_t length = source < 0 ? inputs_ : areas_[source].spec.outputs;
    const bool concatenate = spec.combine == Combine::kConcatenate;
    area.sources.push_back(
        {source >= 0, static_cast<uint32_t>(std::max(source, 0)), concatenate ? area.inputs : 0});
    area.inputs = concatenate ? area.inputs + length : length;
  }
  area.cell = *MakeCell(area.spec, area.inputs);
  area.router = std::make_unique<GateRecorder>();
  area.weights_table = static_cast<uint32_t>(areas_.size());
  if (const auto* const mcsd = std::get_if<McsdCellSpec>(&spec.cell)) {
    references_.push_back(std::make_unique<ReferenceMcsd>(area.inputs, mcsd->units, spec.outputs,
                                                          McsdDecays(mcsd->channels)));
  } else {
    references_.push_back(std::make_unique<ReferenceGlu>(
        area.inputs, std::get<GluCellSpec>(spec.cell).hidden, spec.outputs));
  }
  areas_.push_back(std::move(area));
}

std::vector<ScriptedStep> SmallNetwork::Script(std::size_t steps, uint64_t seed) const {
  Rng rng(seed);
  // By area and region: the step after which it last woke.
  std::vector<std::vector<std::size_t>> woke(areas_.size());
  for (std::size_t a = 0; a < areas_.size(); ++a) woke[a].resize(areas_[a].spec.regions);
  const auto normals = [&](std::size_t size) {
    Doubles values(size);
    for (double& value : values) value = rng.Normal();
    return values;
  };
  std::vector<ScriptedStep> script(steps);
  for (std::size_t t = 0; t < steps; ++t) {
    script[t].x = normals(inputs_);
    bool awake = true;
    for (std::size_t a = 0; a < areas_.size(); ++a) {
      const AreaPlan& plan = areas_[a];
      ScriptedArea area;
      // Those that read a sleeping area sleep, too.
      awake = awake && (t == 0 || rng.Below(6) != 0);
      area.awake = awake;
      const auto first = static_cast<uint32_t>(rng.Below(plan.spec.regions));
      for (uint32_t k = 0; k < plan.spec.woken; ++k) {
        const uint32_t region = (first + k) % plan.spec.regions;
        const bool decays = awake && plan.spec.asleep == Asleep::kDecay && woke[a][region] > 0;
        const auto slept = static_cast<uint32_t>(decays ? t - woke[a][region] : 0);
        area.woken.push_back({region, 0.5F + rng.Uniform(), slept});
        if (awake) woke[a][region] = t + 1;
        area.gradients.push_back(normals(plan.spec.outputs));
      }
      area.gradient = normals(plan.spec.outputs);
      script[t].areas.push_back(area);
    }
  }
  return script;
}

absl::Status SmallNetwork::Start() {
  std::vector<TableSpec> tables;
  for (const AreaPlan& area : areas_) {
    tables.push_back({.name = area.spec.name,
                      .layout = area.cell->layout(),
                      .blocks = area.spec.regions,
                      .spares = 0});
  }
  store_ = *Store::Create(tables, {});
  credits_.clear();
  for (uint32_t a = 0; a < areas_.size(); ++a) {
    for (uint32_t r = 0; r < areas_[a].spec.regions; ++r) {
      Rng rng(9, a * 100 + r);
      areas_[a].cell->Initialise(&rng, store_->Initial({a, r}));
    }
    auto credit = AreaCredit::Create(areas_, a, credits_, 0);
    if (!credit.ok()) return credit.status();
    credits_.push_back(*std::move(credit));
    states_.emplace_back(areas_[a].spec.regions * areas_[a].cell->shape().state_floats);
  }
  return absl::OkStatus();
}

Doubles SmallNetwork::Gradient(const std::vector<ScriptedStep>& script) {
  const Doubles start = Parameters();
  Doubles gradient(start.size());
  for (std::size_t t = 0; t < script.size(); ++t) {
    Forward(script[t]);
    Learn(t + 1 == script.size());
    const Doubles now = Parameters();
    for (std::size_t i = 0; i < now.size(); ++i) {
      gradient[i] += (start[i] - now[i]) / double{kRate};
    }
    Restore(start);
  }
  return gradient;
}

void SmallNetwork::Forward(const ScriptedStep& step) {
  activities_.clear();
  buffers_.clear();
  for (std::size_t a = 0; a < areas_.size(); ++a) ForwardArea(a, step);
}

void SmallNetwork::Learn(bool flush) {
  std::optional<Commit> commit = Commit::TryBegin(store_.get(), {});
  for (std::size_t a = 0; a < areas_.size(); ++a) credits_[a]->Record(activities_[a]);
  for (std::size_t a = areas_.size(); a-- > 0;) {
    if (credits_[a]->full() || flush) credits_[a]->Backward(&*commit);
  }
}

double SmallNetwork::Loss(const std::vector<ScriptedStep>& script,
                          std::span<const double> parameters) const {
  std::vector<Sequence> states;  // By area and region.
  for (const AreaPlan& area : areas_) {
    states.emplace_back(area.spec.regions, Doubles(area.cell->shape().state_floats));
  }
  double loss = 0.0;
  for (const ScriptedStep& step : script) {
    Sequence outputs(areas_.size());
    const double* first = parameters.data();
    for (std::size_t a = 0; a < areas_.size(); ++a) {
      if (step.areas[a].awake) loss += LossOfArea(a, step, first, &states[a], &outputs);
      first += areas_[a].cell->layout().parameters() * areas_[a].spec.regions;
    }
  }
  return loss;
}

double SmallNetwork::LossOfArea(std::size_t a, const ScriptedStep& step, const double* parameters,
                                Sequence* states, Sequence* outputs) const {
  const AreaPlan& plan = areas_[a];
  const ScriptedArea& area = step.areas[a];
  const Doubles x = Input(plan, step.x, *outputs);
  Doubles output = plan.spec.residual ? x : Doubles(plan.spec.outputs);
  double loss = 0.0;
  for (std::size_t k = 0; k < area.woken.size(); ++k) {
    const uint32_t region = area.woken[k].region;
    const double* const w = parameters + region * plan.cell->layout().parameters();
    const Sequence nothing(area.woken[k].slept, Doubles(x.size()));
    references_[a]->Forward(w, nothing, &(*states)[region]);
    const Doubles y = references_[a]->Forward(w, {x}, &(*states)[region])[0];
    for (std::size_t i = 0; i < y.size(); ++i) {
      output[i] += double{area.woken[k].gate} * y[i];
      loss += area.gradients[k][i] * y[i];
    }
  }
  for (std::size_t i = 0; i < output.size(); ++i) loss += area.gradient[i] * output[i];
  (*outputs)[a] = output;
  return loss;
}

Doubles SmallNetwork::Parameters() const {
  Doubles all;
  for (uint32_t a = 0; a < areas_.size(); ++a) {
    const BlockLayout& layout = areas_[a].cell->layout();
    for (uint32_t r = 0; r < areas_[a].spec.regions; ++r) {
      const std::byte* const block = store_->Draft().table(a).Read(r);
      for (std::size_t t = 0; t < layout.tensors().size(); ++t) {
        const std::span<const float> tensor = FloatsOf(layout, t, block);
        all.insert(all.end(), tensor.begin(), tensor.end());
      }
    }
  }
  return all;
}

void SmallNetwork::Restore(const Doubles& parameters) {
  std::optional<Commit> commit = Commit::TryBegin(store_.get(), {});
  std::size_t first = 0;
  for (uint32_t a = 0; a < areas_.size(); ++a) {
    const BlockLayout& layout = areas_[a].cell->layout();
    for (uint32_t r = 0; r < areas_[a].spec.regions; ++r) {
      std::byte* const block = commit->Write({a, r});
      for (std::size_t t = 0; t < layout.tensors().size(); ++t) {
        for (float& value : FloatsOf(layout, t, block)) {
          value = static_cast<float>(parameters[first++]);
        }
      }
    }
  }
}

Doubles SmallNetwork::Input(const AreaPlan& plan, const Doubles& x, const Sequence& outputs) {
  Doubles input(plan.inputs);
  for (const AreaPlan::Source& source : plan.sources) {
    const Doubles& from = source.is_area ? outputs[source.index] : x;
    for (std::size_t i = 0; i < from.size(); ++i) input[source.offset + i] += from[i];
  }
  return input;
}

std::span<float> SmallNetwork::Take(const Doubles& values) {
  buffers_.emplace_back(values.begin(), values.end());
  return buffers_.back();
}

void SmallNetwork::ForwardArea(std::size_t a, const ScriptedStep& step) {
  const AreaPlan& plan = areas_[a];
  const CellShape& shape = plan.cell->shape();
  ScriptedArea& area = scripted_.emplace_back(step.areas[a]);
  AreaActivity& activity = activities_.emplace_back();
  activity.awake = area.awake;
  activity.gradient = Take(area.gradient);
  if (!area.awake) return;
  Sequence outputs;
  for (const AreaActivity& before : activities_) {
    outputs.emplace_back(before.output.begin(), before.output.end());
  }
  activity.input = Take(Input(plan, step.x, outputs));
  activity.woken = area.woken;
  activity.outputs = Take(Doubles(area.woken.size() * plan.spec.outputs));
  activity.output = Take(Doubles(plan.spec.outputs));
  activity.tape = Take(Doubles(area.woken.size() * shape.tape_floats));
  Doubles gradients;
  for (const Doubles& own : area.gradients) {
    gradients.insert(gradients.end(), own.begin(), own.end());
  }
  activity.gradients = Take(gradients);
  if (plan.spec.residual) {
    std::copy_n(activity.input.begin(), plan.inputs, activity.output.begin());
  }
  for (std::size_t k = 0; k < area.woken.size(); ++k) {
    const std::span<float> y = activity.outputs.subspan(k * plan.spec.outputs, plan.spec.outputs);
    float* const state = states_[a].data() + area.woken[k].region * shape.state_floats;
    if (area.woken[k].slept > 0) {
      plan.cell->Sleep(area.woken[k].slept, {state, shape.state_floats});
    }
    plan.cell->Forward(store_->Draft().table(plan.weights_table).Read(area.woken[k].region),
                       activity.input, state, y, activity.tape.data() + k * shape.tape_floats);
    for (std::size_t i = 0; i < y.size(); ++i) activity.output[i] += area.woken[k].gate * y[i];
  }
}

}  // namespace gyrus::test
