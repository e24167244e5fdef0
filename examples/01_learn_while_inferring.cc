// SPDX-License-Identifier: Apache-2.0
// 01_learn_while_inferring.cc: a brain says each byte of a saying before it hears it, and learns
// it.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "activation/brain_spec.h"
#include "activation/observation.h"
#include "core/status_macros.h"
#include "runtime/presets.h"
#include "runtime/runtime.h"
#include "runtime/session.h"

namespace {

constexpr char kSaying[] = " who learns while walking arrives wiser.";

absl::Status Run() {
  // README begins.
  GYRUS_ASSIGN_OR_RETURN(const gyrus::BrainSpec spec, gyrus::Preset("text"));
  GYRUS_ASSIGN_OR_RETURN(const auto brain, gyrus::Runtime::Create(spec, {}));
  GYRUS_ASSIGN_OR_RETURN(const auto session, brain->OpenSession({.name = "main"}));
  gyrus::Prediction next;
  for (int time = 1; time <= 5; ++time) {
    std::string heard;
    for (const char c : std::string(kSaying)) {
      heard += c == static_cast<char>(next.best) ? c : '_';
      const gyrus::Value byte[] = {{.present = true, .symbol = static_cast<uint8_t>(c)}};
      const auto step = session->Step({.values = byte}, {.kind = gyrus::Want::Kind::kBest}, &next);
      GYRUS_RETURN_IF_ERROR(step.status());  // It taught the step before: that was its target.
    }
    std::printf("%d  %s\n", time, heard.c_str());
  }
  // README ends.
  return absl::OkStatus();
}

}  // namespace

int main() {
  const absl::Status status = Run();
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : 1;
}
