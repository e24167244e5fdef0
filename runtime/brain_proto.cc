// SPDX-License-Identifier: Apache-2.0
// Both directions walk the same description (brain_fields.h) and reach the message by protobuf's
// reflection, so that no field is named twice and no default is written outside its struct. A
// name that brain.proto does not have is a programmer's mistake and stops at once.
#include "runtime/brain_proto.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/check.h"
#include "core/status_macros.h"
#include "runtime/brain_fields.h"

namespace gyrus {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::OneofDescriptor;
using google::protobuf::Reflection;

using Names = std::initializer_list<const char*>;

const FieldDescriptor* Find(const Message& message, const char* name) {
  const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(name);
  GYRUS_CHECK(field != nullptr);
  return field;
}

// ---- From the message.

template <typename T>
void ReadInto(const Message& message, T* spec);

void Get(const Message& m, const FieldDescriptor* f, std::string* to) {
  *to = m.GetReflection()->GetString(m, f);
}
void Get(const Message& m, const FieldDescriptor* f, uint32_t* to) {
  *to = m.GetReflection()->GetUInt32(m, f);
}
void Get(const Message& m, const FieldDescriptor* f, uint64_t* to) {
  *to = m.GetReflection()->GetUInt64(m, f);
}
void Get(const Message& m, const FieldDescriptor* f, float* to) {
  *to = m.GetReflection()->GetFloat(m, f);
}
void Get(const Message& m, const FieldDescriptor* f, bool* to) {
  *to = m.GetReflection()->GetBool(m, f);
}

template <typename T>
void Get(const Message& m, const FieldDescriptor* f, T* to) {
  if constexpr (std::is_enum_v<T>) {
    *to = static_cast<T>(m.GetReflection()->GetEnumValue(m, f));
  } else {
    ReadInto(m.GetReflection()->GetMessage(m, f), to);
  }
}

template <typename T>
void Get(const Message& m, const FieldDescriptor* f, std::vector<T>* to) {
  const Reflection* const reflection = m.GetReflection();
  to->clear();
  for (int i = 0; i < reflection->FieldSize(m, f); ++i) {
    if constexpr (std::is_same_v<T, std::string>) {
      to->push_back(reflection->GetRepeatedString(m, f, i));
    } else if constexpr (std::is_same_v<T, float>) {
      to->push_back(reflection->GetRepeatedFloat(m, f, i));
    } else {
      ReadInto(reflection->GetRepeatedMessage(m, f, i), &to->emplace_back());
    }
  }
}

template <typename T>
class Reading {
 public:
  Reading(const Message& message, T* spec) : message_(message), spec_(spec) {}

  template <typename Value>
  void Field(const char* name, Value T::*member) {
    const FieldDescriptor* const field = Find(message_, name);
    if (field->is_repeated() || message_.GetReflection()->HasField(message_, field)) {
      Get(message_, field, &(spec_->*member));
    }
  }

  template <typename... Alternatives>
  void Kind(Names names, std::variant<Alternatives...> T::*member) {
    Choose(message_, names, &(spec_->*member), std::index_sequence_for<Alternatives...>());
  }

  template <typename... Alternatives>
  void Nested(const char* name, Names names, std::variant<Alternatives...> T::*member) {
    const FieldDescriptor* const field = Find(message_, name);
    if (!message_.GetReflection()->HasField(message_, field)) return;
    Choose(message_.GetReflection()->GetMessage(message_, field), names, &(spec_->*member),
           std::index_sequence_for<Alternatives...>());
  }

 private:
  template <typename Variant, std::size_t... i>
  static void Choose(const Message& m, Names names, Variant* to, std::index_sequence<i...>) {
    GYRUS_CHECK(names.size() == sizeof...(i));
    (ChooseOne<i>(m, names.begin()[i], to), ...);
  }

  template <std::size_t i, typename Variant>
  static void ChooseOne(const Message& m, const char* name, Variant* to) {
    const FieldDescriptor* const field = Find(m, name);
    if (m.GetReflection()->HasField(m, field)) Get(m, field, &to->template emplace<i>());
  }

