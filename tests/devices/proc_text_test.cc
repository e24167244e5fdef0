// SPDX-License-Identifier: Apache-2.0
#include "devices/proc_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

namespace gyrus {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// What a parser emits, by name.
std::map<std::string, double> Parse(void (*parser)(absl::string_view, ProcSink),
                                    absl::string_view text) {
  std::map<std::string, double> numbers;
  parser(text, [&](const ProcNumber& number) { numbers[std::string(number.name)] = number.value; });
  return numbers;
}

TEST(ProcTextTest, ReadsProcessorTimePerCoreWithoutCountingGuestsTwice) {
  std::map<std::string, double> wholes;
  ParseProcStat("cpu3 10 1 20 60 5 1 2 1 9 0\n", [&](const ProcNumber& number) {
    EXPECT_EQ(number.quantity, ProcNumber::Quantity::kShare);
    wholes[std::string(number.name)] = number.whole;
  });

  EXPECT_THAT(Parse(ParseProcStat, "cpu3 10 1 20 60 5 1 2 1 9 0\n"),
              ElementsAre(Pair("cpu3_idle", 60), Pair("cpu3_iowait", 5), Pair("cpu3_system", 20),
                          Pair("cpu3_user", 11)));
  EXPECT_EQ(wholes["cpu3_user"], 100);
}

TEST(ProcTextTest, ReadsCountersOfTheKernel) {
  EXPECT_THAT(
      Parse(ParseProcStat,
            "intr 7 0 1 2\nctxt 9\nbtime 1\nprocesses 4\nprocs_running 2\nprocs_blocked 0\n"),
      ElementsAre(Pair("context_switches_per_s", 9), Pair("forks_per_s", 4),
                  Pair("interrupts_per_s", 7), Pair("tasks_blocked", 0), Pair("tasks_running", 2)));
  EXPECT_THAT(Parse(ParseProcVmstat, "pgfault 3\npgmajfault 1\nnr_free_pages 5\n"),
              ElementsAre(Pair("major_page_faults_per_s", 1), Pair("page_faults_per_s", 3)));
}

TEST(ProcTextTest, ReadsLoadAndPressure) {
  EXPECT_THAT(Parse(ParseProcLoadavg, "0.50 1.25 2.00 1/234 5678\n"),
              ElementsAre(Pair("load_15min", 2), Pair("load_1min", 0.5), Pair("load_5min", 1.25)));

  std::map<std::string, double> numbers;
  ParseProcPressure(
      "io",
      "some avg10=1.50 avg60=0.00 avg300=0.00 total=9\n"
      "full avg10=7.00 avg60=0.00 avg300=0.00 total=1\n",
      [&](const ProcNumber& number) { numbers[std::string(number.name)] = number.value; });
  EXPECT_THAT(numbers, ElementsAre(Pair("pressure_io_percent", 1.5)));
}

TEST(ProcTextTest, ReadsMemoryInMib) {
  EXPECT_THAT(Parse(ParseProcMeminfo,
                    "MemTotal: 4096 kB\nMemFree: 1024 kB\nMemAvailable: 2048 kB\n"
                    "Cached: 512 kB\nSwapTotal: 2048 kB\nSwapFree: 1024 kB\n"),
              ElementsAre(Pair("memory_cached_mib", 0.5), Pair("memory_free_mib", 1),
                          Pair("memory_used_mib", 2), Pair("swap_used_mib", 1)));
  EXPECT_THAT(Parse(ParseProcMeminfo, "MemFree: 1024 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n"),
              ElementsAre(Pair("memory_free_mib", 1)));
}

TEST(ProcTextTest, SumsNetworkInterfacesWithoutLoopback) {
  EXPECT_THAT(
      Parse(ParseProcNetDev,
            "Inter-|   Receive  |  Transmit\n face |bytes packets errs|bytes packets\n"
            "    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n"
            "  eth0:100 2 0 0 0 0 0 0 30 4 0 0 0 0 0 0\n"
            " wlan0: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"),
      ElementsAre(Pair("net_received_bytes_per_s", 101), Pair("net_received_packets_per_s", 3),
                  Pair("net_sent_bytes_per_s", 31), Pair("net_sent_packets_per_s", 5)));
}

TEST(ProcTextTest, SumsWholeDisksOnly) {
  EXPECT_THAT(
      Parse(ParseProcDiskstats,
            "7 0 loop0 9 0 9 0 9 0 9 0 0 0 0\n"
            "8 0 sda 1 0 2 0 3 0 4 0 0 0 0\n"
            "8 1 sda1 9 0 9 0 9 0 9 0 0 0 0\n"
            "8 2 sdaa 1 0 2 0 3 0 4 0 0 0 0\n"
            "259 0 nvme0n1 10 0 20 0 30 0 40 0 0 0 0\n"
            "259 1 nvme0n1p1 9 0 9 0 9 0 9 0 0 0 0\n"
            "259 2 nvme0n10 100 0 200 0 300 0 400 0 0 0 0\n"),
      ElementsAre(Pair("disk_read_bytes_per_s", 224 * 512), Pair("disk_reads_per_s", 112),
                  Pair("disk_writes_per_s", 336), Pair("disk_written_bytes_per_s", 448 * 512)));
}

TEST(ProcTextTest, ReadsOneNumberOfSys) {
  double celsius = 0;
  ParseSysNumber("t", 1000, "-4500\n", [&](const ProcNumber& number) { celsius = number.value; });

  EXPECT_EQ(celsius, -4.5);
}

TEST(ProcTextTest, LeavesOutWhatItCannotRead) {
  void (*const parsers[])(absl::string_view, ProcSink) = {ParseProcStat,    ParseProcLoadavg,
                                                          ParseProcMeminfo, ParseProcVmstat,
                                                          ParseProcNetDev,  ParseProcDiskstats};
  for (const auto parser : parsers) {
    for (const absl::string_view text :
         {"", "\n\n", "cpu", "cpu0 x x x\n", "ctxt -5\n", "ctxt inf\n", "nan nan nan\n",
          "MemTotal:\n", "pgfault 1e99\n"}) {
      EXPECT_THAT(Parse(parser, text), IsEmpty()) << text;
    }
  }
  ParseSysNumber("t", 1, "inf", [](const ProcNumber&) { ADD_FAILURE(); });
  ParseSysNumber("t", 1, "", [](const ProcNumber&) { ADD_FAILURE(); });
  ParseProcPressure("io", "some avg60=1\nsome\n", [](const ProcNumber&) { ADD_FAILURE(); });
}

}  // namespace
}  // namespace gyrus
