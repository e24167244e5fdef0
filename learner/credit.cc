// SPDX-License-Identifier: Apache-2.0
// Regions of one area do not read each other within a step, so the walk goes region by region and
// not step by step: a region's weights, gradients and update stay in the cache, and one dstate and
// one collector serve all of them. The entries of a region form a chain, newest first, built while
// steps are recorded; the steps at which it slept are simply not in it.
#include "learner/credit.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"
#include "core/kernels/vector.h"
#include "core/status_macros.h"

namespace gyrus {

AreaCredit::AreaCredit(const AreaPlan* plan, uint32_t accumulators)
    : plan_(*plan), accumulators_(accumulators), width_(plan->spec.woken) {}

absl::StatusOr<std::unique_ptr<AreaCredit>> AreaCredit::Create(
    std::span<const AreaPlan> areas, uint32_t index,
    std::span<const std::unique_ptr<AreaCredit>> earlier, uint32_t accumulators) {
  const AreaPlan& plan = areas[index];
  std::unique_ptr<AreaCredit> credit(new AreaCredit(&plan, accumulators));
  GYRUS_RETURN_IF_ERROR(credit->Connect(areas, earlier));
  if (plan.cell->shape().learns) {
    auto updates = MakeRegionUpdates(plan.spec.learning, *plan.cell);
    if (!updates.ok()) {
      return absl::Status(updates.status().code(), absl::StrCat("area \"", plan.spec.name, "\".",
                                                                updates.status().message()));
    }
    credit->updates_ = *std::move(updates);
  }
  credit->TakeMemory();
  return credit;
}

absl::Status AreaCredit::Connect(std::span<const AreaPlan> areas,
                                 std::span<const std::unique_ptr<AreaCredit>> earlier) {
  const bool learns = plan_.cell->shape().learns;
  learns_routes_ = std::holds_alternative<LearnedRouterSpec>(plan_.spec.router);
  traces_errors_ = learns && plan_.spec.learning.trace != Trace::kNone;
  for (const AreaPlan::Source& source : plan_.sources) {
    AreaCredit* const below = source.is_area ? earlier[source.index].get() : nullptr;
    const bool passes =
        below != nullptr && below->takes_gradient() && (learns || plan_.spec.residual);
    sources_.push_back(passes ? below : nullptr);
    passes_on_ = passes_on_ || passes;
  }
  takes_gradient_ = learns || learns_routes_ || passes_on_;
  chunk_ = takes_gradient_ ? plan_.spec.learning.chunk : 1;
  for (std::size_t s = 0; s < sources_.size(); ++s) {
    if (sources_[s] == nullptr || sources_[s]->chunk() == chunk_) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("area \"", plan_.spec.name, "\".learning.chunk must equal the ",
                     sources_[s]->chunk(), " of area \"", areas[plan_.sources[s].index].spec.name,
                     "\", to which it hands gradients, got ", chunk_));
  }
  return absl::OkStatus();
}

// Of a copied step.
std::size_t AreaCredit::RecordBytes(const AreaPlan& plan) {
  const std::size_t width = plan.spec.woken;
  const std::size_t outputs = plan.spec.outputs;
  return Workspace::BytesFor<float>(plan.inputs) + Workspace::BytesFor<float>(plan.routes) +
         Workspace::BytesFor<Woken>(width) + Workspace::BytesFor<float>(outputs) +
         2 * Workspace::BytesFor<float>(width * outputs) +
         Workspace::BytesFor<float>(width * plan.cell->shape().tape_floats);
}

uint64_t AreaCredit::BytesFor(const AreaPlan& plan) {
  const uint64_t chunk = plan.spec.learning.chunk;
  const uint64_t regions = plan.spec.regions;
  const uint64_t step = plan.spec.woken * sizeof(uint32_t) + plan.inputs * sizeof(float);
  const bool traces = plan.spec.learning.trace != Trace::kNone;
  const uint64_t trace = traces ? plan.cell->shape().trace_floats * sizeof(float) : 0;
  return chunk * (step + (chunk > 1 ? RecordBytes(plan) : 0)) +
         regions * (sizeof(uint32_t) + trace);
}

