// SPDX-License-Identifier: Apache-2.0
#include "devices/proc_sensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"

namespace gyrus {
namespace {

using std::chrono::seconds;
using test::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

using Readings = std::vector<std::optional<double>>;

Readings SampleAt(Nanos now, ProcSensors* sensors) {
  Readings readings(sensors->names().size());
  sensors->Sample(now, readings);
  return readings;
}

TEST(ProcSensorsTest, ReadsLevelsRatesAndShares) {
  const test::TempFiles files;
  files.Write("proc/stat", "cpu 10 0 10 80 0\nctxt 1000\nprocs_running 3\n");
  ASSERT_OK_AND_ASSIGN(ProcSensors sensors, ProcSensors::Create({.root = files.root()}));

  const Readings first = SampleAt(seconds(5), &sensors);
  files.Write("proc/stat", "cpu 60 0 20 120 0\nctxt 1500\nprocs_running 1\n");
  const Readings second = SampleAt(seconds(7), &sensors);

  EXPECT_THAT(sensors.names(), ElementsAre("cpu_user", "cpu_system", "cpu_idle", "cpu_iowait",
                                           "context_switches_per_s", "tasks_running"));
  EXPECT_THAT(first, ElementsAre(std::nullopt, std::nullopt, std::nullopt, std::nullopt,
                                 std::nullopt, Optional(3)));
  EXPECT_THAT(second, ElementsAre(Optional(0.5), Optional(0.1), Optional(0.4), Optional(0),
                                  Optional(250), Optional(1)));
}

TEST(ProcSensorsTest, FindsTemperaturesBatteriesAndClockRates) {
  const test::TempFiles files;
  files.Write("sys/class/thermal/thermal_zone0/temp", "41500\n");
  files.Write("sys/class/thermal/cooling_device0/cur_state", "1\n");
  files.Write("sys/class/power_supply/BAT0/capacity", "87\n");
  files.Write("sys/class/power_supply/AC/online", "1\n");
  files.Write("sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", "2400000\n");
  files.Write("sys/devices/system/cpu/cpufreq/boost", "1\n");
  ASSERT_OK_AND_ASSIGN(ProcSensors sensors, ProcSensors::Create({.root = files.root()}));

  EXPECT_THAT(sensors.names(),
              ElementsAre("thermal_zone0_celsius", "battery_BAT0_percent", "cpu0_mhz"));
  EXPECT_THAT(SampleAt(seconds(1), &sensors),
              ElementsAre(Optional(41.5), Optional(87), Optional(2400)));
}

TEST(ProcSensorsTest, ReportsALostSensorAsMissing) {
  const test::TempFiles files;
  const std::string battery = files.Write("sys/class/power_supply/BAT0/capacity", "87\n");
  files.Write("proc/loadavg", "1 2 3\n");
  ASSERT_OK_AND_ASSIGN(ProcSensors sensors, ProcSensors::Create({.root = files.root()}));

  std::filesystem::remove(battery);

  EXPECT_THAT(SampleAt(seconds(1), &sensors),
              ElementsAre(Optional(1), Optional(2), Optional(3), std::nullopt));
}

TEST(ProcSensorsTest, IgnoresASensorThatCameLater) {
  const test::TempFiles files;
  files.Write("proc/stat", "ctxt 1000\n");
  ASSERT_OK_AND_ASSIGN(ProcSensors sensors, ProcSensors::Create({.root = files.root()}));

  files.Write("proc/stat", "cpu7 1 2 3 4 5\nctxt 1000\nprocesses 4\n");

  EXPECT_EQ(SampleAt(seconds(1), &sensors).size(), 1U);
}

TEST(ProcSensorsTest, ReportsACounterThatWentBackAsMissing) {
  const test::TempFiles files;
  files.Write("proc/stat", "ctxt 1000\n");
  ASSERT_OK_AND_ASSIGN(ProcSensors sensors, ProcSensors::Create({.root = files.root()}));
  SampleAt(seconds(1), &sensors);

  files.Write("proc/stat", "ctxt 10\n");
  EXPECT_THAT(SampleAt(seconds(2), &sensors), ElementsAre(std::nullopt));

  files.Write("proc/stat", "ctxt 30\n");
  EXPECT_THAT(SampleAt(seconds(3), &sensors), ElementsAre(Optional(20)));
  EXPECT_THAT(SampleAt(seconds(3), &sensors), ElementsAre(std::nullopt)) << "no time has passed";
}

TEST(ProcSensorsTest, RefusesAFolderWithoutSensors) {
  const test::TempFiles files;

  EXPECT_THAT(
      ProcSensors::Create({.root = files.root()}),
      StatusIs(absl::StatusCode::kNotFound, absl::StrCat("no sensor found under \"", files.root(),
                                                         "\", expected proc and sys there")));
}

}  // namespace
}  // namespace gyrus
