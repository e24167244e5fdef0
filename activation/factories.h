// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/cell.h"
#include "activation/encoder.h"
#include "activation/expert.h"
#include "activation/head.h"
#include "activation/plan_builder.h"
#include "activation/router.h"

namespace gyrus {

// The one list of every kind of component: a new kind adds a spec in brain_spec.h and a line in
// the function here that makes it. Each returns InvalidArgument naming the field, its value and
// the limit. Start-up only.

// What a head may read: shapes of encoders and areas by name.
struct Readable {
  std::string name;
  bool is_area = false;
  uint32_t index = 0;           // Among the encoders or the areas.
  uint32_t outputs = 0;         // Length of its vector; 0: none.
  uint32_t regions = 0;         // Of an area.
  uint32_t woken = 0;           // Of an area.
  EncodingShape encoding = {};  // Of an encoder.
};

// Returns InvalidArgument if nothing readable has this name.
absl::StatusOr<const Readable*> FindReadable(const std::vector<Readable>& readables,
                                             absl::string_view name);

absl::StatusOr<std::unique_ptr<Encoder>> MakeEncoder(const EncoderSpec& spec,
                                                     const ModalitySpec& modality, uint64_t seed,
                                                     PlanBuilder* builder);

absl::StatusOr<std::unique_ptr<Cell>> MakeCell(const AreaSpec& spec, uint32_t inputs);

absl::StatusOr<std::unique_ptr<Router>> MakeRouter(const AreaSpec& spec, uint32_t inputs,
                                                   uint64_t seed, PlanBuilder* builder);

absl::StatusOr<std::unique_ptr<Expert>> MakeExpert(const ExpertSpec& spec, uint32_t classes,
                                                   const std::vector<Readable>& readables,
                                                   PlanBuilder* builder);

absl::StatusOr<std::unique_ptr<Head>> MakeHead(const HeadSpec& spec,
                                               const std::vector<Readable>& readables,
                                               PlanBuilder* builder);

}  // namespace gyrus
