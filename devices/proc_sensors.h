// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/clock.h"
#include "devices/proc_text.h"

namespace gyrus {

// This machine's own sensors, as Linux shows them in /proc and /sys: shares of processor time,
// load, context switches, interrupts, forks, memory, page faults, swap, network, disks, stalls,
// temperatures, batteries and clock rates.
//
// What the machine does not have when the object is made is not among the sensors (virtual
// machines have neither temperatures nor batteries); what it loses later is missing.
//
//   GYRUS_ASSIGN_OR_RETURN(ProcSensors sensors, ProcSensors::Create({}));
//   std::vector<std::optional<double>> readings(sensors.names().size());
//   sensors.Sample(clock.Now(), readings);
//
// Movable. Thread-compatible. Not real-time safe: a sample opens about ten files (0.1 to 0.3 ms).
class ProcSensors {
 public:
  struct Options {
    std::string root = "/";  // The folder that holds proc and sys.
  };

  // Returns NotFound if there is no sensor at all.
  static absl::StatusOr<ProcSensors> Create(const Options& options);

  // Units are in the names. Unique; the same on every machine that has the sensor.
  const std::vector<std::string>& names() const { return names_; }

  // Reads all sensors into `readings`, in the order of names(); nullopt is missing. Rates and
  // shares are over the time since the last sample, so that they are missing in the first.
  // Finite where present.
  // Requires: readings.size() == names().size(); `now` never decreases.
  void Sample(Nanos now, std::span<std::optional<double>> readings);

 private:
  struct File {
    std::string path;
    std::function<void(absl::string_view, ProcSink)> parse;
  };
  struct Count {
    double value = 0;
    double whole = 0;  // ProcNumber::whole
  };
  struct Sensor {
    ProcNumber::Quantity quantity = ProcNumber::Quantity::kLevel;
    std::optional<Count> now = std::nullopt;
    std::optional<Count> last = std::nullopt;
  };

  explicit ProcSensors(const Options& options);

  void AddSysFiles(const std::string& root);
  static std::optional<double> Reading(const Sensor& sensor, double seconds);

  std::vector<File> files_;
  std::vector<std::string> names_;
  std::vector<Sensor> sensors_;  // Shape (names().size(),)
  absl::flat_hash_map<std::string, size_t> index_;
  std::optional<Nanos> last_sample_;
  std::string buffer_;
};

}  // namespace gyrus
