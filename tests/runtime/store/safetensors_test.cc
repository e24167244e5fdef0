// SPDX-License-Identifier: Apache-2.0
#include "runtime/store/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "core/rng.h"
#include "runtime/store/mapped_file.h"
#include "runtime/store/safetensors_writer.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"

namespace gyrus::safetensors {
namespace {

using test::IsOk;
using test::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::span<const std::byte> Bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A file with that header, whose length is written before it, and `data` bytes of data.
std::string File(const std::string& header, std::size_t data) {
  std::string file;
  for (int i = 0; i < 8; ++i) file.push_back(static_cast<char>(header.size() >> (8 * i) & 0xFF));
  return file + header + std::string(data, '\0');
}

std::string Entry(const std::string& name, int begin, int end) {
  return "\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[" + std::to_string(end - begin) +
         "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

TEST(SafetensorsTest, WritesTheLibrarysBytes) {
  // The header has 61 characters; 3 spaces make it 64, which is 0x40.
  const std::string want = std::string("\x40\0\0\0\0\0\0\0", 8) +
                           R"({"attn":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}})" +
                           "  ";

  EXPECT_THAT(Header(std::vector<TensorEntry>{{"attn", Dtype::kF32, {1, 2, 3}}}, {}, {}),
              test::IsOkAndHolds(want));
  EXPECT_THAT(Header({}, {}, {}),
              test::IsOkAndHolds(std::string("\x08\0\0\0\0\0\0\0{}      ", 16)));
  EXPECT_THAT(Header({}, {{"framework", "pt"}}, {}),
              test::IsOkAndHolds(std::string("\x28\0\0\0\0\0\0\0", 8) +
                                 R"({"__metadata__":{"framework":"pt"}})" + "     "));
}

TEST(SafetensorsTest, WritesLargeTypesFirstThenByName) {
  const test::TempFiles files;
  const std::string path = files.PathOf("m.safetensors");
  std::vector<TensorEntry> tensors = {{"b", Dtype::kU8, {2}},
                                      {"a", Dtype::kU8, {1}},
                                      {"h", Dtype::kBf16, {1, 1}},
                                      {"w", Dtype::kF32, {}},
                                      {"i", Dtype::kI64, {1}}};
  ASSERT_OK_AND_ASSIGN(Writer writer, Writer::Create(path, tensors, {{"z", "1"}, {"k", "2"}}, {}));
  ASSERT_THAT(writer.Append(Bytes("iiiiiiiiww")), IsOk());
  ASSERT_THAT(writer.Append(Bytes("wwhhabb")), IsOk());

  ASSERT_THAT(writer.Finish(), IsOk());

  const std::string json = R"({"__metadata__":{"k":"2","z":"1"},)"
                           R"("i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]},)"
                           R"("w":{"dtype":"F32","shape":[],"data_offsets":[8,12]},)"
                           R"("h":{"dtype":"BF16","shape":[1,1],"data_offsets":[12,14]},)"
                           R"("a":{"dtype":"U8","shape":[1],"data_offsets":[14,15]},)"
                           R"("b":{"dtype":"U8","shape":[2],"data_offsets":[15,17]}})";
  const std::string file = ReadFile(path);
  EXPECT_EQ(file.substr(8, json.size()), json);
  EXPECT_EQ(file.substr(file.size() - 17), "iiiiiiiiwwwwhhabb");
  EXPECT_EQ((file.size() - 17) % 8, 0U);
}

TEST(SafetensorsTest, AlignsTheDataWhereAsked) {
  for (const std::size_t alignment : {8, 64, 4096}) {
    ASSERT_OK_AND_ASSIGN(const std::string header,
                         Header(std::vector<TensorEntry>{{"w", Dtype::kU8, {3}}}, {},
                                {.data_alignment = alignment}));
    EXPECT_EQ(header.size() % alignment, 0U);
    EXPECT_THAT(Parse(Bytes(header + "xyz")), IsOk());
  }
}

TEST(SafetensorsTest, ReadsWhatItWrites) {
  const test::TempFiles files;
  const std::string path = files.PathOf("m.safetensors");
  const std::string odd = "quote \" slash \\ tab \t bell \a \xC3\xA9 \xF0\x9F\xA7\xA0";
  ASSERT_OK_AND_ASSIGN(Writer writer,
                       Writer::Create(path, {{odd, Dtype::kU16, {2, 1}}, {"e", Dtype::kF64, {0}}},
                                      {{odd, odd}}, {}));
  ASSERT_THAT(writer.Append(Bytes("1234")), IsOk());
  ASSERT_THAT(writer.Finish(), IsOk());

  ASSERT_OK_AND_ASSIGN(const MappedFile file, MappedFile::Open(path));
  ASSERT_OK_AND_ASSIGN(const Contents contents, Parse(file.bytes()));

  EXPECT_THAT(contents.metadata, ElementsAre(Pair(odd, odd)));
  ASSERT_EQ(contents.tensors.size(), 2U);
  EXPECT_EQ(contents.tensors[0].entry, (TensorEntry{"e", Dtype::kF64, {0}}));
  EXPECT_EQ(contents.tensors[1].entry, (TensorEntry{odd, Dtype::kU16, {2, 1}}));
  EXPECT_EQ(std::memcmp(contents.tensors[1].data.data(), "1234", 4), 0);
}

