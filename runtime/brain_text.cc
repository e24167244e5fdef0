// SPDX-License-Identifier: Apache-2.0
#include "runtime/brain_text.h"

#include <google/protobuf/text_format.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "runtime/brain_proto.h"
#include "runtime/mistake_place.h"
#include "runtime/text_hash.h"
#include "runtime/text_mistake.h"

namespace gyrus {
namespace {

std::string Print(const v1::Brain& brain) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseShortRepeatedPrimitives(true);
  std::string text;
  printer.PrintToString(brain, &text);
  return text;
}

}  // namespace

absl::StatusOr<BrainSpec> ParseBrain(absl::string_view text, absl::string_view name) {
  TextMistake mistake;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&mistake);
  v1::Brain brain;
  if (!parser.ParseFromString(std::string(text), &brain)) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ":", mistake.line(), ":", mistake.column(), ": ", mistake.words()));
  }
  absl::StatusOr<BrainSpec> spec = SpecFromProto(brain);
  if (!spec.ok()) return PlaceMistake(text, name, spec.status());
  return spec;
}

std::string FormatBrain(const BrainSpec& spec) { return Print(ProtoFromSpec(spec)); }

std::string Fingerprint(const BrainSpec& spec) {
  v1::Brain brain = ProtoFromSpec(spec);
  brain.clear_name();
  brain.clear_schema();
  brain.clear_label_window();
  brain.clear_publish_every_ms();
  brain.clear_guard();
  brain.clear_drift();
  brain.clear_users();
  for (v1::Area& area : *brain.mutable_areas()) {
    if (area.has_learning()) area.mutable_learning()->clear_personal();
  }
  for (v1::Head& head : *brain.mutable_heads()) head.clear_limits();
  return absl::StrCat(absl::Hex(TextHash(Print(brain)), absl::kZeroPad16));
}

}  // namespace gyrus
