// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "activation/protection_spec.h"

namespace gyrus {

// As brain_fields.h, of what keeps a brain from harm.

template <typename F>
void Describe(F& f, const GuardSpec*) {
  f.Field("window", &GuardSpec::window);
  f.Field("bound", &GuardSpec::bound);
}

template <typename F>
void Describe(F& f, const DriftSpec*) {
  f.Field("delta", &DriftSpec::delta);
  f.Field("raise", &DriftSpec::raise);
  f.Field("steps", &DriftSpec::steps);
}

}  // namespace gyrus
