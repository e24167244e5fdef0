// SPDX-License-Identifier: Apache-2.0
#include "learner/drift_watch.h"

namespace gyrus {
namespace {

constexpr uint32_t kSettle = 100;

}  // namespace

DriftWatch::DriftWatch(const DriftSpec& spec)
    : spec_(spec), adwin_(static_cast<double>(spec.delta)) {}

bool DriftWatch::Add(double loss) noexcept {
  if (left_ > 0) --left_;
  if (settled_ < kSettle) {
    ++settled_;
    scale_ += loss / kSettle;
    return false;
  }
  const double sum = loss + scale_;
  const Adwin::Change change = adwin_.Add(sum > 0 ? loss / sum : 0.0);
  if (change == Adwin::Change::kNone) return false;
  adwin_.Clear();
  settled_ = 0;
  scale_ = 0;
  if (change == Adwin::Change::kFall) return false;
  left_ = spec_.steps;
  return true;
}

std::size_t DriftWatch::saved_bytes() const {
  return on() ? Adwin::saved_bytes() + 2 * sizeof(uint32_t) + sizeof(double) : 0;
}

void DriftWatch::Save(ByteWriter* writer) const {
  if (!on()) return;
  adwin_.Save(writer);
  writer->Put(settled_);
  writer->Put(scale_);
  writer->Put(left_);
}

void DriftWatch::Restore(ByteReader* reader) {
  if (!on()) return;
  adwin_.Restore(reader);
  settled_ = reader->Get<uint32_t>();
  scale_ = reader->Get<double>();
  left_ = reader->Get<uint32_t>();
  if (settled_ > kSettle || !(scale_ >= 0)) reader->Fail();
}

}  // namespace gyrus
