// SPDX-License-Identifier: Apache-2.0
#include "runtime/mistake_place.h"

#include <google/protobuf/text_format.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "gyrus/v1/brain.pb.h"
#include "runtime/text_mistake.h"

namespace gyrus {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::TextFormat;
using Tree = TextFormat::ParseInfoTree;
using Place = TextFormat::ParseLocation;

bool IsMessage(const FieldDescriptor* field) {
  return field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
}

bool IsString(const FieldDescriptor* field) {
  return field->cpp_type() == FieldDescriptor::CPPTYPE_STRING;
}

absl::string_view TakeWord(absl::string_view* text) {
  std::size_t length = 0;
  while (length < text->size() &&
         (absl::ascii_isalnum((*text)[length]) || (*text)[length] == '_')) {
    ++length;
  }
  const absl::string_view word = text->substr(0, length);
  text->remove_prefix(length);
  return word;
}

// Follows a message's words down a brain as long as they name parts and fields of it.
class Walk {
 public:
  Walk(const Message* brain, const Tree* tree) : message_(brain), tree_(tree) {}

  void Follow(absl::string_view words) {
    while (true) {
      const absl::string_view before = words;
      while (absl::ConsumePrefix(&words, ".") || absl::ConsumePrefix(&words, ":") ||
             absl::ConsumePrefix(&words, " ")) {
      }
      const absl::string_view word = TakeWord(&words);
      if (word.empty() || !(EnterNamed(word, &words) || EnterField(word, &words))) {
        FindQuoted(before);
        return;
      }
    }
  }

  Place place() const { return place_; }

 private:
  // One element of a list, or a field that is none (-1).
  struct Element {
    const FieldDescriptor* field;
    int index;
  };

  // Every field that is set, with its elements.
  static std::vector<Element> Elements(const Message& message) {
    std::vector<const FieldDescriptor*> fields;
    message.GetReflection()->ListFields(message, &fields);
    std::vector<Element> elements;
    for (const FieldDescriptor* const field : fields) {
      if (!field->is_repeated()) elements.push_back({field, -1});
      for (int i = 0;
           field->is_repeated() && i < message.GetReflection()->FieldSize(message, field); ++i) {
        elements.push_back({field, i});
      }
    }
    return elements;
  }

  static const Message& At(const Message& message, const Element& e) {
    const Reflection* const reflection = message.GetReflection();
    return e.field->is_repeated() ? reflection->GetRepeatedMessage(message, e.field, e.index)
                                  : reflection->GetMessage(message, e.field);
  }

  static std::string StringAt(const Message& message, const Element& e) {
    const Reflection* const reflection = message.GetReflection();
    return e.field->is_repeated() ? reflection->GetRepeatedString(message, e.field, e.index)
                                  : reflection->GetString(message, e.field);
  }

  // Lists in brackets have the place of the whole list.
  static Place PlaceOf(const Tree* tree, const Element& e) {
    Place place = tree->GetLocation(e.field, e.index);
    for (int i = e.index; place.line < 0 && i > 0;) place = tree->GetLocation(e.field, --i);
    return place;
  }

  void Enter(const Element& e) {
    if (const Place place = PlaceOf(tree_, e); place.line >= 0) place_ = place;
    if (!IsMessage(e.field)) {
      leaf_ = e.field;
      return;
    }
    const Tree* const tree = tree_->GetTreeForNested(e.field, e.index);
    if (tree == nullptr) return;
    message_ = &At(*message_, e);
    tree_ = tree;
    leaf_ = nullptr;
  }

