// SPDX-License-Identifier: Apache-2.0
#include "devices/proc_sensors.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/check.h"

namespace gyrus {
namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;
constexpr size_t kMaxEntries = 64;  // Of one kind under /sys.

// The first kMaxFileBytes of a file; empty if there is none.
void ReadFile(const std::string& path, std::string* text) {
  text->clear();
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return;
  text->resize(kMaxFileBytes);
  size_t size = 0;
  while (size < text->size()) {
    const ssize_t got = read(descriptor, text->data() + size, text->size() - size);
    if (got <= 0) break;  // A sensor that fails is a missing sensor.
    size += static_cast<size_t>(got);
  }
  close(descriptor);
  text->resize(size);
}

// The names in a folder that start with `prefix`, sorted; none if there is no such folder.
std::vector<std::string> Entries(const std::string& folder, absl::string_view prefix) {
  std::vector<std::string> names;
  std::error_code failure;
  std::filesystem::directory_iterator entry(folder, failure);
  for (; !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
    std::string name = entry->path().filename().string();
    if (absl::StartsWith(name, prefix)) names.push_back(std::move(name));
  }
  std::sort(names.begin(), names.end());
  if (names.size() > kMaxEntries) names.resize(kMaxEntries);
  return names;
}

}  // namespace

ProcSensors::ProcSensors(const Options& options) {
  const std::string proc = options.root + "/proc/";
  files_ = {{proc + "stat", ParseProcStat},       {proc + "loadavg", ParseProcLoadavg},
            {proc + "meminfo", ParseProcMeminfo}, {proc + "vmstat", ParseProcVmstat},
            {proc + "net/dev", ParseProcNetDev},  {proc + "diskstats", ParseProcDiskstats}};
  for (const std::string resource : {"cpu", "memory", "io"}) {
    files_.push_back({absl::StrCat(proc, "pressure/", resource),
                      [resource](absl::string_view text, ProcSink sink) {
                        ParseProcPressure(resource, text, sink);
                      }});
  }
  AddSysFiles(options.root);
}

void ProcSensors::AddSysFiles(const std::string& root) {
  const struct {
    std::string folder;
    absl::string_view prefix;       // Of the entries of the folder.
    absl::string_view file;         // In each entry.
    absl::string_view name_prefix;  // The sensor is name_prefix + entry + name_suffix.
    absl::string_view name_suffix;
    double per_unit;
  } kinds[] = {
      {"/sys/class/thermal/", "thermal_zone", "temp", "", "_celsius", 1000},
      {"/sys/class/power_supply/", "", "capacity", "battery_", "_percent", 1},
      {"/sys/devices/system/cpu/", "cpu", "cpufreq/scaling_cur_freq", "", "_mhz", 1000},
  };
  for (const auto& kind : kinds) {
    const std::string folder = root + kind.folder;
    for (const std::string& entry : Entries(folder, kind.prefix)) {
      const std::string name = absl::StrCat(kind.name_prefix, entry, kind.name_suffix);
      const double per_unit = kind.per_unit;
      files_.push_back({absl::StrCat(folder, entry, "/", kind.file),
                        [name, per_unit](absl::string_view text, ProcSink sink) {
                          ParseSysNumber(name, per_unit, text, sink);
                        }});
    }
  }
}

absl::StatusOr<ProcSensors> ProcSensors::Create(const Options& options) {
  ProcSensors sensors(options);
  std::vector<File> present;
  for (File& file : sensors.files_) {
    const size_t before = sensors.names_.size();
    ReadFile(file.path, &sensors.buffer_);
    file.parse(sensors.buffer_, [&](const ProcNumber& number) {
      if (!sensors.index_.emplace(number.name, sensors.names_.size()).second) return;
      sensors.names_.emplace_back(number.name);
      sensors.sensors_.push_back({.quantity = number.quantity});
    });
    if (sensors.names_.size() > before) present.push_back(std::move(file));
  }
  sensors.files_ = std::move(present);
  if (sensors.names_.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no sensor found under \"", options.root, "\", expected proc and sys there"));
  }
  return sensors;
}

void ProcSensors::Sample(Nanos now, std::span<std::optional<double>> readings) {
  GYRUS_CHECK(readings.size() == sensors_.size());
  for (Sensor& sensor : sensors_) sensor.last = std::exchange(sensor.now, std::nullopt);
  for (const File& file : files_) {
    ReadFile(file.path, &buffer_);
    file.parse(buffer_, [&](const ProcNumber& number) {
      const auto found = index_.find(number.name);
      if (found == index_.end()) return;  // A core or a disk that has come since.
      sensors_[found->second].now = Count{.value = number.value, .whole = number.whole};
    });
  }
  const double seconds =
      last_sample_.has_value() ? std::chrono::duration<double>(now - *last_sample_).count() : 0;
  for (size_t i = 0; i < sensors_.size(); ++i) readings[i] = Reading(sensors_[i], seconds);
  last_sample_ = now;
}

std::optional<double> ProcSensors::Reading(const Sensor& sensor, double seconds) {
  if (!sensor.now.has_value()) return std::nullopt;
  if (sensor.quantity == ProcNumber::Quantity::kLevel) return sensor.now->value;
  if (!sensor.last.has_value()) return std::nullopt;
  const double growth = sensor.now->value - sensor.last->value;
  const double span = sensor.quantity == ProcNumber::Quantity::kRate
                          ? seconds
                          : sensor.now->whole - sensor.last->whole;
  // A counter goes backwards when it wraps, or when a core or an interface went away.
  if (growth < 0 || !(span > 0)) return std::nullopt;
  const double reading = growth / span;
  return std::isfinite(reading) ? std::optional<double>(reading) : std::nullopt;
}

}  // namespace gyrus
