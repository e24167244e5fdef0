// SPDX-License-Identifier: Apache-2.0
#include "devices/proc_text.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <optional>
#include <span>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gyrus {
namespace {

using Quantity = ProcNumber::Quantity;
using Words = std::vector<absl::string_view>;

constexpr double kBytesPerSector = 512;  // Of diskstats, whatever the disk's own sector is.
constexpr double kKibPerMib = 1024;
constexpr double kMaxNumber = 1.8446744073709552e19;  // 2^64: the kernel counts in 64 bits.
constexpr int kMaxCores = 64;
constexpr size_t kCpuFields = 8;  // Not guest and guest_nice: they are part of user and nice.

// Also refuses infinities and NaN.
std::optional<double> Number(absl::string_view word) {
  double value = 0;
  if (!absl::SimpleAtod(word, &value) || !(value >= 0 && value <= kMaxNumber)) return std::nullopt;
  return value;
}

std::optional<double> Number(const Words& words, size_t at) {
  return at < words.size() ? Number(words[at]) : std::nullopt;
}

void Emit(absl::string_view name, Quantity quantity, std::optional<double> value, ProcSink sink) {
  if (value.has_value()) sink({.name = name, .quantity = quantity, .value = *value});
}

// Calls `visit` with the words of each line that has any.
void ForEachLine(absl::string_view text, absl::FunctionRef<void(const Words&)> visit) {
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const Words words = absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (!words.empty()) visit(words);
  }
}

struct Key {
  absl::string_view key;
  absl::string_view name;
};

// Lines "key value ...", each emitted under its own name.
void EmitKeys(absl::string_view text, std::span<const Key> keys, Quantity quantity, ProcSink sink) {
  ForEachLine(text, [&](const Words& words) {
    for (const Key& key : keys) {
      if (words[0] == key.key) Emit(key.name, quantity, Number(words, 1), sink);
    }
  });
}

// "cpu0 user nice system idle iowait irq softirq steal guest guest_nice", in ticks.
void EmitCpu(const Words& words, ProcSink sink) {
  int core = 0;
  if (absl::SimpleAtoi(words[0].substr(3), &core) && core >= kMaxCores) return;
  double ticks[kCpuFields] = {};
  double whole = 0;
  for (size_t i = 0; i < kCpuFields; ++i) {
    const std::optional<double> number = Number(words, i + 1);
    if (!number.has_value() && i < 4) return;  // Older kernels have only the first four.
    ticks[i] = number.value_or(0);
    whole += ticks[i];
  }
  const struct {
    absl::string_view name;
    double ticks;
  } shares[] = {{"_user", ticks[0] + ticks[1]},  // Niced or not: the load is the same.
                {"_system", ticks[2]},
                {"_idle", ticks[3]},
                {"_iowait", ticks[4]}};
  for (const auto& share : shares) {
    sink({.name = absl::StrCat(words[0], share.name),
          .quantity = Quantity::kShare,
          .value = share.ticks,
          .whole = whole});
  }
}

// Whether `name` is a partition of `disk`: sda1 of sda, nvme0n1p1 of nvme0n1.
bool IsPartition(absl::string_view name, absl::string_view disk) {
  if (disk.empty() || !absl::ConsumePrefix(&name, disk)) return false;
  if (absl::ascii_isdigit(static_cast<unsigned char>(disk.back())) &&
      !absl::ConsumePrefix(&name, "p")) {
    return false;
  }
  return !name.empty() && absl::ascii_isdigit(static_cast<unsigned char>(name[0]));
}

// Devices that only pass on what other devices do, or live in memory.
bool IsVirtualDisk(absl::string_view name) {
  for (const absl::string_view prefix : {"loop", "ram", "zram", "dm-", "md", "sr", "fd"}) {
    if (absl::StartsWith(name, prefix)) return true;
  }
  return false;
}

}  // namespace

void ParseProcStat(absl::string_view text, ProcSink sink) {
  constexpr Key kCounters[] = {{"ctxt", "context_switches_per_s"},
                               {"intr", "interrupts_per_s"},
                               {"processes", "forks_per_s"}};
  constexpr Key kLevels[] = {{"procs_running", "tasks_running"},
                             {"procs_blocked", "tasks_blocked"}};
  ForEachLine(text, [&](const Words& words) {
    if (absl::StartsWith(words[0], "cpu")) EmitCpu(words, sink);
  });
  EmitKeys(text, kCounters, Quantity::kRate, sink);
  EmitKeys(text, kLevels, Quantity::kLevel, sink);
}

