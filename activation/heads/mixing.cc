// SPDX-License-Identifier: Apache-2.0
// What a symbol costs: for each of its bits one call to every expert, a few dot products of a few
// dozen floats (one kernel call), and as many updates. Weight vectors that need no signal are
// asked of the memory for the whole path before the first decision.
#include "activation/heads/mixing.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "core/kernels/mixing.h"
#include "core/rng.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

constexpr uint32_t kMaxDepth = 8;
constexpr uint32_t kMaxMaps = 4;
constexpr uint32_t kMaxSignals = 32;
constexpr uint32_t kMaxGateRows = 1U << 20;
constexpr uint32_t kMapCells = 16;  // Over logits from -8 to 8: one cache line.
constexpr float kMapMaxLogit = 7.99F;
constexpr float kMapMiddle = static_cast<float>(kMapCells - 1) / 2.0F;
constexpr float kMapScale = static_cast<float>(kMapCells - 1) / 16.0F;
constexpr float kBias = 0.4F;
constexpr float kLeast = 1.0F / 65536.0F;  // No bit is ever less probable.

uint32_t DepthOf(uint32_t node) { return static_cast<uint32_t>(std::bit_width(node)) - 1; }

}  // namespace

// What one decision was made of, kept until the step is learned.
struct MixingHead::Decision {
  alignas(64) float logits[kernels::kMaxSets];
  float probabilities[kernels::kMaxSets];
  uint32_t sets[kernels::kMaxSets];  // Blocks.
  uint32_t last;                     // Block.
  uint32_t maps[kMaxMaps];           // Blocks.
  uint32_t cell;                     // Of every map: the lower of the two at this logit.
  float fraction;                    // How far towards the upper.
  float mixed;                       // logistic(z).
  float probability;                 // Of bit 1, as served.
};

// What all decisions of a step share: each gate's Prefix. And the signals at each depth.
struct MixingHead::Step {
  alignas(64) uint64_t sets[kernels::kMaxSets];
  uint64_t maps[kMaxMaps];
  uint64_t last;
  uint32_t signals[kMaxDepth][kMaxSignals];
};

absl::StatusOr<std::unique_ptr<Head>> MixingHead::Create(const HeadSpec& spec,
                                                         const std::vector<Readable>& readables,
                                                         PlanBuilder* builder) {
  if (spec.classes < 2 || spec.classes > 256) {
    return absl::InvalidArgumentError(
        absl::StrCat("a mixing head needs 2 to 256 classes, got ", spec.classes));
  }
  std::unique_ptr<MixingHead> head(new MixingHead(spec));
  GYRUS_RETURN_IF_ERROR(head->AddExperts(readables, builder));
  GYRUS_RETURN_IF_ERROR(head->AddGates(spec.name, readables, builder));
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
  decision_bytes_ = sizeof(Decision) + width_ * sizeof(float);
  for (Member& member : members_) member.scratch += sizeof(Step) + kMaxDepth * decision_bytes_;
  scratch_ = builder->AddHeadScratch(sizeof(Step) + kMaxDepth * decision_bytes_ + scratch);
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
  gate.early = gate.signals.empty();
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
