// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "activation/brain_spec.h"
#include "activation/observation.h"
#include "core/bytes.h"

namespace gyrus {

// The target that a stream was told last, for a brain with a last_target_modality.
//
// Thread-compatible. Remember is real-time safe.
class LastTarget {
 public:
  explicit LastTarget(const BrainSpec& spec) {
    for (const ModalitySpec& modality : spec.modalities) {
      const bool is_it = modality.name == spec.last_target_modality;
      if (is_it && modality.kind == ModalityKind::kReals) reals_.resize(modality.size);
    }
  }

  void Remember(const Target& target) noexcept {
    known_ = true;
    symbol_ = target.symbol;
    if (reals_.size() == target.reals.size()) {
      std::copy(target.reals.begin(), target.reals.end(), reals_.begin());
    }
  }

  // As the modality carries it; absent before the first.
  Value value() const noexcept { return {.present = known_, .symbol = symbol_, .reals = reals_}; }

  void Save(ByteWriter* writer) const {
    writer->Put<uint8_t>(known_ ? 1 : 0);
    writer->Put(symbol_);
    writer->PutSpan<float>(reals_);
  }
  std::size_t max_saved_bytes() const { return 16 + reals_.size() * sizeof(float); }
  void Restore(ByteReader* reader) {
    known_ = reader->Get<uint8_t>() != 0;
    symbol_ = reader->Get<uint32_t>();
    reader->GetSpan<float>(reals_);
  }

 private:
  bool known_ = false;
  uint32_t symbol_ = 0;
  std::vector<float> reals_;  // Empty unless the modality is one of reals.
};

}  // namespace gyrus
