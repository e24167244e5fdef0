// SPDX-License-Identifier: Apache-2.0
#include "learner/drift_watch.h"

#include <algorithm>
#include <cmath>

namespace gyrus {
namespace {

constexpr uint32_t kSettle = 100;
constexpr double kOutlier = 8.0;

}  // namespace

DriftWatch::DriftWatch(const DriftSpec& spec)
    : spec_(spec), adwin_(static_cast<double>(spec.delta)) {}

bool DriftWatch::Add(double loss) noexcept {
  if (left_ > 0) --left_;
  if (settled_ < kSettle) {
    ++settled_;
    scale_ += std::min(loss, largest_) / (kSettle - 1);
    largest_ = std::max(loss, largest_);
    if (settled_ == kSettle) scale_ += (std::min(largest_, kOutlier * scale_) - scale_) / kSettle;
    return false;
  }
  const double sum = loss + scale_;
  const Adwin::Change change = adwin_.Add(sum > 0 ? loss / sum : 0.0);
  if (change == Adwin::Change::kNone) return false;
  adwin_.Clear();
  settled_ = 0;
  scale_ = 0;
  largest_ = 0;
  if (change == Adwin::Change::kFall) return false;
  left_ = spec_.steps;
  return true;
}

std::size_t DriftWatch::saved_bytes() const {
  const std::size_t watch = Adwin::saved_bytes() + 2 * sizeof(uint32_t) + 2 * sizeof(double);
  return sizeof(uint8_t) + (on() ? watch : 0);
}

void DriftWatch::Save(ByteWriter* writer) const {
  writer->Put<uint8_t>(on() ? 1 : 0);
  if (!on()) return;
  adwin_.Save(writer);
  writer->Put(settled_);
  writer->Put(scale_);
  writer->Put(largest_);
  writer->Put(left_);
}

void DriftWatch::Restore(ByteReader* reader) {
  DriftWatch saved(spec_);
  const auto watched = reader->Get<uint8_t>();
  if (watched > 1) reader->Fail();
  if (watched == 1) saved.RestoreWatch(reader);
  if (on()) *this = saved;
}

void DriftWatch::RestoreWatch(ByteReader* reader) {
  adwin_.Restore(reader);
  settled_ = reader->Get<uint32_t>();
  scale_ = reader->Get<double>();
  largest_ = reader->Get<double>();
  left_ = reader->Get<uint32_t>();
  const bool finite = std::isfinite(scale_) && std::isfinite(largest_);
  if (settled_ > kSettle || !finite || scale_ < 0 || largest_ < 0) reader->Fail();
}

}  // namespace gyrus
