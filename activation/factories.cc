// SPDX-License-Identifier: Apache-2.0
#include "activation/factories.h"

#include "absl/status/status.h"

namespace gyrus {

absl::StatusOr<std::unique_ptr<Encoder>> MakeEncoder(const EncoderSpec&, const ModalitySpec&,
                                                     uint64_t, PlanBuilder*) {
  return absl::UnimplementedError("no encoder of this kind yet");
}

absl::StatusOr<std::unique_ptr<Cell>> MakeCell(const AreaSpec&, uint32_t) {
  return absl::UnimplementedError("no cell of this kind yet");
}

absl::StatusOr<std::unique_ptr<Router>> MakeRouter(const AreaSpec&, uint32_t, uint64_t,
                                                   PlanBuilder*) {
  return absl::UnimplementedError("no router of this kind yet");
}

absl::StatusOr<std::unique_ptr<Expert>> MakeExpert(const ExpertSpec&, uint32_t,
                                                   const std::vector<Readable>&, PlanBuilder*) {
  return absl::UnimplementedError("no expert of this kind yet");
}

absl::StatusOr<std::unique_ptr<Head>> MakeHead(const HeadSpec&, const std::vector<Readable>&,
                                               PlanBuilder*) {
  return absl::UnimplementedError("no head of this kind yet");
}

}  // namespace gyrus
