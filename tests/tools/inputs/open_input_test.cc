// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/open_input.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"
#include "tests/tools/inputs/idx_bytes.h"
#include "tools/inputs/arrange.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::IsOkAndHolds;
using test::StatusIs;
using testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

// Stands in for standard input while it lives: a pipe that `bytes` were written to.
class PipedInput {
 public:
  enum class Then { kClose, kStayOpen };

  PipedInput(const std::string& bytes, Then then) : saved_(dup(STDIN_FILENO)) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    EXPECT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    dup2(ends[0], STDIN_FILENO);
    close(ends[0]);
    if (then == Then::kClose) {
      close(ends[1]);
    } else {
      write_end_ = ends[1];
    }
  }
  ~PipedInput() {
    dup2(saved_, STDIN_FILENO);
    close(saved_);
    if (write_end_ >= 0) close(write_end_);
  }
  PipedInput(const PipedInput&) = delete;
  PipedInput& operator=(const PipedInput&) = delete;

 private:
  int saved_;
  int write_end_ = -1;
};

absl::StatusOr<std::string> ReadBytes(const std::string& path, const InputOptions& options) {
  GYRUS_ASSIGN_OR_RETURN(const auto input, OpenInput(path, options));
  std::string bytes;
  Record record;
  for (;;) {
    GYRUS_ASSIGN_OR_RETURN(const bool more, input->Next(&record));
    if (!more) return bytes;
    bytes.push_back(static_cast<char>(record.symbol));
  }
}

absl::StatusOr<Schema::Kind> KindOf(const std::string& path) {
  GYRUS_ASSIGN_OR_RETURN(const auto input, OpenInput(path, {}));
  return input->schema().kind;
}

TEST(OpenInputTest, KnowsAFileByItsNameOrItsFirstBytes) {
  const test::TempFiles files;

  EXPECT_THAT(KindOf(files.Write("a.csv", "x\n1\n")), IsOkAndHolds(Schema::Kind::kTable));
  EXPECT_THAT(KindOf(files.Write("a.TSV", "x\n1\n")), IsOkAndHolds(Schema::Kind::kTable));
  EXPECT_THAT(KindOf(files.Write("a.txt", "x\n1\n")), IsOkAndHolds(Schema::Kind::kBytes));
  EXPECT_THAT(KindOf(files.Write("a.bin", test::IdxImages(1, 1, 1, "a"))),
              IsOkAndHolds(Schema::Kind::kImages));
}

TEST(OpenInputTest, ReadsAFileAsWhatItIsAskedToBe) {
  const test::TempFiles files;
  const std::string path = files.Write("data", "x\n1\n");

  ASSERT_OK_AND_ASSIGN(const auto table, OpenInput(path, {.kind = Schema::Kind::kTable}));

  EXPECT_EQ(table->schema().columns.size(), 1U);
  EXPECT_THAT(ReadBytes(files.Write("data.csv", "x\n1\n"), {.kind = Schema::Kind::kBytes}),
              IsOkAndHolds("x\n1\n"));
  EXPECT_THAT(OpenInput(path, {.kind = Schema::Kind::kImages}),
              StatusIs(kInvalid, HasSubstr("expected an IDX header of 16 bytes, found 4 bytes")));
}

TEST(OpenInputTest, FindsTheLabelsBesideTheImages) {
  const test::TempFiles files;
  const std::string path = files.Write("t-images.idx3-ubyte", test::IdxImages(2, 1, 1, "ab"));
  files.Write("t-labels.idx1-ubyte", test::IdxLabels(2, "\x02\x01"));

  ASSERT_OK_AND_ASSIGN(auto images, OpenInput(path, {}));
  ASSERT_OK_AND_ASSIGN(const auto ordered, OrderByClass(std::move(images), {}));
  Record record;

  ASSERT_THAT(ordered->Next(&record), IsOkAndHolds(true));
  EXPECT_EQ(record.label, 1);
  EXPECT_EQ(record.pixels[0], 'b');
}

