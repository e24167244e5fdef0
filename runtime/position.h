// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/strings/string_view.h"
#include "core/bytes.h"
#include "learner/learner.h"
#include "runtime/last_target.h"

namespace gyrus {

// Where a stream stands, as it is saved: by its session, or by its learner in the background,
// which does not know the state that the session serves from.
struct Position {
  enum class Serves : uint8_t {
    kFromOwn,       // The session has a state of its own.
    kFromLearners,  // It serves from the learner's.
    kFromReplay,    // Its own is the learner's after the steps that still wait for their label.
  };

  // `state`, (state_bytes,), counts where the session serves from its own or nothing learns;
  // `learner` may be null.
  static void Save(uint64_t steps, Serves serves, const LastTarget& known,
                   std::span<const std::byte> state, const Learner* learner, ByteWriter* writer) {
    writer->Put(steps);
    writer->Put(static_cast<uint8_t>(serves));
    known.Save(writer);
    writer->PutSpan(state);
    writer->Put<uint8_t>(learner != nullptr ? 1 : 0);
    if (learner != nullptr) learner->Save(writer);
  }

  // The steps of a position that Save wrote.
  static uint64_t StepsOf(absl::string_view position) {
    return ByteReader(position).Get<uint64_t>();
  }

  // The most that Save writes.
  static std::size_t MaxBytes(const LastTarget& known, std::size_t state_bytes,
                              const Learner* learner) {
    constexpr std::size_t kFixed = 32;  // Numbers and lengths.
    return kFixed + known.max_saved_bytes() + state_bytes +
           (learner == nullptr ? 0 : learner->max_saved_bytes());
  }
};

}  // namespace gyrus
