// SPDX-License-Identifier: Apache-2.0
// A brain's life on the disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/runtime.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::IsOkAndHolds;
using test::ProseByte;
using test::StatusIs;
using testing::HasSubstr;

class RuntimeDirectoryTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteFile(BrainPath(directory()), FormatBrain(test::TinyText())), IsOk());
  }

  std::string directory() const { return folder_.root(); }

  std::unique_ptr<Runtime> Open(const Runtime::Options& options = {}) {
    auto runtime = Runtime::Open(directory(), options);
    EXPECT_THAT(runtime, IsOk());
    return runtime.ok() ? *std::move(runtime) : nullptr;
  }

  // Reads bytes [from, to) of the prose and returns the loss of the last.
  static double Read(Session* session, uint64_t from, uint64_t to) {
    for (uint64_t i = from; i < to; ++i) {
      const Value value{.present = true, .symbol = ProseByte(i)};
      EXPECT_THAT(session->Step({.values = {&value, 1}}), IsOk());
    }
    return session->learner()->last().loss;
  }

  test::TempFiles folder_;
};

TEST_F(RuntimeDirectoryTest, GoesOnBitForBitAfterItWasClosed) {
  const auto straight = *Runtime::Create(test::TinyText(), {});
  const auto one = *straight->OpenSession({});
  Read(one.get(), 0, 300);
  const double expected = Read(one.get(), 300, 500);

  for (const uint64_t end : {100U, 300U}) {
    const auto runtime = Open();
    const auto session = *runtime->OpenSession({});
    Read(session.get(), session->steps(), end);
    ASSERT_THAT(runtime->Save({session.get()}, {}), IsOk());
  }
  const auto runtime = Open();
  const auto session = *runtime->OpenSession({});

  EXPECT_EQ(session->steps(), 300U);
  EXPECT_EQ(Read(session.get(), 300, 500), expected);
}

TEST_F(RuntimeDirectoryTest, ForgetsWhatWasNotSaved) {
  {
    const auto runtime = Open({.durability = {.when = Durability::When::kOnClose}});
    const auto session = *runtime->OpenSession({});
    Read(session.get(), 0, 100);
    ASSERT_THAT(runtime->Save({session.get()}, {"first"}), IsOk());
    Read(session.get(), 100, 200);
  }

  const auto runtime = Open();
  const auto session = *runtime->OpenSession({});

  EXPECT_EQ(session->steps(), 100U);
  EXPECT_THAT(*runtime->History(), testing::ElementsAre("first"));
}

TEST_F(RuntimeDirectoryTest, RefusesASecondWriterAndLetsAReaderLook) {
  const auto writer = Open();
  const auto session = *writer->OpenSession({});
  Read(session.get(), 0, 100);
  ASSERT_THAT(writer->Save({session.get()}, {}), IsOk());

  EXPECT_THAT(Runtime::Open(directory(), {}), StatusIs(absl::StatusCode::kUnavailable));
  const auto reader = Open({.read_only = true});
  EXPECT_THAT(reader->OpenSession({}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("read-only")));
  EXPECT_THAT(reader->OpenSession({.mode = Mode::kFrozen}), IsOk());
  EXPECT_THAT(reader->Save({}, {}), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(RuntimeDirectoryTest, AReaderFollowsItsWriter) {
  const auto writer = Open({.durability = {.when = Durability::When::kOnClose}});
  const auto learning = *writer->OpenSession({});
  Read(learning.get(), 0, 100);
  ASSERT_THAT(writer->Save({learning.get()}, {}), IsOk());
  const auto reader = Open({.read_only = true});
  const auto frozen = *reader->OpenSession({.name = "frozen", .mode = Mode::kFrozen});
  const auto expect_equal = [&] {
    for (uint32_t t = 0; t < writer->store().num_tables(); ++t) {
      const TableSpec& spec = writer->store().spec(t);
      for (uint32_t i = 0; i < spec.blocks; ++i) {
        ASSERT_EQ(std::memcmp(writer->store().Draft().table(t).Read(i),
                              reader->store().Draft().table(t).Read(i), spec.layout.block_bytes()),
                  0)
            << spec.name << " " << i;
      }
    }
  };

  EXPECT_THAT(reader->Refresh(), IsOkAndHolds(false));
  // So often that the journal is folded on the way.
  for (uint64_t n = 0; n < 60; ++n) {
    Read(learning.get(), 100 + 10 * n, 110 + 10 * n);
    ASSERT_THAT(writer->Save({learning.get()}, {}), IsOk());
    if (n % 7 != 0) continue;
    const SnapshotNumber before = reader->store().published();
    ASSERT_THAT(reader->Refresh(), IsOkAndHolds(true));
    EXPECT_GT(reader->store().published(), before);
    expect_equal();
    EXPECT_THAT(reader->Refresh(), IsOkAndHolds(false));
    const Value value{.present = true, .symbol = ProseByte(n)};
    EXPECT_THAT(frozen->Step({.values = {&value, 1}}), IsOk());
  }
  EXPECT_THAT(writer->Refresh(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(RuntimeDirectoryTest, RefusesAStateOfAnotherBrain) {
  { ASSERT_THAT(Open()->Save({}, {}), IsOk()); }
  BrainSpec other = test::TinyText();
  std::get<MemoryExpertSpec>(std::get<MixingHeadSpec>(other.heads[0].kind).experts[0].kind)
      .rows_log2 = 9;
  ASSERT_THAT(WriteFile(BrainPath(directory()), FormatBrain(other)), IsOk());

  EXPECT_THAT(Runtime::Open(directory(), {}), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(RuntimeDirectoryTest, SaysWhereNoBrainIs) {
  EXPECT_THAT(Runtime::Open(directory() + "/none", {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("brain.textproto")));
}

TEST_F(RuntimeDirectoryTest, ExportsAFileThatOtherToolsOpen) {
  const auto runtime = Open();
  const std::string path = directory() + "/brain.safetensors";

  ASSERT_THAT(runtime->Export(path), IsOk());

  std::ifstream file(path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_THAT(bytes.substr(8, 4000),
              HasSubstr("\"memory.rows.p\":{\"dtype\":\"U16\",\"shape\":[2816,1,15]"));
}

}  // namespace
}  // namespace gyrus
