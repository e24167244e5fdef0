// SPDX-License-Identifier: Apache-2.0
// What a symbol costs: for each of its bits one call to every expert, a few dot products of a few
// dozen floats (one kernel call), and as many updates. Weight vectors that need no signal are
// asked of the memory for the whole path before the first decision.
#include "activation/heads/mixing.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "activation/heads/mixing_step.h"
#include "core/rng.h"

namespace gyrus {
namespace {

constexpr float kMapMaxLogit = 7.99F;
constexpr float kBias = 0.4F;
constexpr float kLeast = 1.0F / 65536.0F;  // No bit is ever less probable.

uint32_t DepthOf(uint32_t node) { return static_cast<uint32_t>(std::bit_width(node)) - 1; }

}  // namespace

inline std::byte* MixingHead::Scratch(const StepContext& context) const noexcept {
  return context.activity->head_scratch.data() + scratch_;
}

inline MixingHead::Step* MixingHead::At(const StepContext& context) const noexcept {
  return reinterpret_cast<Step*>(Scratch(context));
}

inline MixingHead::Decision* MixingHead::At(const StepContext& context,
                                            uint32_t depth) const noexcept {
  return reinterpret_cast<Decision*>(Scratch(context) + sizeof(Step) + depth * decision_bytes_);
}

inline std::span<float> MixingHead::Inputs(const StepContext& context,
                                           uint32_t depth) const noexcept {
  return {reinterpret_cast<float*>(At(context, depth) + 1), width_};
}

void MixingHead::Begin(const StepContext& context) const noexcept {
  Step& step = *At(context);
  for (std::size_t s = 0; s < sets_.size(); ++s) {
    step.sets[s] = Prefix(sets_[s], *context.activity);
  }
  for (std::size_t m = 0; m < maps_.size(); ++m) {
    step.maps[m] = Prefix(maps_[m], *context.activity);
  }
  step.last = Prefix(last_, *context.activity);
  for (uint32_t depth = 0; depth < depth_; ++depth) {
    const std::span<float> x = Inputs(context, depth);
    x[bias_] = kBias;
    std::fill(x.begin() + bias_ + 1, x.end(), 0.0F);
  }
  for (const Member& member : members_) {
    member.expert->Begin(context, Scratch(context) + member.scratch);
  }
}

// The part of a gate's number that the encoders' selectors make, the same for all nodes.
uint64_t MixingHead::Prefix(const Gate& gate, const Activity& activity) const noexcept {
  uint64_t row = 0;
  for (const Term& term : gate.selectors) {
    row += term.weight * activity.encodings[term.factor.source].selectors[term.factor.which];
  }
  return row;
}

inline uint32_t MixingHead::Pick(const Gate& gate, uint64_t prefix, uint32_t node, uint32_t depth,
                                 const uint32_t* signals) noexcept {
  uint64_t row = prefix + gate.node_weight * node + gate.depth_weight * depth;
  for (const Term& term : gate.signals) row += term.weight * signals[term.factor.source];
  return static_cast<uint32_t>(gate.hashed ? Mix64(row) & (gate.rows - 1) : row);
}

// Asks the memory for what the path to `symbol` will read.
void MixingHead::Approach(const StepContext& context, uint32_t symbol) const noexcept {
  const uint32_t leaf = (1U << depth_) | symbol;
  for (const Member& member : members_) {
    for (uint32_t depth = 0; depth < depth_; depth += 4) {
      member.expert->Approach(leaf >> (depth_ - depth), Scratch(context) + member.scratch);
    }
  }
  const Step& step = *At(context);
  // Inlined, since GCC drops calls of what only prefetches.
  const auto ask = [&](const Gate& gate, uint64_t prefix) __attribute__((always_inline)) {
    if (!gate.early) return;
    const TableView rows = context.view.table(gate.table);
    for (uint32_t depth = 0; depth < depth_; ++depth) {
      rows.Prefetch(Pick(gate, prefix, leaf >> (depth_ - depth), depth, nullptr));
    }
  };
  for (std::size_t s = 0; s < sets_.size(); ++s) ask(sets_[s], step.sets[s]);
  for (std::size_t m = 0; m < maps_.size(); ++m) ask(maps_[m], step.maps[m]);
}

// The probability of bit 1 at `node`; leaves at its depth what Learn needs.
float MixingHead::Decide(const StepContext& context, uint32_t node) const noexcept {
  const uint32_t depth = DepthOf(node);
  const std::span<float> x = Inputs(context, depth);
  uint32_t* const signals = At(context)->signals[depth];
  for (const Member& member : members_) {
    const ExpertShape& shape = member.expert->shape();
    member.expert->Evidence(node, Scratch(context) + member.scratch,
                            x.subspan(member.first_input, shape.width),
                            {signals + member.first_signal, shape.signal_ranges.size()});
  }
  return Mix(context, node);
}

// The same, where the evidence lies at the node's depth.
float MixingHead::Mix(const StepContext& context, uint32_t node) const noexcept {
  const uint32_t depth = DepthOf(node);
  const Step& step = *At(context);
  Decision* const decision = At(context, depth);
  const uint32_t* const signals = step.signals[depth];
  const std::size_t count = sets_.size();
  const float* weights[kernels::kMaxSets];
  for (std::size_t s = 0; s < count; ++s) {
    const Gate& gate = sets_[s];
    const uint32_t row = Pick(gate, step.sets[s], node, depth, signals);
    decision->sets[s] = row;
    weights[s] = context.view.table(gate.table).As<float>(row);
  }
  decision->last = Pick(last_, step.last, node, depth, signals);
  const float* const last = context.view.table(last_.table).As<float>(decision->last);
  const std::span<const float> x(reinterpret_cast<const float*>(decision + 1), width_);
  const kernels::Mixed mixed =
      kernels::Mix(x, {weights, count}, last, decision->logits, decision->probabilities);
  decision->mixed = mixed.probability;
  const float at = std::clamp(mixed.logit, -kMapMaxLogit, kMapMaxLogit) * kMapScale + kMapMiddle;
  decision->cell = static_cast<uint32_t>(at);
  decision->fraction = at - static_cast<float>(decision->cell);
  decision->probability = CorrectByMaps(context, node, depth, decision);
  return decision->probability;
}

inline float MixingHead::CorrectByMaps(const StepContext& context, uint32_t node, uint32_t depth,
                                       Decision* decision) const noexcept {
  const Step& step = *At(context);
  float p = decision->mixed;
  if (!maps_.empty()) {
    float sum = 0.0F;
    for (std::size_t m = 0; m < maps_.size(); ++m) {
      const uint32_t row = Pick(maps_[m], step.maps[m], node, depth, step.signals[depth]);
      decision->maps[m] = row;
      const float* const cells = context.view.table(maps_[m].table).As<float>(row) + decision->cell;
      sum += cells[0] + (cells[1] - cells[0]) * decision->fraction;
    }
    p = 0.5F * (p + sum / static_cast<float>(maps_.size()));
  }
  return std::clamp(p, kLeast, 1.0F - kLeast);
}

// The path to a symbol, deciding wherever labels have gone both ways or would now.
Path MixingHead::PathTo(uint32_t symbol, const SeenClasses::Now& seen) const noexcept {
  Path path = {.leaf = (1U << depth_) | symbol, .depth = depth_};
  for (uint32_t depth = 0; depth < depth_; ++depth) {
    if (seen.Seen(path.node(depth + 1) ^ 1U)) path.decided |= 1U << depth;
  }
  return path;
}

// Walks the path to `symbol` as far as there is anything to decide; leaves every decision on it at
// its depth. Returns the probability served.
double MixingHead::Probability(const StepContext& context, uint32_t symbol) const noexcept {
  const SeenClasses::Now seen = seen_.At(context.view);
  const Path path = PathTo(symbol, seen);
  Approach(context, symbol);
  uint32_t* const signals = At(context)->signals[0];
  for (const Member& member : members_) {
    member.expert->EvidenceAlong(path, Scratch(context) + member.scratch,
                                 {.inputs = Inputs(context, 0).data() + member.first_input,
                                  .inputs_stride = decision_bytes_ / sizeof(float),
                                  .signals = signals + member.first_signal,
                                  .signals_stride = kMaxSignals});
  }
  float probability = seen.Seen(path.leaf) ? 1.0F : 0.0F;
  for (uint32_t depth = 0; depth < depth_; ++depth) {
    if (!path.decides(depth)) continue;
    const float p = Mix(context, path.node(depth));
    probability *= path.bit(depth) != 0 ? p : 1.0F - p;
  }
  return static_cast<double>(seen.Served(probability, classes_));
}

double MixingHead::Learn(const StepContext& context, const Target& target,
                         Commit* commit) const noexcept {
  const Path path = PathTo(target.symbol, seen_.At(context.view));
  const double probability = Probability(context, target.symbol);
  for (const Member& member : members_) {
    member.expert->Learn(path, Scratch(context) + member.scratch, commit);
  }
  for (uint32_t depth = 0; depth < depth_; ++depth) {
    if (path.decides(depth)) LearnDecision(context, path.node(depth), path.bit(depth), commit);
  }
  seen_.Learn(path.leaf, commit);
  return -std::log(probability);
}

void MixingHead::LearnDecision(const StepContext& context, uint32_t node, uint32_t bit,
                               Commit* commit) const noexcept {
  const uint32_t depth = DepthOf(node);
  const Decision& decision = *At(context, depth);
  const std::span<const float> x(reinterpret_cast<const float*>(&decision + 1), width_);
  const std::size_t count = sets_.size();
  const float y = static_cast<float>(bit);
  const float visits_scale = spec_.rate_visits;
  const float rate_last = spec_.rate_last;
  const float fading = (spec_.rate_first - spec_.rate_last) * spec_.rate_visits;
  float* weights[kernels::kMaxSets];
  float steps[kernels::kMaxSets];
  for (std::size_t s = 0; s < count; ++s) {
    float* const w = commit->As<float>({sets_[s].table, decision.sets[s]});
    weights[s] = w;
    const float visits = w[x.size() - 1];
    const float rate = rate_last + fading / (visits_scale + visits);
    w[x.size() - 1] = visits + 1.0F;
    steps[s] = rate * (y - decision.probabilities[s]);
  }
  kernels::MixUpdate(x, {weights, count}, steps);
  float* const last = commit->As<float>({last_.table, decision.last});
  const float step = spec_.final_rate * (y - decision.mixed);
  for (std::size_t s = 0; s < count; ++s) last[s] += step * decision.logits[s];
  for (std::size_t m = 0; m < maps_.size(); ++m) {
    float* const cells = commit->As<float>({maps_[m].table, decision.maps[m]}) + decision.cell;
    const float upper = spec_.maps[m].rate * decision.fraction;
    cells[0] += (spec_.maps[m].rate - upper) * (y - cells[0]);
    cells[1] += upper * (y - cells[1]);
  }
}

void MixingHead::Predict(const StepContext& context, const Want& want,
                         Prediction* prediction) const noexcept {
  if (want.kind == Want::Kind::kBest) Best(context, prediction);
  if (want.kind == Want::Kind::kDistribution) Distribution(context, prediction);
  if (want.kind == Want::Kind::kSymbol) {
    prediction->best = want.symbol;
    prediction->best_probability = static_cast<float>(Probability(context, want.symbol));
  }
}

// Nodes that are still worth opening, most probable first: the first leaf taken is the best one.
struct MixingHead::Frontier {
  struct Entry {
    float probability;
    uint32_t node;
    bool operator<(const Entry& other) const { return probability < other.probability; }
  };
  Entry entries[257];
  std::size_t count = 0;

