// SPDX-License-Identifier: Apache-2.0
#include "runtime/snapshots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/health.h"
#include "runtime/runtime.h"
#include "tests/support/blocks.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::Blocks;
using test::IsOk;
using test::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

WallTime At(int seconds) { return WallTime(std::chrono::seconds(seconds)); }

class SnapshotsTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteFile(BrainPath(directory()), FormatBrain(test::TinyText())), IsOk());
  }

  std::string directory() const { return folder_.root(); }

  std::unique_ptr<Runtime> Open(bool read_only = false) const {
    auto runtime = Runtime::Open(directory(), {.read_only = read_only});
    EXPECT_THAT(runtime, IsOk());
    return *std::move(runtime);
  }

  std::unique_ptr<Snapshots> ToWrite() const {
    auto snapshots = Snapshots::Open(directory(), Snapshots::Access::kWrite);
    EXPECT_THAT(snapshots, IsOk());
    return *std::move(snapshots);
  }

  static void Read(Session* session, uint64_t steps) {
    for (uint64_t i = 0; i < steps; ++i) {
      const Value value{.present = true, .symbol = test::ProseByte(session->steps())};
      ASSERT_THAT(session->Step({.values = {&value, 1}}), IsOk());
    }
  }

  // Reads on and saves; returns all blocks then.
  std::string Learn(uint64_t steps, const std::string& name = "main") const {
    const auto runtime = Open();
    const auto session = *runtime->OpenSession({.name = name});
    Read(session.get(), steps);
    EXPECT_THAT(runtime->Save({session.get()}, {}), IsOk());
    return Blocks(&runtime->store());
  }

  std::string Now() const { return Blocks(&Open(true)->store()); }
  uint64_t Steps() const { return (*Open(true)->OpenSession({.mode = Mode::kFrozen}))->steps(); }

  test::TempFiles folder_;
};

TEST_F(SnapshotsTest, ARolledBackBrainGoesOnBitForBitAsItDidFromThere) {
  const auto then = Learn(400);
  ASSERT_THAT(ToWrite()->Save("then", At(1)), IsOk());
  const auto later = Learn(300);
  Learn(50, "other");

  const auto restored = ToWrite()->Rollback("then", At(2));

  ASSERT_THAT(restored, IsOk());
  EXPECT_GT(restored->blocks, 0U);
  EXPECT_EQ(restored->ended, 1U);
  EXPECT_EQ(restored->saved_as, "before-rollback-1");
  {
    const auto runtime = Open(true);
    EXPECT_EQ(Blocks(&runtime->store()), then);
    EXPECT_THAT(runtime->saved_sessions(), ElementsAre("main"));
  }
  EXPECT_EQ(Steps(), 400U);
  EXPECT_EQ(Learn(300), later);
}

TEST_F(SnapshotsTest, ARollbackCanBeUndone) {
  Learn(400);
  ASSERT_THAT(ToWrite()->Save("then", At(1)), IsOk());
  const auto later = Learn(300);
  const auto first = ToWrite()->Rollback("then", At(2));
  ASSERT_THAT(first, IsOk());

  ASSERT_THAT(ToWrite()->Rollback(first->saved_as, At(3)), IsOk());

  EXPECT_EQ(Now(), later);
  EXPECT_EQ(Steps(), 700U);
  EXPECT_THAT(ExamineBrain(directory()).wrong, IsEmpty());
}