  // `area "memory"`: the last one, because the one before had the name first.
  bool EnterNamed(absl::string_view kind, absl::string_view* words) {
    absl::string_view rest = *words;
    if (!absl::ConsumePrefix(&rest, " \"")) return false;
    const std::size_t end = rest.find('"');
    if (end == absl::string_view::npos) return false;
    const absl::string_view wanted = rest.substr(0, end);
    for (const Message* const inside : {message_, Chosen()}) {
      if (inside == nullptr) continue;
      std::optional<Element> found;
      for (const Element& e : Elements(*inside)) {
        if (!IsMessage(e.field) || absl::AsciiStrToLower(e.field->message_type()->name()) != kind) {
          continue;
        }
        const Message& part = At(*inside, e);
        const FieldDescriptor* const name = part.GetDescriptor()->FindFieldByName("name");
        if (name != nullptr && part.GetReflection()->GetString(part, name) == wanted) found = e;
      }
      if (!found.has_value()) continue;
      if (inside != message_) EnterChosen();
      Enter(*found);
      rest.remove_prefix(end + 1);
      *words = rest;
      return true;
    }
    return false;
  }

  // A field, or one of the kind that was chosen: `cell: units` is `cell { mcsd { units`.
  bool EnterField(absl::string_view word, absl::string_view* words) {
    const std::string name(word);
    const FieldDescriptor* field = message_->GetDescriptor()->FindFieldByName(name);
    if (field == nullptr && Chosen() != nullptr) {
      field = Chosen()->GetDescriptor()->FindFieldByName(name);
      if (field != nullptr) EnterChosen();
    }
    if (field == nullptr) return false;
    int index = field->is_repeated() ? 0 : -1;
    if (absl::ConsumePrefix(words, "[")) {
      if (!absl::SimpleAtoi(TakeWord(words), &index) || !absl::ConsumePrefix(words, "]"))
        return false;
    }
    const Reflection* const reflection = message_->GetReflection();
    const bool there = field->is_repeated() ? index < reflection->FieldSize(*message_, field)
                                            : reflection->HasField(*message_, field);
    if (there) Enter({field, index});
    return there;
  }

  // The message of a oneof that is set, such as `glu` of a cell.
  const Message* Chosen() const {
    const auto choice = ChosenField();
    return choice.has_value() ? &At(*message_, *choice) : nullptr;
  }
  void EnterChosen() { Enter(*ChosenField()); }
  std::optional<Element> ChosenField() const {
    const auto* const type = message_->GetDescriptor();
    for (int i = 0; i < type->oneof_decl_count(); ++i) {
      const FieldDescriptor* const field =
          message_->GetReflection()->GetOneofFieldDescriptor(*message_, type->oneof_decl(i));
      if (field != nullptr && IsMessage(field)) return Element{field, -1};
    }
    return std::nullopt;
  }

  // The place of the first string in quotes that is a value of the part where the walk ended.
  void FindQuoted(absl::string_view words) {
    const std::vector<absl::string_view> parts = absl::StrSplit(words, '"');
    for (std::size_t i = 1; i < parts.size(); i += 2) {
      if (FindValue(*message_, tree_, parts[i])) return;
    }
  }

  bool FindValue(const Message& message, const Tree* tree, absl::string_view value) {
    for (const Element& e : Elements(message)) {
      if (IsMessage(e.field)) {
        const Tree* const nested = tree->GetTreeForNested(e.field, e.index);
        if (nested != nullptr && FindValue(At(message, e), nested, value)) return true;
      } else if (IsString(e.field) && (leaf_ == nullptr || leaf_ == e.field) &&
                 StringAt(message, e) == value) {
        place_ = PlaceOf(tree, e);
        return true;
      }
    }
    return false;
  }

  const Message* message_;
  const Tree* tree_;
  const FieldDescriptor* leaf_ = nullptr;  // Of message_, where the walk has come to one.
  Place place_{0, 0};
};

}  // namespace

absl::Status PlaceMistake(absl::string_view text, absl::string_view name,
                          const absl::Status& status) {
  if (!absl::IsInvalidArgument(status)) return status;
  TextMistake ignored;
  Tree tree;
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&ignored);
  parser.WriteLocationsTo(&tree);
  v1::Brain brain;
  Place place{0, 0};
  if (parser.ParseFromString(std::string(text), &brain)) {
    Walk walk(&brain, &tree);
    walk.Follow(status.message());
    place = walk.place();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(name, ":", place.line + 1, ":", place.column + 1, ": ", status.message()));
}

}  // namespace gyrus