  void Push(float probability, uint32_t node) {
    entries[count++] = {probability, node};
    std::push_heap(entries, entries + count);
  }
  Entry Pop() {
    std::pop_heap(entries, entries + count);
    return entries[--count];
  }
};

void MixingHead::Best(const StepContext& context, Prediction* prediction) const noexcept {
  const SeenClasses::Now seen = seen_.At(context.view);
  Frontier frontier;
  frontier.Push(1.0F, 1);
  while (frontier.count > 0) {
    const Frontier::Entry entry = frontier.Pop();
    if (entry.node >= (1U << depth_)) {
      prediction->best = entry.node - (1U << depth_);
      prediction->best_probability = seen.Served(entry.probability, classes_);
      return;
    }
    if (!seen.Open(entry.node)) {
      frontier.Push(entry.probability, entry.node * 2 + (seen.Seen(entry.node * 2 + 1) ? 1 : 0));
      continue;
    }
    const float p = Decide(context, entry.node);
    // Leaves beyond the last class do not exist.
    const uint32_t below = depth_ - DepthOf(entry.node) - 1;
    const uint32_t right = entry.node * 2 + 1;
    frontier.Push(entry.probability * (1.0F - p), entry.node * 2);
    if (((right << below) - (1U << depth_)) < classes_) {
      frontier.Push(entry.probability * p, right);
    }
  }
}

void MixingHead::Distribution(const StepContext& context, Prediction* prediction) const noexcept {
  const SeenClasses::Now seen = seen_.At(context.view);
  float reach[512];  // The probability of reaching each node.
  reach[1] = 1.0F;
  for (uint32_t node = 1; node < (1U << depth_); ++node) {
    float p = seen.Seen(2 * node + 1) ? 1.0F : 0.0F;
    if (seen.Open(node)) p = Decide(context, node);
    reach[2 * node] = reach[node] * (1.0F - p);
    reach[2 * node + 1] = reach[node] * p;
  }
  float total = 0.0F;
  for (uint32_t c = 0; c < classes_; ++c) total += reach[(1U << depth_) + c];
  prediction->best_probability = 0.0F;
  for (uint32_t c = 0; c < classes_; ++c) {
    const float p = seen.Served(reach[(1U << depth_) + c] / total, classes_);
    prediction->distribution[c] = p;
    if (p > prediction->best_probability) {
      prediction->best_probability = p;
      prediction->best = c;
    }
  }
}

}  // namespace gyrus
