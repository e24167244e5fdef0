// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/activity.h"
#include "activation/plan.h"
#include "core/rng.h"
#include "core/store.h"

namespace gyrus {

// Keeps an area able to learn: units that have become of no use begin anew (continual
// backpropagation; Dohare et al., "Loss of plasticity in deep continual learning", Nature 2024).
//
//   utility_j = decay utility_j + (1 - decay) |h_j| mean_i |w_out_ij|
//
// A unit that is older than `maturity` samples is mature. Each sample owes rho times the number of
// mature units; for each whole one owed, the mature unit of the least utility gets new incoming
// weights, as at the start, and outgoing weights of zero, so that what the brain says loses no more
// than what that unit added; and the age 0.
//
// All but the debt is looked at in every kEvery-th sample of a region only, and counts for as many:
// it reads the outgoing weights. Accumulators of an optimiser stay: they are a row's, and the scale
// of its gradients.
//
// A unit is a hidden unit of a GLU cell, whose outgoing weights are its region's own; or an output
// of a dense cell, whose outgoing weights are those of the areas and softmax heads that read it.
//
// Thread-compatible: the learner's. Keep is real-time safe.
class Plasticity {
 public:
  static constexpr uint32_t kEvery = 16;

  // For the area `index` of the plan, which must outlive it. Returns InvalidArgument for a number
  // out of range; for a cell that is neither; for a dense area of more than one region, or that
  // something other than trained areas of one region and softmax heads reads, or that is summed
  // with its input.
  static absl::StatusOr<std::unique_ptr<Plasticity>> Create(const Plan* plan, uint32_t index);

  // What one takes of memory, to within a few thousandths.
  static uint64_t BytesFor(const AreaPlan& plan);

  // After a step of the area was learned. Returns how many units begin anew.
  uint64_t Keep(const AreaActivity& activity, Commit* commit) noexcept;

 private:
  // Weights that read the units: columns [first, first + units) of an f32 tensor in a block.
  struct Outgoing {
    uint32_t table;
    std::size_t offset;  // Of the tensor, in the block.
    uint32_t rows;
    uint32_t columns;
    uint32_t first;
  };
  // A region's block of the area's utility table.
  struct Record {
    float* utility;      // (units,)
    uint32_t* age;       // (units,)
    float* owed;         // Units to be renewed.
    uint32_t* progress;  // Samples since the last look, units renewed.
  };

  Plasticity(const Plan* plan, uint32_t index);

  absl::Status Connect();
  absl::Status ConnectArea(const AreaPlan& reader, const AreaPlan::Source& source);
  absl::Status ConnectHead(const HeadSpec& head);
  Outgoing OutgoingOf(uint32_t table, std::size_t tensor, uint32_t first) const;
  Record RecordOf(std::byte* block) const noexcept;
  uint64_t Look(uint32_t region, std::span<const float> h, Commit* commit) noexcept;
  void Weigh(uint32_t region, const View& view) noexcept;
  void Renew(uint32_t region, uint32_t unit, uint32_t number, Commit* commit) noexcept;

  const Plan* plan_;
  const AreaPlan& area_;
  uint32_t index_;
  bool glu_;
  uint32_t units_;
  std::vector<Outgoing> outgoing_;
  std::vector<float> weight_;  // (units,) mean |w_out|.
};

}  // namespace gyrus