  const Message& message_;
  T* spec_;
};

template <typename T>
void ReadInto(const Message& message, T* spec) {
  Reading<T> reading(message, spec);
  Describe(reading, spec);
}

// ---- To the message.

template <typename T>
void WriteInto(const T& spec, Message* message);

void Set(const std::string& value, const FieldDescriptor* f, Message* m) {
  m->GetReflection()->SetString(m, f, value);
}
void Set(uint32_t value, const FieldDescriptor* f, Message* m) {
  m->GetReflection()->SetUInt32(m, f, value);
}
void Set(uint64_t value, const FieldDescriptor* f, Message* m) {
  m->GetReflection()->SetUInt64(m, f, value);
}
void Set(float value, const FieldDescriptor* f, Message* m) {
  m->GetReflection()->SetFloat(m, f, value);
}
void Set(bool value, const FieldDescriptor* f, Message* m) {
  m->GetReflection()->SetBool(m, f, value);
}

template <typename T>
void Set(const std::vector<T>& values, const FieldDescriptor* f, Message* m) {
  const Reflection* const reflection = m->GetReflection();
  for (const T& value : values) {
    if constexpr (std::is_same_v<T, std::string>) {
      reflection->AddString(m, f, value);
    } else if constexpr (std::is_same_v<T, float>) {
      reflection->AddFloat(m, f, value);
    } else {
      WriteInto(value, reflection->AddMessage(m, f));
    }
  }
}

template <typename T>
class Writing {
 public:
  Writing(const T& spec, Message* message) : spec_(spec), message_(message) {}

  template <typename Value>
  void Field(const char* name, Value T::*member) {
    const FieldDescriptor* const field = Find(*message_, name);
    const Value& value = spec_.*member;
    if constexpr (std::is_enum_v<Value>) {
      if (value == default_.*member) return;
      message_->GetReflection()->SetEnumValue(message_, field, static_cast<int>(value));
    } else if constexpr (std::is_class_v<Value> && !std::is_same_v<Value, std::string> &&
                         !IsVector<Value>::value) {
      Message* const nested = message_->GetReflection()->MutableMessage(message_, field);
      WriteInto(value, nested);
      if (nested->ByteSizeLong() == 0) message_->GetReflection()->ClearField(message_, field);
    } else if constexpr (IsVector<Value>::value) {
      Set(value, field, message_);
    } else {
      if (!(value == default_.*member)) Set(value, field, message_);
    }
  }

  template <typename... Alternatives>
  void Kind(Names names, std::variant<Alternatives...> T::*member) {
    Choose(spec_.*member, names, message_);
  }

  template <typename... Alternatives>
  void Nested(const char* name, Names names, std::variant<Alternatives...> T::*member) {
    const FieldDescriptor* const field = Find(*message_, name);
    Choose(spec_.*member, names, message_->GetReflection()->MutableMessage(message_, field));
  }

 private:
  template <typename V>
  struct IsVector : std::false_type {};
  template <typename V>
  struct IsVector<std::vector<V>> : std::true_type {};

  template <typename Variant>
  static void Choose(const Variant& value, Names names, Message* m) {
    GYRUS_CHECK(names.size() == std::variant_size_v<Variant>);
    const FieldDescriptor* const field = Find(*m, names.begin()[value.index()]);
    Message* const chosen = m->GetReflection()->MutableMessage(m, field);
    std::visit([chosen](const auto& alternative) { WriteInto(alternative, chosen); }, value);
  }

  const T& spec_;
  const T default_ = {};
  Message* message_;
};

template <typename T>
void WriteInto(const T& spec, Message* message) {
  Writing<T> writing(spec, message);
  Describe(writing, &spec);
}

// ---- What must be there.

std::string OneofFields(const OneofDescriptor& oneof) {
  std::vector<std::string> names;
  for (int i = 0; i < oneof.field_count(); ++i) names.push_back(oneof.field(i)->name());
  return absl::StrJoin(names, ", ");
}

// Every oneof of a message and of those in it is set. `path` is the message's, "" for the brain.
absl::Status CheckOneofs(const Message& message, const std::string& path) {
  const Descriptor* const type = message.GetDescriptor();
  const Reflection* const reflection = message.GetReflection();
  for (int i = 0; i < type->oneof_decl_count(); ++i) {
    if (reflection->HasOneof(message, type->oneof_decl(i))) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, " must have one of ", OneofFields(*type->oneof_decl(i))));
  }
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* const field : fields) {
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    const std::string inner = absl::StrCat(path, path.empty() ? "" : ".", field->name());
    if (!field->is_repeated()) {
      GYRUS_RETURN_IF_ERROR(CheckOneofs(reflection->GetMessage(message, field), inner));
      continue;
    }
    for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
      GYRUS_RETURN_IF_ERROR(CheckOneofs(reflection->GetRepeatedMessage(message, field, i),
                                        absl::StrCat(inner, "[", i, "]")));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BrainSpec> SpecFromProto(const v1::Brain& brain) {
  GYRUS_RETURN_IF_ERROR(CheckOneofs(brain, ""));
  BrainSpec spec;
  ReadInto(brain, &spec);
  return spec;
}

v1::Brain ProtoFromSpec(const BrainSpec& spec) {
  v1::Brain brain;
  WriteInto(spec, &brain);
  return brain;
}

}  // namespace gyrus
