// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace gyrus {

// One number that the kernel reports, before it becomes a sensor's reading.
struct ProcNumber {
  enum class Quantity {
    kLevel,  // Read as it is.
    kRate,   // A counter: its growth per second is what is read.
    kShare,  // A counter: its growth as a part of the growth of `whole` is what is read.
  };

  absl::string_view name;
  Quantity quantity = Quantity::kLevel;
  double value = 0;
  double whole = 0;  // kShare
};

using ProcSink = absl::FunctionRef<void(const ProcNumber&)>;

// Parsers of the files of that name under /proc (proc(5)). Each hands every number it knows to
// `sink`, always in the same order. What is absent, malformed, negative or not finite is left
// out; nothing is an error, as the files differ between kernels. Names live until `sink` returns.
//
// Cores beyond the first 64 are left out. Units are in the names: cpu0_user (a share in [0, 1]),
// net_received_bytes_per_s. Thread-safe.
void ParseProcStat(absl::string_view text, ProcSink sink);
void ParseProcLoadavg(absl::string_view text, ProcSink sink);
void ParseProcMeminfo(absl::string_view text, ProcSink sink);
void ParseProcVmstat(absl::string_view text, ProcSink sink);
void ParseProcNetDev(absl::string_view text, ProcSink sink);     // The sum, without loopback
void ParseProcDiskstats(absl::string_view text, ProcSink sink);  // The sum over whole disks

// The file /proc/pressure/`resource`; gives pressure_<resource>_percent, averaged over 10 s.
void ParseProcPressure(absl::string_view resource, absl::string_view text, ProcSink sink);

// A file of /sys that holds one number, in units of 1 / `per_unit`.
void ParseSysNumber(absl::string_view name, double per_unit, absl::string_view text, ProcSink sink);

}  // namespace gyrus