TEST(SafetensorsTest, ReadsAnyOrderOfFieldsAndOfTensors) {
  ASSERT_OK_AND_ASSIGN(
      const Contents contents,
      Parse(Bytes(File(R"({ "b" : {"shape":[1],"data_offsets":[2,3],"dtype":"U8"},)"
                       R"("\u0061\ud83e\udde0":{"data_offsets":[0,2],"dtype":"F16","shape":[]}} )",
                       3))));

  ASSERT_EQ(contents.tensors.size(), 2U);
  EXPECT_EQ(contents.tensors[0].entry.name, "a\xF0\x9F\xA7\xA0");
  EXPECT_EQ(contents.tensors[1].entry.name, "b");
}

TEST(SafetensorsTest, RefusesMalformedFiles) {
  const std::string a = Entry("a", 0, 4);
  const auto field = [](const std::string& fields) { return "{\"a\":{" + fields + "}}"; };
  struct Case {
    std::string file;
    std::string says;
  };
  const Case cases[] = {
      {"1234567", "at least 8 bytes, got 7"},
      {std::string(8, '\xFF') + "{}", "18446744073709551615 bytes"},
      {std::string("\x09\0\0\0\0\0\0\0{}      ", 16), "a header of 9 bytes"},
      {File("", 0), "byte 0 of the header: expected \"{\""},
      {File(" {}", 0), "expected \"{\""},
      {File("{", 0), "expected"},
      {File("{}x", 0), "byte 2 of the header: expected nothing more"},
      {File("{" + a + ",}", 4), "expected"},
      {File("{" + a + "," + a + "}", 4), "tensor \"a\" appears twice"},
      {File("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "appears twice"},
      {File("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0), "metadata \"k\" appears twice"},
      {File("{\"__metadata__\":{\"k\":1}}", 0), "expected"},
      {File("{" + a + "}", 3), "the tensors have 4 bytes, but 3 follow"},
      {File("{" + a + "}", 5), "the tensors have 4 bytes, but 5 follow"},
      {File("{" + a + "," + Entry("b", 3, 7) + "}", 7), "[3, 7), expected it at 4"},
      {File("{" + a + "," + Entry("b", 5, 7) + "}", 7), "[5, 7), expected it at 4"},
      {File("{" + Entry("b", 2, 4) + "}", 4), "[2, 4), expected it at 0"},
      {File(field(R"("dtype":"U8","shape":[4],"data_offsets":[0,3])"), 3), "has 3 bytes"},
      {File(field(R"("dtype":"U8","shape":[4],"data_offsets":[4,0])"), 4), "[4, 0)"},
      {File(field(R"("dtype":"X9","shape":[4],"data_offsets":[0,4])"), 4), "unknown dtype \"X9\""},
      {File(field(R"("dtype":"U8","data_offsets":[0,4])"), 4), "lacks a dtype, a shape"},
      {File(field(R"("dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1])"), 1),
       "field \"dtype\" appears twice"},
      {File(field(R"("dtype":"U8","shape":[4],"data_offsets":[0,2,4])"), 4), "two numbers"},
      {File(field(R"("dtype":"U8","shape":[-4],"data_offsets":[0,4])"), 4), "whole number"},
      {File(field(R"("dtype":"U8","shape":[4.0],"data_offsets":[0,4])"), 4), "expected"},
      {File(field(R"("dtype":"U8","shape":[04],"data_offsets":[0,4])"), 4), "start with 0"},
      {File(field(R"("dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,4])"), 4),
       "beyond 2^63 - 1"},
      {File(field(R"("dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,0])"), 0),
       "2^63 bytes or more"},
      {File(field(R"("dtype":"U8","shape":[4],"data_offsets":[0,4],"x":1)"), 4),
       "unknown field \"x\""},
      {File("{\"a\xFF\":1}", 0), "not UTF-8"},
      {File("{\"a\n\":1}", 0), "control character"},
      {File("{\"a\\x\":1}", 0), "unknown escape"},
      {File("{\"\\ud800\":1}", 0), "surrogate"},
      {File("{\"\\udc00\":1}", 0), "surrogate"},
      {File("{\"\\u12g4\":1}", 0), "hexadecimal"},
      {File("{\"abc", 0), "does not end"},
  };
  for (const Case& c : cases) {
    EXPECT_THAT(Parse(Bytes(c.file)).status(), StatusIs(kInvalid, HasSubstr(c.says))) << c.file;
  }
}

TEST(SafetensorsTest, SurvivesEveryTruncationAndFlippedByte) {
  const std::string good =
      File("{\"__metadata__\":{\"k\":\"v\"}," + Entry("a", 0, 4) + "," + Entry("b", 4, 6) + "}", 6);
  ASSERT_THAT(Parse(Bytes(good)), IsOk());

  for (std::size_t n = 0; n < good.size(); ++n) {
    const std::string shorter = good.substr(0, n);
    EXPECT_THAT(Parse(Bytes(shorter)).status(), StatusIs(kInvalid)) << n;
  }
  Rng rng(4);
  for (int i = 0; i < 2000; ++i) {
    std::string flipped = good;
    flipped[rng.Below(good.size())] = static_cast<char>(rng.Bits());
    const auto contents = Parse(Bytes(flipped));
    if (!contents.ok()) {
      EXPECT_EQ(contents.status().code(), kInvalid);
    }
  }
}

TEST(SafetensorsTest, RefusesToWriteWhatItWouldNotRead) {
  const auto status = [](std::vector<TensorEntry> tensors) {
    return Header(tensors, {}, {}).status();
  };

  EXPECT_THAT(status({{"a", Dtype::kU8, {}}, {"a", Dtype::kF32, {}}}),
              StatusIs(kInvalid, HasSubstr("tensor \"a\" is repeated")));
  EXPECT_THAT(status({{"__metadata__", Dtype::kU8, {}}}),
              StatusIs(kInvalid, HasSubstr("reserved")));
  EXPECT_THAT(status({{"\xFF", Dtype::kU8, {}}}), StatusIs(kInvalid, HasSubstr("UTF-8")));
  EXPECT_THAT(status({{"a", Dtype::kF32, {uint64_t{1} << 62}}}), StatusIs(kInvalid));
  EXPECT_THAT(Header({}, {{"k", "\xFF"}}, {}).status(), StatusIs(kInvalid, HasSubstr("\"k\"")));
}

TEST(SafetensorsWriterTest, LeavesWhatWasThereUntilItIsWhole) {
  const test::TempFiles files;
  const std::string path = files.Write("m.safetensors", "old");
  {
    ASSERT_OK_AND_ASSIGN(Writer writer, Writer::Create(path, {{"w", Dtype::kU8, {4}}}, {}, {}));
    ASSERT_THAT(writer.Append(Bytes("123")), IsOk());

    EXPECT_THAT(writer.Finish(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                          HasSubstr("still misses 1 bytes of data")));
    EXPECT_THAT(writer.Append(Bytes("45")),
                StatusIs(kInvalid, "got 2 bytes of data where 1 are missing"));
  }

  EXPECT_EQ(ReadFile(path), "old");
  EXPECT_FALSE(std::filesystem::exists(path + ".part"));
}

TEST(SafetensorsWriterTest, NamesTheFileThatItCannotWrite) {
  const test::TempFiles files;

  EXPECT_THAT(Writer::Create(files.PathOf("none/m"), {}, {}, {}).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("none/m.part")));
}

TEST(MappedFileTest, WritesNeverReachTheFile) {
  const test::TempFiles files;
  const std::string path = files.Write("base", "abcd");
  {
    ASSERT_OK_AND_ASSIGN(const MappedFile file, MappedFile::Open(path, 4));
    file.bytes()[0] = std::byte{'x'};
    EXPECT_EQ(file.bytes()[0], std::byte{'x'});
  }

  EXPECT_EQ(ReadFile(path), "abcd");
}

TEST(MappedFileTest, SaysWhyItCannotMap) {
  const test::TempFiles files;
  const std::string path = files.Write("base", "abcd");

  EXPECT_THAT(MappedFile::Open(path, 5).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has 4 bytes, expected 5")));
  EXPECT_THAT(MappedFile::Open(files.PathOf("none")).status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none\": No such file")));
  EXPECT_THAT(MappedFile::Open(files.root()).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not a regular file")));
  const std::string empty = files.Write("empty", "");
  ASSERT_OK_AND_ASSIGN(const MappedFile nothing, MappedFile::Open(empty));
  EXPECT_TRUE(nothing.bytes().empty());
}

}  // namespace
}  // namespace gyrus::safetensors