void ParseProcLoadavg(absl::string_view text, ProcSink sink) {
  const Words words = absl::StrSplit(text, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  Emit("load_1min", Quantity::kLevel, Number(words, 0), sink);
  Emit("load_5min", Quantity::kLevel, Number(words, 1), sink);
  Emit("load_15min", Quantity::kLevel, Number(words, 2), sink);
}

void ParseProcMeminfo(absl::string_view text, ProcSink sink) {
  std::optional<double> total, free, available, cached, swap_total, swap_free;
  const struct {
    absl::string_view key;
    std::optional<double>* value;
  } kKeys[] = {{"MemTotal:", &total}, {"MemFree:", &free},         {"MemAvailable:", &available},
               {"Cached:", &cached},  {"SwapTotal:", &swap_total}, {"SwapFree:", &swap_free}};
  ForEachLine(text, [&](const Words& words) {
    for (const auto& key : kKeys) {
      if (words[0] == key.key) *key.value = Number(words, 1);
    }
  });
  const auto mib = [](std::optional<double> whole, std::optional<double> rest) {
    if (!whole.has_value() || !rest.has_value() || *whole < *rest) return std::optional<double>();
    return std::optional<double>((*whole - *rest) / kKibPerMib);
  };
  Emit("memory_used_mib", Quantity::kLevel, mib(total, available), sink);
  Emit("memory_free_mib", Quantity::kLevel, mib(free, 0), sink);
  Emit("memory_cached_mib", Quantity::kLevel, mib(cached, 0), sink);
  // A machine without swap has nothing to say about it.
  if (swap_total.value_or(0) > 0) {
    Emit("swap_used_mib", Quantity::kLevel, mib(swap_total, swap_free), sink);
  }
}

void ParseProcVmstat(absl::string_view text, ProcSink sink) {
  constexpr Key kCounters[] = {{"pgfault", "page_faults_per_s"},
                               {"pgmajfault", "major_page_faults_per_s"},
                               {"pswpin", "swap_in_pages_per_s"},
                               {"pswpout", "swap_out_pages_per_s"}};
  EmitKeys(text, kCounters, Quantity::kRate, sink);
}

void ParseProcNetDev(absl::string_view text, ProcSink sink) {
  // "eth0: bytes packets errs drop fifo frame compressed multicast bytes packets ..."
  constexpr struct {
    size_t at;
    absl::string_view name;
  } kCounters[] = {{0, "net_received_bytes_per_s"},
                   {1, "net_received_packets_per_s"},
                   {8, "net_sent_bytes_per_s"},
                   {9, "net_sent_packets_per_s"}};
  double sums[std::size(kCounters)] = {};
  bool any = false;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t colon = line.find(':');
    if (colon == absl::string_view::npos) continue;  // The two lines of headings.
    if (absl::StripAsciiWhitespace(line.substr(0, colon)) == "lo") continue;
    const Words words = absl::StrSplit(line.substr(colon + 1), ' ', absl::SkipEmpty());
    if (words.size() < 10) continue;
    for (size_t i = 0; i < std::size(sums); ++i) {
      sums[i] += Number(words, kCounters[i].at).value_or(0);
    }
    any = true;
  }
  for (size_t i = 0; any && i < std::size(sums); ++i) {
    Emit(kCounters[i].name, Quantity::kRate, sums[i], sink);
  }
}

void ParseProcDiskstats(absl::string_view text, ProcSink sink) {
  // "major minor name reads merged sectors_read ms writes merged sectors_written ..."
  std::optional<double> reads, read_bytes, writes, written_bytes;
  absl::string_view disk;
  ForEachLine(text, [&](const Words& words) {
    if (words.size() < 10 || IsVirtualDisk(words[2]) || IsPartition(words[2], disk)) return;
    disk = words[2];
    reads = reads.value_or(0) + Number(words, 3).value_or(0);
    read_bytes = read_bytes.value_or(0) + kBytesPerSector * Number(words, 5).value_or(0);
    writes = writes.value_or(0) + Number(words, 7).value_or(0);
    written_bytes = written_bytes.value_or(0) + kBytesPerSector * Number(words, 9).value_or(0);
  });
  Emit("disk_reads_per_s", Quantity::kRate, reads, sink);
  Emit("disk_read_bytes_per_s", Quantity::kRate, read_bytes, sink);
  Emit("disk_writes_per_s", Quantity::kRate, writes, sink);
  Emit("disk_written_bytes_per_s", Quantity::kRate, written_bytes, sink);
}

void ParseProcPressure(absl::string_view resource, absl::string_view text, ProcSink sink) {
  // "some avg10=0.12 avg60=0.05 avg300=0.01 total=123"
  ForEachLine(text, [&](const Words& words) {
    if (words[0] != "some" || words.size() < 2) return;
    absl::string_view average = words[1];
    if (!absl::ConsumePrefix(&average, "avg10=")) return;
    Emit(absl::StrCat("pressure_", resource, "_percent"), Quantity::kLevel, Number(average), sink);
  });
}

void ParseSysNumber(absl::string_view name, double per_unit, absl::string_view text,
                    ProcSink sink) {
  double value = 0;  // May be negative: a temperature.
  if (!absl::SimpleAtod(absl::StripAsciiWhitespace(text), &value) ||
      !(std::abs(value) <= kMaxNumber)) {
    return;
  }
  Emit(name, Quantity::kLevel, value / per_unit, sink);
}

}  // namespace gyrus
