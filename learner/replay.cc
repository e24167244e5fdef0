// SPDX-License-Identifier: Apache-2.0
#include "learner/replay.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "activation/count.h"
#include "activation/tensor.h"
#include "core/rng.h"

namespace gyrus {
namespace {

enum ItemTensor : std::size_t { kSample, kState, kLogits };
enum IndexTensor : std::size_t { kCounts, kHeld, kFull, kClasses };
enum ScaleTensor : std::size_t { kCount, kMean, kDeviation, kSettled };

constexpr uint32_t kNowhere = ~uint32_t{0};
constexpr uint64_t kStream = 0x5EED0FB0A11ECAFE;  // Apart from other users of the brain's seed.

bool LearnsFromSamples(const BrainSpec& spec) {
  return std::any_of(spec.heads.begin(), spec.heads.end(), [](const HeadSpec& head) {
    return std::holds_alternative<SoftmaxHeadSpec>(head.kind);
  });
}

std::size_t ForwardBytes(const Plan& plan) {
  return LearnsFromSamples(plan.spec()) ? plan.activity_bytes(Plan::For::kLearning) : 0;
}

}  // namespace

Replay::Replay(const Plan* plan, Store* store)
    : plan_(plan),
      store_(store),
      spec_(plan->spec().replay),
      tables_(*plan->replay()),
      classes_(plan->spec().heads[0].classes),
      per_step_(LearnsFromSamples(plan->spec()) ? spec_.per_step : 0),
      codec_(plan->spec()),
      rivals_(spec_.rivals > 0 ? classes_ : 0),
      logits_now_(spec_.dark > 0.0F ? classes_ : 0),
      state_(plan->state_bytes()),
      memory_(ForwardBytes(*plan)),
      context_{.view = store->Draft(), .activity = &activity_, .state = state_.data()} {
  if (per_step_ > 0) activity_ = plan->MakeActivity(Plan::For::kLearning, &memory_);
}

uint64_t Replay::BytesFor(const Plan& plan) {
  return sizeof(Replay) + SampleCodec(plan.spec()).bytes() + plan.state_bytes() +
         ForwardBytes(plan);
}

Replay::Index Replay::IndexOf(std::byte* block) const noexcept {
  const BlockLayout& index = layout(tables_.index);
  return {.counts = reinterpret_cast<uint32_t*>(block + index.offset(kCounts)),
          .held = reinterpret_cast<uint32_t*>(block + index.offset(kHeld)),
          .full = reinterpret_cast<uint8_t*>(block + index.offset(kFull)),
          .classes = reinterpret_cast<uint8_t*>(block + index.offset(kClasses))};
}

Replay::Index Replay::ReadIndex() const noexcept {
  return IndexOf(const_cast<std::byte*>(store_->Draft().table(tables_.index).Read(0)));
}

SampleScales Replay::Scales() const noexcept {
  if (tables_.reals == 0) return {};
  const BlockLayout& scales = layout(tables_.scales);
  const std::byte* const block = store_->Draft().table(tables_.scales).Read(0);
  return {.mean = FloatsOf(scales, kMean, block), .deviation = FloatsOf(scales, kDeviation, block)};
}

void Replay::Prepare(Lesson* lesson) noexcept {
  lesson->logits_now = logits_now_;
  if (rivals_.empty()) return;
  const Index index = ReadIndex();
  const uint64_t now = CountOf(index.offered());
  for (uint32_t c = 0; c < classes_; ++c) {
    const uint64_t last = CountOf(index.last(c));
    rivals_[c] = last > 0 && last + spec_.rivals > now ? 1 : 0;
  }
  rivals_[lesson->target.symbol] = 1;
  lesson->rivals = rivals_;
}

bool Replay::Recall(uint32_t draw, Lesson* lesson) noexcept {
  const Index index = ReadIndex();
  const uint64_t items = CountOf(index.items());
  if (items == 0) return false;
  Rng rng(plan_->spec().seed, kStream ^ Mix64(CountOf(index.offered()) * 32 + draw));
  const auto item = static_cast<uint32_t>(rng.Below(items));
  const std::byte* const block = store_->Draft().table(tables_.items).Read(item);
  const BlockLayout& item_layout = layout(tables_.items);
  std::copy_n(block + item_layout.offset(kState), state_.size(), state_.begin());
  const Observation observation =
      codec_.Decode({block + item_layout.offset(kSample), tables_.sample_bytes}, Scales());
  plan_->Forward(context_, observation);
  *lesson = {.kind = Lesson::Kind::kReplayed, .target = {.symbol = index.classes[item]}};
  if (spec_.dark > 0.0F) {
    lesson->logits_then = FloatsOf(item_layout, kLogits, block);
    lesson->dark = spec_.dark;
  }
  return true;
}

void Replay::Keep(const Event& event, Commit* commit) noexcept {
  const Index index = IndexOf(commit->Write({tables_.index, 0}));
  const uint32_t label = event.target.symbol;
  const uint64_t offered = CountUp(index.offered());
  SetCount(index.last(label), offered);
  if (!Settle(event.observation, commit)) return;
  CountUp(index.offered(label));
  Rng rng(plan_->spec().seed, kStream ^ Mix64(offered * 32 + 31));
  const uint32_t item = PlaceFor(label, &rng, index);
  if (item == kNowhere) return;
  if (item == CountOf(index.items())) {
    CountUp(index.items());
  } else {
    --index.held[index.classes[item]];
  }
  ++index.held[label];
  index.classes[item] = static_cast<uint8_t>(label);
  Write(event, item, commit);
}

// Whether the scales stand; else learns them from this observation.
bool Replay::Settle(const Observation& observation, Commit* commit) const noexcept {
  if (tables_.reals == 0) return true;
  const BlockLayout& scales = layout(tables_.scales);
  const std::byte* const now = commit->view().table(tables_.scales).Read(0);
  if (*reinterpret_cast<const uint32_t*>(now + scales.offset(kSettled)) == kSettle) return true;
  std::byte* const block = commit->Write({tables_.scales, 0});
  float* const count = FloatsOf(scales, kCount, block).data();
  float* const mean = FloatsOf(scales, kMean, block).data();
  float* const deviation = FloatsOf(scales, kDeviation, block).data();
  std::size_t real = 0;
  for (std::size_t m = 0; m < observation.values.size(); ++m) {
    const ModalitySpec& modality = plan_->spec().modalities[m];
    if (modality.kind != ModalityKind::kReals) continue;
    for (std::size_t i = 0; i < modality.size; ++i, ++real) {
      const Value& value = observation.values[m];
      if (!value.present || std::isnan(value.reals[i])) continue;
      // Welford's; until it settles a deviation is the sum of squares.
      const float residual = value.reals[i] - mean[real];
      mean[real] += residual / ++count[real];
      deviation[real] += residual * (value.reals[i] - mean[real]);
    }
  }
  uint32_t& settled = *reinterpret_cast<uint32_t*>(block + scales.offset(kSettled));
  if (++settled < kSettle) return false;
  for (real = 0; real < tables_.reals; ++real) {
    deviation[real] = std::sqrt(deviation[real] / std::max(count[real], 1.0F));
    // What never moved may still: leave it four times its own size, or 4.
    const float size = std::max(std::abs(mean[real]), 1.0F);
    if (!(deviation[real] > 0.0F)) deviation[real] = 4.0F * size / SampleCodec::kReach;
  }
  return false;
}

uint32_t Replay::PlaceFor(uint32_t label, Rng* rng, const Index& index) const noexcept {
  const uint64_t items = CountOf(index.items());
  if (items < spec_.items) return static_cast<uint32_t>(items);
  const uint32_t* const held = index.held;
  const uint32_t largest = *std::max_element(held, held + classes_);
  uint32_t peers = 0;
  for (uint32_t c = 0; c < classes_; ++c) {
    if (held[c] != largest) continue;
    index.full[c] = 1;
    ++peers;
  }
  if (index.full[label] != 0) {
    return rng->Below(CountOf(index.offered(label))) < held[label] ? AnyOf(label, rng, index)
                                                                   : kNowhere;
  }
  uint64_t pick = rng->Below(peers);
  uint32_t c = 0;
  while (held[c] != largest || pick-- > 0) ++c;
  return AnyOf(c, rng, index);
}

// One of a class's items, each alike. Requires: it has some.
uint32_t Replay::AnyOf(uint32_t label, Rng* rng, const Index& index) const noexcept {
  uint64_t pick = rng->Below(index.held[label]);
  uint32_t item = 0;
  while (index.classes[item] != label || pick-- > 0) ++item;
  return item;
}

void Replay::Write(const Event& event, uint32_t item, Commit* commit) noexcept {
  const BlockLayout& item_layout = layout(tables_.items);
  std::byte* const block = commit->Write({tables_.items, item});
  codec_.Encode(event.observation, Scales(),
                {block + item_layout.offset(kSample), tables_.sample_bytes});
  std::copy(event.state.begin(), event.state.end(), block + item_layout.offset(kState));
  if (logits_now_.empty()) return;
  const std::span<float> logits = FloatsOf(item_layout, kLogits, block);
  std::copy(logits_now_.begin(), logits_now_.end(), logits.begin());
}

}  // namespace gyrus
