// SPDX-License-Identifier: Apache-2.0
// Hears "ababab..." and says what comes next.
#include <cstdint>
#include <cstdio>

#include "core/status_macros.h"
#include "runtime/presets.h"
#include "runtime/runtime.h"

absl::StatusOr<char> NextAfter(const char* heard) {
  GYRUS_ASSIGN_OR_RETURN(const gyrus::BrainSpec spec, gyrus::Preset("text"));
  GYRUS_ASSIGN_OR_RETURN(const auto brain, gyrus::Runtime::Create(spec, {}));
  GYRUS_ASSIGN_OR_RETURN(const auto session, brain->OpenSession({.name = "main"}));
  gyrus::Prediction next;
  for (; *heard != '\0'; ++heard) {
    const gyrus::Value byte = {.present = true, .symbol = static_cast<uint8_t>(*heard)};
    const auto step =
        session->Step({.values = {&byte, 1}}, {.kind = gyrus::Want::Kind::kBest}, &next);
    GYRUS_RETURN_IF_ERROR(step.status());
  }
  return static_cast<char>(next.best);
}

int main() {
  const absl::StatusOr<char> next = NextAfter("abababababababababababababababababababab");
  std::printf("%s\n", next.ok() ? "said" : next.status().ToString().c_str());
  return next.ok() && *next == 'a' ? 0 : 1;
}
