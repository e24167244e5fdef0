// SPDX-License-Identifier: Apache-2.0
// What a symbol costs: a walk of its path by each expert, then for all decisions on the path
// together one kernel call that mixes and one that learns. Weight vectors that need no signal are
// asked of the memory for the whole path before the experts are.
#include "activation/heads/mixing.h"

#include <algorithm>
#include <bit>
#include <cmath>

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

inline float* MixingHead::Inputs(const StepContext& context, uint32_t depth) const noexcept {
  return reinterpret_cast<float*>(Scratch(context) + sizeof(Step)) + std::size_t{depth} * width_;
}

void MixingHead::Begin(const StepContext& context) const noexcept {
  Step& step = *At(context);
  for (std::size_t s = 0; s < sets_.size(); ++s) {
    step.set_prefixes[s] = Prefix(sets_[s], *context.activity);
  }
  for (std::size_t m = 0; m < maps_.size(); ++m) {
    step.map_prefixes[m] = Prefix(maps_[m], *context.activity);
  }
  step.last_prefix = Prefix(last_, *context.activity);
  step.inputs.sets = sets_.size();
  step.inputs.width = width_;
  // Lanes without a decision are counted through too, see Count.
  std::fill(step.nodes, step.nodes + kMaxDepth, 1U);
  std::fill(step.depths, step.depths + kMaxDepth, 0U);
  std::fill(step.signals, step.signals + kMaxDepth, step.evidence[0]);
  for (uint32_t depth = 0; depth < depth_; ++depth) {
    float* const x = Inputs(context, depth);
    x[bias_] = kBias;
    std::fill(x + bias_ + 1, x + width_, 0.0F);
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

// A gate's number at every decision, all lanes alike, used or not.
template <typename Number>
inline void MixingHead::Count(const Gate& gate, uint64_t prefix, const Step& step,
                              Number* numbers) noexcept {
  const auto node_weight = static_cast<Number>(gate.node_weight);
  for (std::size_t n = 0; n < kMaxDepth; ++n) {
    numbers[n] = static_cast<Number>(prefix) + node_weight * step.nodes[n];
  }
  if (gate.depth_weight != 0) {
    const auto depth_weight = static_cast<Number>(gate.depth_weight);
    for (std::size_t n = 0; n < kMaxDepth; ++n) numbers[n] += depth_weight * step.depths[n];
  }
  for (const Term& term : gate.signals) {
    const auto weight = static_cast<Number>(term.weight);
    const uint32_t source = term.factor.source;
    for (std::size_t n = 0; n < kMaxDepth; ++n) numbers[n] += weight * step.signals[n][source];
  }
}

// The row that a gate picks at every decision.
void MixingHead::Pick(const Gate& gate, uint64_t prefix, const Step& step,
                      uint32_t* rows) noexcept {
  if (!gate.hashed) return Count(gate, prefix, step, rows);
  uint64_t numbers[kMaxDepth];
  Count(gate, prefix, step, numbers);
  for (std::size_t n = 0; n < kMaxDepth; ++n) {
    rows[n] = static_cast<uint32_t>(Mix64(numbers[n])) & (gate.rows - 1);
  }
}

// visit(gate, picked) for each.
template <typename Visit>
[[gnu::always_inline]] inline void MixingHead::ForEachGate(Step* step, Visit visit) const noexcept {
  for (std::size_t s = 0; s < sets_.size(); ++s) {
    visit(sets_[s], Picked{step->set_prefixes[s], step->sets[s], step->inputs.weights[s]});
  }
  for (std::size_t m = 0; m < maps_.size(); ++m) {
    visit(maps_[m], Picked{step->map_prefixes[m], step->maps[m], step->map_blocks[m]});
  }
  visit(last_, Picked{step->last_prefix, step->last, step->inputs.last});
}

// Picks what still waited for the evidence, and finds the blocks of all.
void MixingHead::Find(const StepContext& context, Step* step) const noexcept {
  const std::size_t decisions = step->inputs.decisions;
  ForEachGate(step, [&](const Gate& gate, const Picked& picked) {
    if (!gate.early()) Pick(gate, picked.prefix, *step, picked.rows);
    context.view.table(gate.table).ReadEach({picked.rows, decisions}, picked.blocks);
  });
}

// Makes `node` the decision in lane `n`, its evidence in row `evidence`.
inline void MixingHead::Ask(const StepContext& context, uint32_t n, uint32_t node,
                            uint32_t evidence) const noexcept {
  Step& step = *At(context);
  step.nodes[n] = node;
  step.depths[n] = DepthOf(node);
  step.inputs.x[n] = Inputs(context, evidence);
  step.signals[n] = step.evidence[evidence];
  step.inputs.decisions = n + 1;
}

// Asks the memory for what the path will read.
void MixingHead::Approach(const StepContext& context, const Path& path) const noexcept {
  for (const Member& member : members_) {
    for (uint32_t depth = 0; depth < depth_; depth += 4) {
      member.expert->Approach(path.node(depth), Scratch(context) + member.scratch);
    }
  }
  Step& step = *At(context);
  ForEachGate(&step, [&](const Gate& gate, const Picked& picked) {
    if (!gate.early()) return;
    Pick(gate, picked.prefix, step, picked.rows);
    context.view.table(gate.table).PrefetchEach({picked.rows, step.inputs.decisions});
  });
}

// The probability of bit 1 at `node` alone.
float MixingHead::Decide(const StepContext& context, uint32_t node) const noexcept {
  Step& step = *At(context);
  for (const Member& member : members_) {
    const ExpertShape& shape = member.expert->shape();
    member.expert->Evidence(node, Scratch(context) + member.scratch,
                            {Inputs(context, 0) + member.first_input, shape.width},
                            {step.evidence[0] + member.first_signal, shape.signal_ranges.size()});
  }
  Ask(context, 0, node, 0);
  ForEachGate(&step, [&](const Gate& gate, const Picked& picked) {
    if (gate.early()) Pick(gate, picked.prefix, step, picked.rows);
  });
  Find(context, &step);
  Mix(&step);
  return step.served[0];
}

// Makes the decisions asked for, from the evidence and the blocks picked; half of what is served
// comes from the maps.
void MixingHead::Mix(Step* step) const noexcept {
  kernels::Mix(step->inputs, &step->mixture);
  float sums[kMaxDepth] = {};
  for (std::size_t n = 0; n < kMaxDepth; ++n) {
    const float at =
        std::clamp(step->mixture.mixed[n], -kMapMaxLogit, kMapMaxLogit) * kMapScale + kMapMiddle;
    step->cells[n] = static_cast<uint32_t>(static_cast<int32_t>(at));
    step->fractions[n] = at - static_cast<float>(static_cast<int32_t>(at));
  }
  for (std::size_t m = 0; m < maps_.size(); ++m) {
    for (std::size_t n = 0; n < step->inputs.decisions; ++n) {
      const float* const cells = step->map_blocks[m][n] + step->cells[n];
      sums[n] += cells[0] + (cells[1] - cells[0]) * step->fractions[n];
    }
  }
  const float share = maps_.empty() ? 0.0F : 0.5F / static_cast<float>(maps_.size());
  const float own = maps_.empty() ? 1.0F : 0.5F;
  for (std::size_t n = 0; n < kMaxDepth; ++n) {
    const float p = own * step->mixture.probability[n] + share * sums[n];
    step->served[n] = std::clamp(p, kLeast, 1.0F - kLeast);
  }
}

// The path to a symbol, deciding wherever labels have gone both ways or would now.
Path MixingHead::PathTo(uint32_t symbol, const SeenClasses::Now& seen) const noexcept {
  Path path = {.leaf = (1U << depth_) | symbol, .depth = depth_};
  for (uint32_t depth = 0; depth < depth_; ++depth) {
    if (seen.Seen(path.node(depth + 1) ^ 1U)) path.decided |= 1U << depth;
  }
  return path;
}

// Walks a path as far as there is anything to decide; leaves the decisions for LearnDecisions.
// Returns the probability served.
double MixingHead::Probability(const StepContext& context, const Path& path) const noexcept {
  Step& step = *At(context);
  step.inputs.decisions = 0;
  uint32_t count = 0;
  for (uint32_t depth = 0; depth < depth_; ++depth) {
    if (path.decides(depth)) Ask(context, count++, path.node(depth), depth);
  }
  Approach(context, path);
  for (const Member& member : members_) {
    member.expert->EvidenceAlong(path, Scratch(context) + member.scratch,
                                 {.inputs = Inputs(context, 0) + member.first_input,
                                  .inputs_stride = width_,
                                  .signals = step.evidence[0] + member.first_signal,
                                  .signals_stride = kMaxSignals});
  }
  if (count > 0) {
    Find(context, &step);
    Mix(&step);
  }
  const SeenClasses::Now seen = seen_.At(context.view);
  float probability = seen.Seen(path.leaf) ? 1.0F : 0.0F;
  for (uint32_t n = 0; n < count; ++n) {
    const bool one = path.bit(step.depths[n]) != 0;
    probability *= one ? step.served[n] : 1.0F - step.served[n];
  }
  return static_cast<double>(seen.Served(probability, classes_));
}

double MixingHead::Learn(const StepContext& context, const Target& target,
                         Commit* commit) const noexcept {
  const Path path = PathTo(target.symbol, seen_.At(context.view));
  const double probability = Probability(context, path);
  for (const Member& member : members_) {
    member.expert->Learn(path, Scratch(context) + member.scratch, commit);
  }
  if (path.decided != 0 && commit->Keeps(last_.table)) LearnDecisions(context, path, commit);
  seen_.Learn(path.leaf, commit);
  return -std::log(probability);
}

void MixingHead::LearnDecisions(const StepContext& context, const Path& path,
                                Commit* commit) const noexcept {
  Step& step = *At(context);
  const std::size_t decisions = step.inputs.decisions;
  kernels::MixLesson lesson;
  for (std::size_t n = 0; n < kMaxDepth; ++n) {
    lesson.bits[n] = n < decisions ? static_cast<float>(path.bit(step.depths[n])) : 0.0F;
  }
  for (std::size_t s = 0; s < sets_.size(); ++s) {
    commit->table(sets_[s].table).WriteEach({step.sets[s], decisions}, lesson.weights[s]);
  }
  commit->table(last_.table).WriteEach({step.last, decisions}, lesson.last);
  kernels::MixLearn(step.inputs, step.mixture, lesson,
                    {.first = spec_.rate_first,
                     .last = spec_.rate_last,
                     .fade = spec_.rate_visits,
                     .final = spec_.final_rate});
  LearnMaps(step, lesson.bits, commit);
}

inline void MixingHead::LearnMaps(const Step& step, const float* bits,
                                  Commit* commit) const noexcept {
  for (std::size_t m = 0; m < maps_.size(); ++m) {
    float* blocks[kMaxDepth];
    commit->table(maps_[m].table).WriteEach({step.maps[m], step.inputs.decisions}, blocks);
    const float rate = spec_.maps[m].rate;
    for (std::size_t n = 0; n < step.inputs.decisions; ++n) {
      float* const cells = blocks[n] + step.cells[n];
      const float upper = rate * step.fractions[n];
      cells[0] += (rate - upper) * (bits[n] - cells[0]);
      cells[1] += upper * (bits[n] - cells[1]);
    }
  }
}

void MixingHead::Predict(const StepContext& context, const Want& want,
                         Prediction* prediction) const noexcept {
  if (want.kind == Want::Kind::kBest) Best(context, prediction);
  if (want.kind == Want::Kind::kDistribution) Distribution(context, prediction);
  if (want.kind == Want::Kind::kSymbol) {
    prediction->best = want.symbol;
    const Path path = PathTo(want.symbol, seen_.At(context.view));
    prediction->best_probability = static_cast<float>(Probability(context, path));
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
