// SPDX-License-Identifier: Apache-2.0
#include "runtime/brain_text.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/brain_fields.h"
#include "runtime/brain_proto.h"
#include "tests/support/status_matchers.h"

namespace gyrus {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using ::testing::HasSubstr;

std::string Mistake(absl::string_view text) {
  const auto spec = ParseBrain(text, "brain.textproto");
  EXPECT_EQ(spec.status().code(), absl::StatusCode::kInvalidArgument) << text;
  return std::string(spec.status().message());
}

// A value that no field has by default.
void SetUnusual(const FieldDescriptor* field, Message* message) {
  const Reflection* const reflection = message->GetReflection();
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return field->is_repeated() ? reflection->AddString(message, field, "a \"word\"\n")
                                  : reflection->SetString(message, field, "\xC3\xA9");
    case FieldDescriptor::CPPTYPE_FLOAT:
      return field->is_repeated() ? reflection->AddFloat(message, field, 0.1F)
                                  : reflection->SetFloat(message, field, 0.30000001F);
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection->SetUInt32(message, field, 4294967295U);
    case FieldDescriptor::CPPTYPE_UINT64:
      return reflection->SetUInt64(message, field, 18446744073709551615U);
    default:
      FAIL() << field->full_name();
  }
}

// Sets every field of a message that stands alone; of each oneof the one of number `choice`.
void Fill(int choice, Message* message) {
  const Reflection* const reflection = message->GetReflection();
  const Descriptor* const type = message->GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* const field = type->field(i);
    const auto* const oneof = field->real_containing_oneof();
    if (oneof != nullptr && choice % oneof->field_count() != field->index_in_oneof()) continue;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      Fill(choice, field->is_repeated() ? reflection->AddMessage(message, field)
                                        : reflection->MutableMessage(message, field));
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_BOOL ||
               field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      continue;  // Either value may be the default: below.
    } else {
      SetUnusual(field, message);
    }
  }
}

// Stands for a value of any type, to count how many an aggregate takes.
struct Anything {
  template <typename T>
  operator T() const;  // NOLINT: not defined, only asked for.
};

template <typename T, typename... Values>
constexpr int CountFields() {
  if constexpr (requires { T{Values{}..., Anything{}}; }) {
    return CountFields<T, Values..., Anything>();
  } else {
    return sizeof...(Values);
  }
}

// Counts what Describe says of each struct that it comes to, by its type's number of fields.
class FieldCounter {
 public:
  template <typename T>
  void Count() {
    const int others = std::exchange(described_, 0);
    Describe(*this, static_cast<const T*>(nullptr));
    EXPECT_EQ(described_, CountFields<T>()) << "brain_fields.h on " << typeid(T).name();
    described_ = others;
  }

  template <typename Value, typename T>
  void Field(const char*, Value T::*) {
    ++described_;
    Enter(static_cast<Value*>(nullptr));
  }
  template <typename T, typename... Alternatives>
  void Kind(std::initializer_list<const char*>, std::variant<Alternatives...> T::*) {
    ++described_;
    (Count<Alternatives>(), ...);
  }
  template <typename T, typename... Alternatives>
  void Nested(const char*, std::initializer_list<const char*> names,
              std::variant<Alternatives...> T::*member) {
    Kind(names, member);
  }

 private:
  template <typename Value>
  void Enter(Value*) {
    if constexpr (std::is_class_v<Value>) Count<Value>();
  }
  void Enter(std::string*) {}
  template <typename Value>
  void Enter(std::vector<Value>*) {
    Enter(static_cast<Value*>(nullptr));
  }

  int described_ = 0;
};

TEST(BrainTextTest, EveryFieldOfTheStructsIsDescribed) { FieldCounter().Count<BrainSpec>(); }

TEST(BrainTextTest, EveryFieldOfTheMessageComesBack) {
  for (int choice = 0; choice < 12; ++choice) {
    v1::Brain brain;
    Fill(choice, &brain);
    const auto spec = SpecFromProto(brain);
    ASSERT_THAT(spec, test::IsOk());
    EXPECT_EQ(ProtoFromSpec(*spec).DebugString(), brain.DebugString());
    const std::string text = FormatBrain(*spec);
    const auto again = ParseBrain(text, "brain.textproto");
    ASSERT_THAT(again, test::IsOk());
    EXPECT_EQ(FormatBrain(*again), text);
  }
}

// Sets each enum and flag of a type, one value at a time, and expects that value or, where it is
// the default, nothing.
void ExpectEveryChoice(const Descriptor* type, Message* brain, Message* message) {
  const Reflection* const reflection = message->GetReflection();
  for (int i = 0; i < type->field_count(); ++i) {
    const FieldDescriptor* const field = type->field(i);
    const bool is_enum = field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM;
    if (!is_enum && field->cpp_type() != FieldDescriptor::CPPTYPE_BOOL) continue;
    const int choices = is_enum ? field->enum_type()->value_count() : 2;
    int kept = 0;
    for (int v = 0; v < choices; ++v) {
      if (is_enum) {
        reflection->SetEnumValue(message, field, v);
      } else {
        reflection->SetBool(message, field, v == 1);
      }
      const auto spec = SpecFromProto(static_cast<const v1::Brain&>(*brain));
      ASSERT_THAT(spec, test::IsOk());
      if (ProtoFromSpec(*spec).DebugString() == brain->DebugString()) ++kept;
      reflection->ClearField(message, field);
    }
    EXPECT_EQ(kept, choices - 1) << field->full_name();
  }
}

