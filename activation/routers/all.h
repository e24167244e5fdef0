// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "activation/brain_spec.h"
#include "activation/router.h"

namespace gyrus {

// Wakes every region, each with gate 1 / regions: a dense area. Learns nothing.
class AllRouter final : public Router {
 public:
  // Returns InvalidArgument unless the area wakes all its regions.
  static absl::StatusOr<std::unique_ptr<Router>> Create(const AreaSpec& area);

  std::size_t Route(const View& view, std::span<const float> x,
                    std::span<Woken> woken) const noexcept GYRUS_NONBLOCKING override;
  void Learn(std::span<const float>, std::span<const Woken>, std::span<const float>,
             Commit*) const noexcept override {}

 private:
  AllRouter() = default;
};

}  // namespace gyrus
