// SPDX-License-Identifier: Apache-2.0
#include "runtime/text_mistake.h"

#include <cctype>
#include <optional>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "gyrus/v1/brain.pb.h"
#include "runtime/nearest.h"

namespace gyrus {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

// `Message type "gyrus.v1.Area" has no field named "regoins".`
std::optional<std::string> UnknownField(const std::vector<absl::string_view>& quoted) {
  if (quoted.size() < 4) return std::nullopt;
  const Descriptor* const type =
      v1::Brain::descriptor()->file()->pool()->FindMessageTypeByName(std::string(quoted[1]));
  if (type == nullptr) return std::nullopt;
  std::vector<std::string> known;
  for (int i = 0; i < type->field_count(); ++i) known.push_back(type->field(i)->name());
  return absl::StrCat(type->name(), " has no field \"", quoted[3], "\"",
                      DidYouMean(quoted[3], known));
}

// `Unknown enumeration value of "RMS" for field "optimiser".`
std::optional<std::string> UnknownValue(const std::vector<absl::string_view>& quoted) {
  if (quoted.size() < 4) return std::nullopt;
  const auto* const file = v1::Brain::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) {
    const FieldDescriptor* const field =
        file->message_type(i)->FindFieldByName(std::string(quoted[3]));
    if (field == nullptr || field->enum_type() == nullptr) continue;
    std::vector<std::string> known;
    for (int v = 0; v < field->enum_type()->value_count(); ++v) {
      known.push_back(field->enum_type()->value(v)->name());
    }
    return absl::StrCat(quoted[3], " must be one of ", absl::StrJoin(known, ", "), ", got ",
                        quoted[1], DidYouMean(quoted[1], known));
  }
  return std::nullopt;
}

std::string InOurWords(absl::string_view message) {
  const std::vector<absl::string_view> quoted = absl::StrSplit(message, '"');
  std::optional<std::string> better;
  if (absl::StartsWith(message, "Message type")) better = UnknownField(quoted);
  if (absl::StartsWith(message, "Unknown enumeration value")) better = UnknownValue(quoted);
  if (better.has_value()) return *better;
  absl::ConsumeSuffix(&message, ".");
  std::string words(message);
  if (!words.empty()) words[0] = static_cast<char>(std::tolower(words[0]));
  if (absl::EndsWith(words, "got: ")) words += "the end of the text";
  return words;
}

}  // namespace

void TextMistake::AddError(int line, google::protobuf::io::ColumnNumber column,
                           const std::string& message) {
  if (!words_.empty()) return;
  line_ = line + 1;
  column_ = column + 1;
  words_ = InOurWords(message);
}

}  // namespace gyrus