TEST(BrainTextTest, EveryFlagAndChoiceOfTheMessageComesBack) {
  const auto descend = [](auto& self, v1::Brain* brain, Message* message) -> void {
    ExpectEveryChoice(message->GetDescriptor(), brain, message);
    std::vector<const FieldDescriptor*> fields;
    message->GetReflection()->ListFields(*message, &fields);
    for (const FieldDescriptor* const field : fields) {
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
      self(self, brain,
           field->is_repeated()
               ? message->GetReflection()->MutableRepeatedMessage(message, field, 0)
               : message->GetReflection()->MutableMessage(message, field));
    }
  };
  for (int choice = 0; choice < 12; ++choice) {
    v1::Brain brain;
    Fill(choice, &brain);
    descend(descend, &brain, &brain);
  }
}

TEST(BrainTextTest, AbsentFieldsHaveTheDefaultsOfTheStruct) {
  const auto spec =
      ParseBrain(R"(encoders { name: "row" modality: "row" reals { clip: 4 } })", "x");
  ASSERT_THAT(spec, test::IsOk());
  const auto& reals = std::get<RealsEncoderSpec>(spec->encoders[0].kind);
  EXPECT_EQ(reals.settle_after, RealsEncoderSpec().settle_after);
  EXPECT_EQ(reals.rate, RealsEncoderSpec().rate);
  EXPECT_EQ(reals.clip, 4.0F);
  EXPECT_EQ(spec->seed, BrainSpec().seed);
}

TEST(BrainTextTest, WritesOnlyWhatDiffersFromTheDefault) {
  BrainSpec spec;
  EXPECT_EQ(FormatBrain(spec), "");
  spec.areas.resize(1);
  spec.areas[0].name = "a";
  spec.areas[0].cell = GluCellSpec{.hidden = 5};
  EXPECT_EQ(FormatBrain(spec),
            "areas {\n  name: \"a\"\n  router {\n    all {\n    }\n  }\n  cell {\n    glu {\n"
            "      hidden: 5\n    }\n  }\n}\n");
}

TEST(BrainTextTest, NamesThePlaceAndTheNearestField) {
  EXPECT_EQ(Mistake("name: \"a\"\nareas {\n  regoins: 3\n}\n"),
            "brain.textproto:3:10: Area has no field \"regoins\"; did you mean \"regions\"?");
  EXPECT_EQ(Mistake("zzzzzzzz: 1"), "brain.textproto:1:9: Brain has no field \"zzzzzzzz\"");
}

TEST(BrainTextTest, RefusesAValueOfAnotherType) {
  EXPECT_EQ(Mistake("seed: \"x\""), "brain.textproto:1:7: expected integer, got: \"x\"");
  EXPECT_THAT(Mistake("areas { regions: -1 }"),
              HasSubstr("brain.textproto:1:18: expected integer"));
  EXPECT_THAT(Mistake("areas { regions: 4294967296 }"), HasSubstr("integer out of range"));
}

TEST(BrainTextTest, RefusesAnUnknownChoice) {
  EXPECT_EQ(Mistake("areas { learning { optimiser: RMSPROB } }"),
            "brain.textproto:1:39: optimiser must be one of SGD, RMSPROP, got RMSPROB; did you "
            "mean \"RMSPROP\"?");
  EXPECT_THAT(Mistake("areas { learning { optimiser: 17 } }"), HasSubstr("must be one of"));
}

TEST(BrainTextTest, RefusesAMissingBrace) {
  EXPECT_THAT(Mistake("areas {\n  regions: 3\n"), HasSubstr("brain.textproto:3:1: "));
}

TEST(BrainTextTest, RefusesAMessageWithoutItsKind) {
  EXPECT_EQ(
      Mistake("encoders { name: \"a\" symbols {} } encoders { name: \"b\" }"),
      "brain.textproto:1:35: encoders[1] must have one of reals, held, symbols, category, image");
  EXPECT_EQ(Mistake("areas { router {} }"),
            "brain.textproto:1:9: areas[0].router must have one of all, hash, anchor, learned");
}

BrainSpec OneArea() {
  BrainSpec spec;
  spec.areas.resize(1);
  spec.areas[0].regions = 3;
  return spec;
}

TEST(FingerprintTest, IgnoresWhatABrainChangesOverItsLife) {
  BrainSpec spec = OneArea();
  const std::string before = Fingerprint(spec);
  EXPECT_EQ(before.size(), 16U);
  spec.name = "b";
  spec.label_window = 48;
  spec.schema.class_names = {"up"};
  spec.guard.window = 100;
  spec.drift.delta = 0.01F;
  EXPECT_EQ(Fingerprint(spec), before);
}

TEST(FingerprintTest, TellsShapesAndSeedsApart) {
  const BrainSpec spec = OneArea();
  BrainSpec other = spec;
  other.seed = 2;
  EXPECT_NE(Fingerprint(other), Fingerprint(spec));
  other = spec;
  other.areas[0].regions = 4;
  EXPECT_NE(Fingerprint(other), Fingerprint(spec));
}

}  // namespace
}  // namespace gyrus
