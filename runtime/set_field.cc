// SPDX-License-Identifier: Apache-2.0
#include "runtime/set_field.h"

#include <google/protobuf/text_format.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "core/status_macros.h"
#include "runtime/brain_proto.h"
#include "runtime/nearest.h"
#include "runtime/text_mistake.h"

namespace gyrus {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

bool IsMessage(const FieldDescriptor* field) {
  return field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
}

absl::StatusOr<const FieldDescriptor*> FindField(const Message& message, absl::string_view name) {
  const Descriptor* const type = message.GetDescriptor();
  std::vector<std::string> known;
  for (int i = 0; i < type->field_count(); ++i) {
    if (type->field(i)->name() == name) return type->field(i);
    known.push_back(type->field(i)->name());
  }
  return absl::InvalidArgumentError(
      absl::StrCat(type->name(), " has no field \"", name, "\"", DidYouMean(name, known)));
}

// The element of a list that `which` says, by its place or its name.
absl::StatusOr<Message*> FindElement(Message* message, const FieldDescriptor* field,
                                     absl::string_view which) {
  const Reflection* const reflection = message->GetReflection();
  const int size = reflection->FieldSize(*message, field);
  const FieldDescriptor* const name = field->message_type()->FindFieldByName("name");
  std::vector<std::string> known;
  for (int i = 0; name != nullptr && i < size; ++i) {
    Message* const element = reflection->MutableRepeatedMessage(message, field, i);
    known.push_back(element->GetReflection()->GetString(*element, name));
    if (known.back() == which) return element;
  }
  int place = 0;
  if (!absl::SimpleAtoi(which, &place)) {
    return absl::InvalidArgumentError(
        absl::StrCat(field->name(), " has no element \"", which, "\"", DidYouMean(which, known)));
  }
  if (place < 0 || place >= size) {
    return absl::InvalidArgumentError(
        absl::StrCat(field->name(), " has ", size, " elements, got [", place, "]"));
  }
  return reflection->MutableRepeatedMessage(message, field, place);
}

// The message in a field that is none of a list.
absl::StatusOr<Message*> Enter(Message* message, const FieldDescriptor* field) {
  const Reflection* const reflection = message->GetReflection();
  if (!IsMessage(field)) {
    return absl::InvalidArgumentError(absl::StrCat(field->name(), " has no fields"));
  }
  const auto* const oneof = field->real_containing_oneof();
  if (oneof != nullptr && !reflection->HasField(*message, field)) {
    // Entering would silently throw away what is there.
    const FieldDescriptor* const other = reflection->GetOneofFieldDescriptor(*message, oneof);
    return absl::InvalidArgumentError(
        absl::StrCat("this ", absl::AsciiStrToLower(message->GetDescriptor()->name()), " is ",
                     other == nullptr ? "nothing yet" : other->name(), ", not ", field->name(),
                     "; assign ", field->name(), "={} first"));
  }
  return reflection->MutableMessage(message, field);
}

// One value as the text format writes it.
absl::StatusOr<std::string> Literal(const FieldDescriptor* field, absl::string_view value) {
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    absl::ConsumePrefix(&value, "\"");
    absl::ConsumeSuffix(&value, "\"");
    return absl::StrCat("\"", absl::CEscape(value), "\"");
  }
  if (value.empty() || value.find_first_of(" \t\n,;:{}[]#\"'") != absl::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("expected one value, got \"", value, "\""));
  }
  return field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM ? absl::AsciiStrToUpper(value)
                                                            : std::string(value);
}

absl::StatusOr<std::string> AsText(const FieldDescriptor* field, absl::string_view value) {
  if (IsMessage(field)) {
    if (field->is_repeated() || !absl::StartsWith(value, "{") || !absl::EndsWith(value, "}")) {
      return absl::InvalidArgumentError(
          field->is_repeated()
              ? absl::StrCat("say which of ", field->name(), ", as in ", field->name(), "[0]")
              : absl::StrCat("expected { fields }, got \"", value, "\""));
    }
    return absl::StrCat(field->name(), " ", value);
  }
  if (!field->is_repeated()) {
    GYRUS_ASSIGN_OR_RETURN(const std::string literal, Literal(field, value));
    return absl::StrCat(field->name(), ": ", literal);
  }
  absl::ConsumePrefix(&value, "[");
  absl::ConsumeSuffix(&value, "]");
  std::vector<std::string> literals;
  for (absl::string_view part : absl::StrSplit(value, ',', absl::SkipWhitespace())) {
    GYRUS_ASSIGN_OR_RETURN(literals.emplace_back(),
                           Literal(field, absl::StripAsciiWhitespace(part)));
  }
  return absl::StrCat(field->name(), ": [", absl::StrJoin(literals, ", "), "]");
}

absl::Status Assign(Message* message, const FieldDescriptor* field, absl::string_view value) {
  GYRUS_ASSIGN_OR_RETURN(const std::string text, AsText(field, value));
  message->GetReflection()->ClearField(message, field);
  TextMistake mistake;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&mistake);
  if (!parser.MergeFromString(text, message)) return absl::InvalidArgumentError(mistake.words());
  return absl::OkStatus();
}

// Walks along `parts`; "list[0]" is the same as "list", "0".
absl::Status SetAt(Message* message, const std::vector<std::string>& parts,
                   absl::string_view value) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    GYRUS_ASSIGN_OR_RETURN(const FieldDescriptor* const field, FindField(*message, parts[i]));
    if (i + 1 == parts.size()) return Assign(message, field, value);
    if (!field->is_repeated() || !IsMessage(field)) {
      GYRUS_ASSIGN_OR_RETURN(message, Enter(message, field));
      continue;
    }
    GYRUS_ASSIGN_OR_RETURN(message, FindElement(message, field, parts[++i]));
  }
  return absl::InvalidArgumentError("name a field of it");
}

}  // namespace

absl::Status SetField(BrainSpec* spec, absl::string_view assignment) {
  const std::pair<absl::string_view, absl::string_view> sides =
      absl::StrSplit(assignment, absl::MaxSplits('=', 1));
  const absl::string_view path = absl::StripAsciiWhitespace(sides.first);
  if (path.empty() || !absl::StrContains(assignment, "=")) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected path=value, got \"", assignment, "\""));
  }
  std::vector<std::string> parts = absl::StrSplit(path, absl::ByAnyChar(".["));
  for (std::string& part : parts) {
    if (absl::EndsWith(part, "]")) part.pop_back();
  }
  v1::Brain brain = ProtoFromSpec(*spec);
  absl::Status status = SetAt(&brain, parts, absl::StripAsciiWhitespace(sides.second));
  if (status.ok()) {
    absl::StatusOr<BrainSpec> changed = SpecFromProto(brain);
    if (changed.ok()) *spec = *std::move(changed);
    status = changed.status();
  }
  if (status.ok()) return status;
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", status.message()));
}

}  // namespace gyrus
