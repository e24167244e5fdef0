// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/proc_input.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/status_macros.h"

namespace gyrus {
namespace {

using std::chrono::milliseconds;

constexpr Nanos kMinPeriod = milliseconds(1);
constexpr Nanos kMaxPeriod = std::chrono::hours(1);

// Bounds the time until `stop` is noticed.
constexpr Nanos kLongestWait = milliseconds(100);

}  // namespace

absl::StatusOr<std::unique_ptr<ProcInput>> ProcInput::Create(const Clock& clock,
                                                             const Options& options) {
  if (options.period < kMinPeriod || options.period > kMaxPeriod) {
    return absl::InvalidArgumentError(absl::StrCat("period must be in [1, 3600000] ms, got ",
                                                   options.period.count() / 1000000, " ms"));
  }
  GYRUS_ASSIGN_OR_RETURN(ProcSensors sensors, ProcSensors::Create({.root = options.root}));
  return std::unique_ptr<ProcInput>(new ProcInput(clock, options, std::move(sensors)));
}

ProcInput::ProcInput(const Clock& clock, const Options& options, ProcSensors sensors)
    : clock_(clock),
      options_(options),
      sensors_(std::move(sensors)),
      due_(clock.Now() + options.period),
      readings_(sensors_.names().size()) {
  for (const std::string& name : sensors_.names()) {
    schema_.columns.push_back({.name = name, .type = Schema::Type::kReal});
  }
  // Rates need a sample before the first.
  sensors_.Sample(clock.Now(), readings_);
}

absl::StatusOr<bool> ProcInput::Next(Record* record) {
  for (;;) {
    if (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed)) return false;
    const Nanos left = due_ - clock_.Now();
    if (left <= Nanos::zero()) break;
    const Nanos nap = std::min(left, kLongestWait);
    if (options_.wait) {
      options_.wait(nap);
    } else {
      std::this_thread::sleep_for(nap);
    }
  }
  const Nanos now = clock_.Now();
  due_ += ((now - due_) / options_.period + 1) * options_.period;
  sensors_.Sample(now, readings_);
  record->time_ns = now.count();
  record->place = {};
  record->fields.resize(readings_.size());
  for (size_t i = 0; i < readings_.size(); ++i) {
    record->fields[i] = {
        .text = {}, .value = readings_[i].value_or(0), .missing = !readings_[i].has_value()};
  }
  return true;
}

}  // namespace gyrus
