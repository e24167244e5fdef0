// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>

namespace gyrus {

// What the learning of one stream has come to, for whoever watches. It stays with the stream when
// its learner changes.
//
// One writer, whoever learns; any number of readers, which may see one count before another.
// Real-time safe.
struct LearningMeter {
  static constexpr double kRecent = 1000;  // Losses that the running mean weighs.

  std::atomic<uint64_t> learned = 0;     // Events with a label,
  std::atomic<uint64_t> unlabelled = 0;  // and those that got none in time.
  std::atomic<uint64_t> refused = 0;     // Losses that were not finite.
  std::atomic<double> loss_sum = 0;      // Of the others: learned - refused.
  std::atomic<double> loss = 0;          // Their running mean.
  // Stored samples learned again, and their losses just before that: how much of what was seen is
  // known still. Only of gradient-trained first heads; others learn no sample twice.
  std::atomic<uint64_t> replayed = 0;
  std::atomic<double> replayed_loss_sum = 0;
  std::atomic<uint64_t> drifts = 0;   // Times that the loss was found to have risen.
  std::atomic<uint64_t> renewed = 0;  // Units that began anew.

  // An event with a label.
  void Learned(double of_event) noexcept {
    Add(&learned, uint64_t{1});
    if (!std::isfinite(of_event)) return Add(&refused, uint64_t{1});
    Add(&loss_sum, of_event);
    const auto count = static_cast<double>(learned.load(std::memory_order_relaxed));
    const double before = loss.load(std::memory_order_relaxed);
    loss.store(before + (of_event - before) / std::min(count, kRecent), std::memory_order_relaxed);
  }

  void Replayed(double of_sample) noexcept {
    if (!std::isfinite(of_sample)) return;
    Add(&replayed, uint64_t{1});
    Add(&replayed_loss_sum, of_sample);
  }

  // relaxed: each is complete in itself, and the one writer needs no locked instruction.
  template <typename T>
  static void Add(std::atomic<T>* count, T amount) noexcept {
    count->store(count->load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
};

}  // namespace gyrus