void AreaCredit::TakeMemory() {
  const CellShape& shape = plan_.cell->shape();
  const std::size_t outputs = plan_.spec.outputs;
  records_.resize(chunk_);
  if (chunk_ > 1) {
    memory_ = std::make_unique<Workspace>(RecordBytes(plan_) * chunk_);
    for (AreaActivity& record : records_) {
      record.input = memory_->Take<float>(plan_.inputs);
      record.routing =
          plan_.route_by.has_value() ? memory_->Take<float>(plan_.routes) : record.input;
      record.woken = memory_->Take<Woken>(width_);
      record.outputs = memory_->Take<float>(width_ * outputs);
      record.gradient = memory_->Take<float>(outputs);
      record.gradients = memory_->Take<float>(width_ * outputs);
      record.tape = memory_->Take<float>(width_ * shape.tape_floats);
    }
  }
  newest_.assign(plan_.spec.regions, kNone);
  previous_.assign(std::size_t{chunk_} * width_, kNone);
  chain_.resize(chunk_);
  if (traces_errors_) traces_.resize(std::size_t{plan_.spec.regions} * shape.trace_floats);
  dstate_.resize(shape.state_floats);
  dy_.resize(outputs);
  if (passes_on_) dx_.resize(std::size_t{chunk_} * plan_.inputs);
  dgates_.resize(width_);
}

void AreaCredit::Record(const AreaActivity& activity) noexcept {
  GYRUS_DCHECK(!full());
  AreaActivity& record = records_[steps_];
  if (chunk_ == 1) {
    record = activity;
  } else {
    Copy(activity, &record);
  }
  const uint32_t first = steps_++ * width_;
  if (!record.awake) return;
  for (uint32_t k = 0; k < record.woken.size(); ++k) {
    uint32_t& newest = newest_[record.woken[k].region];
    previous_[first + k] = newest;
    newest = first + k;
  }
}

void AreaCredit::Copy(const AreaActivity& from, AreaActivity* to) const noexcept {
  to->awake = from.awake;
  if (!from.awake) return;
  const std::size_t count = from.woken.size();
  to->woken = {to->woken.data(), count};
  const auto copy = [](auto source, std::size_t size, auto target) {
    std::copy_n(source.begin(), size, target.begin());
  };
  copy(from.woken, count, to->woken);
  copy(from.input, from.input.size(), to->input);
  if (plan_.route_by.has_value()) copy(from.routing, from.routing.size(), to->routing);
  copy(from.gradient, from.gradient.size(), to->gradient);
  copy(from.gradients, count * dy_.size(), to->gradients);
  copy(from.tape, count * plan_.cell->shape().tape_floats, to->tape);
  if (learns_routes_) copy(from.outputs, count * dy_.size(), to->outputs);
}

void AreaCredit::Backward(Commit* commit, Lesson::Kind kind) noexcept {
  std::fill(dx_.begin(), dx_.end(), 0.0F);
  WalkRegions(commit, kind);
  if (passes_on_) PassOn();
  const bool replayed = kind == Lesson::Kind::kReplayed;
  if (kind == Lesson::Kind::kLive || (replayed && learns_routes_)) LearnRoutes(commit);
  steps_ = 0;
}

void AreaCredit::Forget() noexcept {
  std::fill(newest_.begin(), newest_.end(), kNone);
  std::fill(traces_.begin(), traces_.end(), 0.0F);
  steps_ = 0;
}

void AreaCredit::WalkRegions(Commit* commit, Lesson::Kind kind) noexcept {
  for (uint32_t t = steps_; t-- > 0;) {
    if (!records_[t].awake) continue;
    for (uint32_t k = 0; k < records_[t].woken.size(); ++k) {
      const uint32_t entry = t * width_ + k;
      uint32_t& newest = newest_[WokenAt(entry).region];
      if (newest != entry) continue;
      newest = kNone;
      if (updates_ != nullptr) WalkRegion(entry, commit, kind);
    }
  }
}

void AreaCredit::WalkRegion(uint32_t last, Commit* commit, Lesson::Kind kind) noexcept {
  const uint32_t region = WokenAt(last).region;
  std::size_t count = 0;
  for (uint32_t e = last; e != kNone; e = previous_[e]) chain_[count++] = e;
  CarryOverSleep(chain_[count - 1], TracesOf(region));
  if (!ErrorReaches(count)) {
    AdvanceTraces(count, commit->view().table(plan_.weights_table).Read(region), region);
    return;
  }
  std::byte* const weights = commit->Write({plan_.weights_table, region});
  updates_->Begin(Blocks(region, weights, commit));
  std::fill(dstate_.begin(), dstate_.end(), 0.0F);
  for (std::size_t i = 0; i < count; ++i) {
    StepBack(chain_[i], weights, i + 1 == count ? TracesOf(region).data() : nullptr);
    CarryOverSleep(chain_[i], dstate_);
  }
  // Before End, so that the weights are still those of the forward steps.
  AdvanceTraces(count, weights, region);
  if (kind == Lesson::Kind::kSensitivity) return updates_->EndSensing();
  updates_->End();
}

