// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/clock.h"
#include "devices/proc_sensors.h"
#include "tools/inputs/record.h"

namespace gyrus {

// This machine's own live sensors as an endless table of real columns: one record per period.
// Record::time_ns is the clock's.
//
// Records keep to a grid of periods from the first on; where the consumer was late, the records
// it missed are left out rather than made up, and the rates of the next cover the whole gap.
//
// Thread-compatible.
class ProcInput final : public Input {
 public:
  struct Options {
    std::string root = "/";                   // ProcSensors::Options
    Nanos period = std::chrono::seconds(1);   // In [1 ms, 1 h].
    const std::atomic<bool>* stop = nullptr;  // InputOptions::stop
    // Waits for that time, or less; null sleeps. Tests advance their clock instead.
    std::function<void(Nanos)> wait = nullptr;
  };

  // `clock` must outlive the input.
  // Returns InvalidArgument for a period out of its range, NotFound if there are no sensors.
  static absl::StatusOr<std::unique_ptr<ProcInput>> Create(const Clock& clock,
                                                           const Options& options);

  const Schema& schema() const override { return schema_; }

  // Waits until the next sample is due. Returns false within 0.1 s of being asked to stop.
  absl::StatusOr<bool> Next(Record* record) override;

 private:
  ProcInput(const Clock& clock, const Options& options, ProcSensors sensors);

  const Clock& clock_;
  const Options options_;
  ProcSensors sensors_;
  Schema schema_{.kind = Schema::Kind::kTable};
  Nanos due_;
  std::vector<std::optional<double>> readings_;
};

}  // namespace gyrus