TEST_F(SnapshotsTest, IsTakenWhileInlineSessionsLearn) {
  std::string then;
  {
    const auto runtime = Open();
    const auto session = *runtime->OpenSession({});
    Read(session.get(), 400);
    ASSERT_THAT(runtime->SaveSnapshot({.name = "then", .time = At(1)}), IsOk());
    then = Blocks(&runtime->store());
    Read(session.get(), 300);
    EXPECT_THAT(runtime->SaveSnapshot({.name = "then", .time = At(2)}),
                StatusIs(absl::StatusCode::kAlreadyExists));
    EXPECT_THAT(runtime->SaveSnapshot({.name = "", .time = At(2)}),
                StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_FALSE(runtime->failing());
    ASSERT_THAT(runtime->Save({session.get()}, {}), IsOk());
  }
  const auto snapshots = ToWrite();
  const auto list = snapshots->List();
  ASSERT_THAT(list, IsOk());
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ((*list)[0].steps, 400U);
  EXPECT_EQ((*list)[0].time, At(1));
  ASSERT_THAT(snapshots->Rollback("then", At(3)), IsOk());
  EXPECT_EQ(Now(), then);
  EXPECT_EQ(Steps(), 400U);
}

TEST_F(SnapshotsTest, IsTakenWhileASessionLearnsInTheBackground) {
  {
    const auto runtime = Open();
    const auto session = *runtime->OpenSession({.mode = Mode::kBackground});
    Read(session.get(), 200);
    ASSERT_THAT(runtime->Drain(), IsOk());
    ASSERT_THAT(runtime->SaveSnapshot({.name = "then", .time = At(1)}), IsOk());
    Read(session.get(), 100);
    ASSERT_THAT(runtime->Drain(), IsOk());
    ASSERT_THAT(runtime->Save({session.get()}, {}), IsOk());
  }
  EXPECT_EQ(Steps(), 300U);
  const auto restored = ToWrite()->Rollback("then", At(3));
  ASSERT_THAT(restored, IsOk());
  EXPECT_EQ(restored->to.steps, 200U);
  EXPECT_EQ(Steps(), 200U);
}

TEST_F(SnapshotsTest, OnlyTheNewestAutomaticOnesStay) {
  const auto runtime = Open();
  const auto session = *runtime->OpenSession({});
  for (int i = 0; i < 5; ++i) {
    Read(session.get(), 20);
    const std::string name = "auto-" + std::to_string(i);
    ASSERT_THAT(runtime->SaveSnapshot({.name = name, .time = At(i), .keep = 2}), IsOk());
    if (i == 1) {
      ASSERT_THAT(runtime->SaveSnapshot({.name = "mine", .time = At(i)}), IsOk());
    }
  }
  const auto snapshots = Snapshots::Open(directory(), Snapshots::Access::kRead);
  ASSERT_THAT(snapshots, IsOk());
  const auto list = (*snapshots)->List();
  ASSERT_THAT(list, IsOk());
  std::vector<std::string> names;
  for (const StateSnapshot& snapshot : *list) names.push_back(snapshot.names[0].name);
  EXPECT_THAT(names, ElementsAre("mine", "auto-3", "auto-4"));
}

TEST_F(SnapshotsTest, AFollowerSeesARollback) {
  const auto then = Learn(400);
  ASSERT_THAT(ToWrite()->Save("then", At(1)), IsOk());
  Learn(300);
  const auto follower = Open(true);
  ASSERT_NE(Blocks(&follower->store()), then);

  ASSERT_THAT(ToWrite()->Rollback("then", At(2)), IsOk());

  const auto newer = follower->Refresh();
  ASSERT_THAT(newer, IsOk());
  EXPECT_TRUE(*newer);
  EXPECT_EQ(Blocks(&follower->store()), then);
}

TEST_F(SnapshotsTest, DiffTellsTablesBlocksAndTheLargestChange) {
  Learn(400);
  ASSERT_THAT(ToWrite()->Save("first", At(1)), IsOk());
  Learn(1);
  ASSERT_THAT(ToWrite()->Save("second", At(2)), IsOk());
  Learn(300);
  const auto snapshots = Snapshots::Open(directory(), Snapshots::Access::kRead);
  ASSERT_THAT(snapshots, IsOk());

  const auto step = (*snapshots)->Diff("first", "second");
  const auto all = (*snapshots)->Diff("first", "");

  ASSERT_THAT(step, IsOk());
  ASSERT_THAT(all, IsOk());
  EXPECT_GE(all->size(), step->size());
  bool cursor = false;
  for (const auto& table : *step) {
    EXPECT_GT(table.changed, 0U) << table.name;
    EXPECT_LE(table.changed, table.blocks) << table.name;
    EXPECT_FALSE(table.tensors.empty()) << table.name;
    if (table.name != "match.cursor") continue;
    cursor = true;
    EXPECT_EQ(table.tensors[0].largest, 1);  // One step.
  }
  EXPECT_TRUE(cursor);
  EXPECT_THAT((*snapshots)->Diff("second", "second"), test::IsOkAndHolds(IsEmpty()));
  EXPECT_THAT((*snapshots)->Diff("second", "first"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("name the older one first")));
  EXPECT_THAT((*snapshots)->Diff("third", ""), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(SnapshotsTest, SaysTheWayOutBesideALearner) {
  Learn(10);
  const auto runtime = Open();
  EXPECT_THAT(Snapshots::Open(directory(), Snapshots::Access::kWrite),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("--snapshot-every")));
  EXPECT_THAT(Snapshots::Open(directory(), Snapshots::Access::kRead), IsOk());
}

}  // namespace
}  // namespace gyrus
