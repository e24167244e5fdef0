// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/activity.h"
#include "activation/brain_spec.h"
#include "activation/cell.h"
#include "activation/encoder.h"
#include "activation/factories.h"
#include "activation/head.h"
#include "activation/observation.h"
#include "activation/plan_builder.h"
#include "activation/replay_tables.h"
#include "activation/router.h"
#include "core/store.h"
#include "core/workspace.h"

namespace gyrus {

// An area as compiled: where its input comes from, its router, its cell, its blocks and state.
struct AreaPlan {
  struct Source {
    bool is_area = false;
    uint32_t index = 0;   // Of the encoder or area.
    uint32_t offset = 0;  // Where in the area's input it begins (0 for sums).
  };
  AreaSpec spec;
  std::vector<Source> sources = {};
  uint32_t inputs = 0;
  std::optional<uint32_t> route_by = {};  // The encoder that the router reads; none: the input.
  uint32_t routes = 0;                    // Length of what it reads.
  std::unique_ptr<Router> router = nullptr;
  std::unique_ptr<Cell> cell = nullptr;
  uint32_t weights_table = 0;
  uint32_t accumulators_table = 0;  // Of cells that learn by RMSprop.
  uint32_t importance_table = 0;    // Of cells held by importance.
  uint32_t utility_table = 0;       // Of cells whose units are renewed.
  std::size_t state_offset = 0;     // Of (regions, state_floats) floats.
  // Where states decay asleep: of the step's number and, by region, that of its last waking.
  std::optional<std::size_t> clock_offset = {};
};

// A brain compiled: pure components in the order in which they run. It holds no parameters (the
// store does) and no state (the session does), so that one plan serves all sessions.
//
// Thread-safe: immutable.
class Plan {
 public:
  // Whether an activity carries what only the learner needs: tapes and gradients.
  enum class For : uint8_t { kInference, kLearning };

  // Returns InvalidArgument, with the path of the field, its value and the limit, for anything
  // wrong with the spec.
  static absl::StatusOr<std::unique_ptr<const Plan>> Create(const BrainSpec& spec);

  // What of it can be said of a brain whose sizes its first input has yet to bind: names, and
  // numbers that no input changes.
  static absl::Status CheckUnbound(const BrainSpec& spec);

  const BrainSpec& spec() const { return spec_; }

  // A store for this brain with every block as it starts, with `spares_for` learning steps'
  // copies in every table (at least 1), and those that the guard's hold may keep.
  absl::StatusOr<std::unique_ptr<Store>> MakeStore(const Store::Options& options,
                                                   uint32_t spares_for) const;

  // Versions beyond one per block of one of tables() in that store.
  uint32_t Spares(const PlanBuilder::Table& table, uint32_t spares_for) const;

  // The most blocks of each table that one learning step may write: for Commit::TryBegin.
  std::span<const uint32_t> writes_per_step() const { return writes_per_step_; }

  // The same of a learning step in a user's fork, which keeps blocks of tables that are personal
  // (PlanBuilder): 0 for all others.
  // For ForkShape::Create.
  std::span<const uint32_t> fork_writes_per_step() const { return fork_writes_per_step_; }

  // Bytes of a session's state: all zero at the start, copied and saved as they are.
  std::size_t state_bytes() const { return builder_.state_bytes(); }

  // An activity with its memory taken from `memory`, which must outlive it and have
  // activity_bytes() to spare.
  Activity MakeActivity(For purpose, Workspace* memory) const;
  std::size_t activity_bytes(For purpose) const;

  // Checks an observation against the modalities. Returns InvalidArgument for a symbol out of
  // range, a wrong size, an infinite value.
  absl::Status Check(const Observation& observation) const;

  // Checks a target against the first head. Returns InvalidArgument for a class out of range, a
  // wrong size, a value that is not finite.
  absl::Status Check(const Target& target) const;

  // One step forward: encoders, areas, heads' Begin. Advances context.state; writes
  // *context.activity. Requires: Check has passed. Real-time safe.
  void Forward(const StepContext& context,
               const Observation& observation) const noexcept GYRUS_NONBLOCKING;

  // What encoders learn from the input alone, and routers of areas that route but sleep, for a
  // step that Forward has run.
  void LearnInputs(const StepContext& context, const Observation& observation,
                   Commit* commit) const noexcept;

  const std::vector<std::unique_ptr<Encoder>>& encoders() const { return encoders_; }
  const std::vector<AreaPlan>& areas() const { return areas_; }
  const std::vector<std::unique_ptr<Head>>& heads() const { return heads_; }
  const std::vector<PlanBuilder::Table>& tables() const { return builder_.tables(); }

  // Where stored samples are; none without replay.
  const std::optional<ReplayTables>& replay() const { return replay_; }

 private:
  explicit Plan(const BrainSpec& spec) : spec_(spec) {}

  absl::Status Compile();
  void FindPersonalTables();
  absl::Status CompileArea(const AreaSpec& spec);
  absl::Status AddMemory(AreaPlan* area);
  absl::Status AddLearnerTables(AreaPlan* area);
  absl::Status CompileRouter(AreaPlan* area);
  std::size_t LayOut(For purpose, Workspace* memory, Activity* activity) const;
  void ForwardArea(const StepContext& context, std::size_t index) const noexcept;
  static void Wake(const AreaPlan& plan, std::byte* session, Woken* woken) noexcept;
  static bool GatherInput(const AreaPlan& plan, const Activity& activity,
                          std::span<float> input) noexcept;

  BrainSpec spec_;
  PlanBuilder builder_;
  std::vector<std::unique_ptr<Encoder>> encoders_;
  std::vector<uint32_t> encoder_modalities_;
  std::vector<Readable> readables_;
  std::vector<AreaPlan> areas_;
  std::vector<std::unique_ptr<Head>> heads_;
  std::optional<ReplayTables> replay_;
  std::vector<uint32_t> writes_per_step_;
  std::vector<uint32_t> fork_writes_per_step_;
};

}  // namespace gyrus