TEST(OpenInputTest, RefusesWhatCannotBeRead) {
  const test::TempFiles files;
  const std::string packed = files.Write("a.csv.gz", "\x1f\x8b\x08");
  const std::string labels = files.Write("labels", test::IdxLabels(1, "a"));
  const std::string empty = files.Write("empty.csv", "");

  EXPECT_THAT(OpenInput(packed, {}),
              StatusIs(kInvalid, packed + " is compressed with gzip: unpack it first with gunzip"));
  EXPECT_THAT(OpenInput(files.PathOf("a.csv"), {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("a.csv.gz: unpack it first")));
  EXPECT_THAT(OpenInput(files.PathOf("none.csv"), {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.csv")));
  EXPECT_THAT(OpenInput(labels, {}), StatusIs(kInvalid, HasSubstr("give the file of the images")));
  EXPECT_THAT(OpenInput(empty, {}),
              StatusIs(kInvalid, empty + " is empty, expected at least 1 byte"));
  EXPECT_THAT(OpenInput(files.root(), {}),
              StatusIs(kInvalid, HasSubstr("is a directory, expected a file")));
  EXPECT_THAT(OpenInput(files.root(), {.kind = Schema::Kind::kTable}),
              StatusIs(kInvalid, HasSubstr("is a directory, expected a file")));
}

TEST(OpenInputTest, ConcatenatesADirectoryInOrderOfPaths) {
  const test::TempFiles files;
  files.Write("b", "2");
  files.Write("a/z", "1");
  files.Write("c", "");
  files.Write("d", "34");
  std::filesystem::create_symlink(files.PathOf("b"), files.PathOf("e"));

  ASSERT_OK_AND_ASSIGN(const auto input, OpenInput(files.root(), {.kind = Schema::Kind::kBytes}));

  EXPECT_EQ(input->size_hint(), 4U);
  EXPECT_THAT(ReadBytes(files.root(), {.kind = Schema::Kind::kBytes}), IsOkAndHolds("1234"));
}

TEST(OpenInputTest, SkipsWhatIsNoTextInADirectoryAndSaysSo) {
  const test::TempFiles files;
  const InputOptions bytes{.kind = Schema::Kind::kBytes};
  files.Write("a", std::string("\0", 1));
  EXPECT_THAT(OpenInput(files.root(), bytes),
              StatusIs(kInvalid, HasSubstr("without a text file: " + files.PathOf("a"))));
  files.Write("b", "text");
  for (const char* name : {"c", "d", "e"}) files.Write(name, std::string("text \0", 6));
  files.Write("f", std::string(9000, ' ') + std::string("\0", 1));

  ASSERT_OK_AND_ASSIGN(const auto input, OpenInput(files.root(), bytes));

  EXPECT_EQ(input->size_hint(), 4U + 9001U);
  EXPECT_EQ(input->note(),
            absl::StrCat(files.root(),
                         ": skips 4 of 6 files, which hold binary data: ", files.PathOf("a"), ", ",
                         files.PathOf("c"), ", ", files.PathOf("d"), " and 1 more"));
  ASSERT_OK_AND_ASSIGN(const auto file, OpenInput(files.PathOf("a"), bytes));
  EXPECT_EQ(file->note(), "");
}

TEST(OpenInputTest, RefusesADirectoryWithoutAByte) {
  const test::TempFiles files;
  const InputOptions bytes{.kind = Schema::Kind::kBytes};

  EXPECT_THAT(OpenInput(files.root(), bytes), StatusIs(kInvalid, HasSubstr("without a file")));
  files.Write("a", "");
  EXPECT_THAT(OpenInput(files.root(), bytes),
              StatusIs(kInvalid, "all of the 1 files are empty, expected at least 1 byte"));
}

TEST(OpenInputTest, ReadsStandardInput) {
  {
    const PipedInput pipe("abc", PipedInput::Then::kClose);
    EXPECT_THAT(ReadBytes("-", {}), IsOkAndHolds("abc"));
  }
  {
    const PipedInput pipe("", PipedInput::Then::kClose);
    EXPECT_THAT(OpenInput("-", {}),
                StatusIs(kInvalid, "standard input is empty, expected at least 1 byte"));
  }
}

TEST(OpenInputTest, ReadsATableFromAPipeOnceOnly) {
  // Longer than one buffer, so that the start is gone when the end has been read.
  std::string text = "id,class\n";
  for (int i = 0; i < 6000; ++i) absl::StrAppend(&text, i % 10, ",x\n");
  const PipedInput pipe(text, PipedInput::Then::kClose);
  ASSERT_OK_AND_ASSIGN(auto table,
                       OpenInput("-", {.kind = Schema::Kind::kTable, .inference_rows = 5}));
  Record record;
  ASSERT_THAT(table->Next(&record), IsOkAndHolds(true));
  EXPECT_EQ(record.fields[1].text, "x");
  EXPECT_EQ(table->size_hint(), std::nullopt);

  const Place first = record.place;
  int rows = 1;
  while (table->Next(&record).value()) ++rows;

  EXPECT_EQ(rows, 6000);
  EXPECT_THAT(table->Seek(first), StatusIs(absl::StatusCode::kFailedPrecondition,
                                           "standard input can only be read once, from start to "
                                           "end"));
}

TEST(OpenInputTest, OpensTheSensorsOfThisMachineAsATable) {
  const test::FakeClock clock;

  ASSERT_OK_AND_ASSIGN(const auto sensors, OpenInput("proc", {.clock = &clock}));

  EXPECT_EQ(sensors->schema().kind, Schema::Kind::kTable);
  EXPECT_NE(sensors->schema().Find("load_1min"), std::nullopt);
  EXPECT_THAT(OpenInput("proc", {.kind = Schema::Kind::kBytes, .clock = &clock}),
              StatusIs(kInvalid, HasSubstr("proc is a table of live sensors")));
  EXPECT_THAT(OpenInput("proc", {}), StatusIs(kInvalid, HasSubstr("clock, got none")));
}

TEST(OpenInputTest, EndsWhenAskedToStop) {
  const PipedInput pipe("id,class\n1,x\n2,", PipedInput::Then::kStayOpen);
  std::atomic<bool> stop = false;
  ASSERT_OK_AND_ASSIGN(
      const auto table,
      OpenInput("-", {.kind = Schema::Kind::kTable, .inference_rows = 1, .stop = &stop}));
  Record record;
  ASSERT_THAT(table->Next(&record), IsOkAndHolds(true));

  stop = true;

  EXPECT_THAT(table->Next(&record), IsOkAndHolds(false)) << "half a row is no row";
}

}  // namespace
}  // namespace gyrus
