// SPDX-License-Identifier: Apache-2.0
//
// The parsers of /proc and /sys: every number they emit has a name and a finite value that is not
// negative unless it comes from /sys. The first byte chooses the parser.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>

#include "core/check.h"
#include "devices/proc_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using gyrus::ProcNumber;
  constexpr void (*kParsers[])(absl::string_view, gyrus::ProcSink) = {
      gyrus::ParseProcStat,   gyrus::ParseProcLoadavg, gyrus::ParseProcMeminfo,
      gyrus::ParseProcVmstat, gyrus::ParseProcNetDev,  gyrus::ParseProcDiskstats};
  if (size == 0) return 0;
  const absl::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const auto check = [](const ProcNumber& number) {
    GYRUS_CHECK(!number.name.empty());
    GYRUS_CHECK(std::isfinite(number.value) && number.value >= 0);
    GYRUS_CHECK(std::isfinite(number.whole) && number.whole >= 0);
  };
  const size_t choice = data[0] % (std::size(kParsers) + 2);
  if (choice < std::size(kParsers)) {
    kParsers[choice](text, check);
  } else if (choice == std::size(kParsers)) {
    gyrus::ParseProcPressure("cpu", text, check);
  } else {
    gyrus::ParseSysNumber("zone", 1000, text, [](const ProcNumber& number) {
      GYRUS_CHECK(std::isfinite(number.value));
    });
  }
  return 0;
}