RegionBlocks AreaCredit::Blocks(uint32_t region, std::byte* weights,
                                Commit* commit) const noexcept {
  RegionBlocks blocks = {.weights = weights};
  const AreaLearningSpec& spec = plan_.spec.learning;
  if (spec.optimiser == Optimiser::kRmsprop) {
    blocks.accumulators = commit->Write({accumulators_, region});
  }
  if (spec.importance.kind != ImportanceKind::kNone) {
    blocks.importance = commit->Write({plan_.importance_table, region});
  }
  return blocks;
}

bool AreaCredit::ErrorReaches(std::size_t count) const noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    // Not zero also if not finite.
    if (kernels::SumOfSquares(records_[chain_[i] / width_].gradient) != 0.0F) return true;
    if (kernels::SumOfSquares(GradientOfOutput(chain_[i])) != 0.0F) return true;
  }
  return false;
}

void AreaCredit::StepBack(uint32_t entry, const std::byte* weights, const float* traces) noexcept {
  const std::size_t t = entry / width_;
  const std::span<const float> own = GradientOfOutput(entry);
  std::copy(own.begin(), own.end(), dy_.begin());
  kernels::Axpy(WokenAt(entry).gate, records_[t].gradient, dy_);
  std::span<float> dx;
  if (passes_on_) dx = std::span(dx_).subspan(t * plan_.inputs, plan_.inputs);
  plan_.cell->Backward({.weights = weights,
                        .x = records_[t].input,
                        .tape = TapeOf(entry),
                        .traces = traces,
                        .dy = dy_,
                        .dx = dx,
                        .dstate = dstate_.data()},
                       updates_.get());
}

void AreaCredit::AdvanceTraces(std::size_t count, const std::byte* weights,
                               uint32_t region) noexcept {
  if (!traces_errors_) return;
  for (std::size_t i = count; i-- > 0;) {
    if (i + 1 < count) CarryOverSleep(chain_[i], TracesOf(region));
    plan_.cell->Trace(weights, records_[chain_[i] / width_].input, TapeOf(chain_[i]),
                      TracesOf(region).data());
  }
}

// What reaches over the sleep before an entry decays by it.
void AreaCredit::CarryOverSleep(uint32_t entry, std::span<float> rows) const noexcept {
  const uint32_t slept = WokenAt(entry).slept;
  if (slept > 0 && !rows.empty()) plan_.cell->Sleep(slept, rows);
}

void AreaCredit::PassOn() noexcept {
  for (std::size_t t = 0; t < steps_; ++t) {
    if (!records_[t].awake) continue;
    const std::span<float> dx = std::span(dx_).subspan(t * plan_.inputs, plan_.inputs);
    if (plan_.spec.residual) kernels::Axpy(1.0F, records_[t].gradient, dx);
    for (std::size_t s = 0; s < sources_.size(); ++s) {
      if (sources_[s] == nullptr) continue;
      const std::span<float> to = sources_[s]->gradient(t);
      kernels::Axpy(1.0F, dx.subspan(plan_.sources[s].offset, to.size()), to);
    }
  }
}

void AreaCredit::LearnRoutes(Commit* commit) noexcept {
  const std::size_t outputs = plan_.spec.outputs;
  for (std::size_t t = 0; t < steps_; ++t) {
    const AreaActivity& record = records_[t];
    if (!record.awake) continue;
    std::span<float> dgates;
    if (learns_routes_) {
      dgates = std::span(dgates_).first(record.woken.size());
      for (std::size_t k = 0; k < dgates.size(); ++k) {
        dgates[k] = kernels::Dot(record.gradient, record.outputs.subspan(k * outputs, outputs));
      }
    }
    plan_.router->Learn(record.routing, record.woken, dgates, commit);
  }
}

std::span<float> AreaCredit::GradientOfOutput(uint32_t entry) const noexcept {
  const std::size_t outputs = plan_.spec.outputs;
  return records_[entry / width_].gradients.subspan((entry % width_) * outputs, outputs);
}

const float* AreaCredit::TapeOf(uint32_t entry) const noexcept {
  return records_[entry / width_].tape.data() + (entry % width_) * plan_.cell->shape().tape_floats;
}

std::span<float> AreaCredit::TracesOf(uint32_t region) noexcept {
  if (!traces_errors_) return {};
  const std::size_t floats = plan_.cell->shape().trace_floats;
  return std::span(traces_).subspan(region * floats, floats);
}

}  // namespace gyrus
