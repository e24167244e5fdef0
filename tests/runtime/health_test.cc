// SPDX-License-Identifier: Apache-2.0
#include "runtime/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/runtime.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::StatusIs;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class HealthTest : public testing::Test {
 protected:
  void SetUp() override { Write(test::TinyText()); }

  std::string directory() const { return folder_.root(); }
  std::string state() const { return StatePath(directory()); }

  void Write(const BrainSpec& spec) {
    ASSERT_THAT(WriteFile(BrainPath(directory()), FormatBrain(spec)), IsOk());
  }

  // Reads on by `steps` and saves; returns the steps in all.
  uint64_t Learn(uint64_t steps) {
    const auto runtime = Runtime::Open(directory(), {});
    EXPECT_THAT(runtime, IsOk());
    if (!runtime.ok()) return 0;
    const auto session = *(*runtime)->OpenSession({});
    for (uint64_t i = 0; i < steps; ++i) {
      const Value value{.present = true, .symbol = test::ProseByte(session->steps())};
      EXPECT_THAT(session->Step({.values = {&value, 1}}), IsOk());
    }
    EXPECT_THAT((*runtime)->Save({session.get()}, {"line"}), IsOk());
    return session->steps();
  }

  // Overwrites what lies in the middle of the file.
  void Damage() {
    std::fstream file(state(), std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(state()) / 2);
    file.seekp(middle);
    file << std::string(64, 'D');
  }

  test::TempFiles folder_;
};

TEST_F(HealthTest, FindsNothingWrongWithAWholeBrain) {
  EXPECT_THAT(ExamineBrain(directory()).wrong, IsEmpty());
  Learn(50);

  const BrainHealth health = ExamineBrain(directory());

  EXPECT_THAT(health.wrong, IsEmpty());
  EXPECT_THAT(health.notes, Contains(HasSubstr("1 of 1 rows of the journal")));
  EXPECT_FALSE(health.repairable);
  EXPECT_THAT(RepairBrain(directory()), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(HealthTest, RepairsADamagedStateAndKeepsTheDamagedFile) {
  Learn(50);
  const uint64_t steps = Learn(50);
  Damage();

  const BrainHealth health = ExamineBrain(directory());
  EXPECT_THAT(health.wrong, testing::Not(IsEmpty()));
  ASSERT_TRUE(health.repairable);
  const auto repair = RepairBrain(directory());
  ASSERT_THAT(repair, IsOk());

  EXPECT_EQ(repair->kept_as, state() + ".damaged-1");
  EXPECT_TRUE(std::filesystem::exists(repair->kept_as));
  EXPECT_THAT(ExamineBrain(directory()).wrong, IsEmpty());
  EXPECT_EQ(Learn(10), steps + 10);
  Damage();
  ASSERT_THAT(RepairBrain(directory()), IsOk());
  EXPECT_TRUE(std::filesystem::exists(state() + ".damaged-2"));
}

TEST_F(HealthTest, BeginsAnewWhereNothingCanBeRead) {
  Learn(50);
  std::ofstream(state(), std::ios::binary) << std::string(9000, 'D');

  EXPECT_THAT(ExamineBrain(directory()).wrong, ElementsAre(HasSubstr("no database")));
  const auto repair = RepairBrain(directory());

  ASSERT_THAT(repair, IsOk());
  EXPECT_THAT(repair->kept, ElementsAre(HasSubstr("begins anew")));
  EXPECT_EQ(Learn(10), 10U);
}

TEST_F(HealthTest, SaysWhatARepairCannotPutRight) {
  EXPECT_THAT(ExamineBrain(directory() + "/none").wrong, ElementsAre(HasSubstr("no directory")));
  Learn(50);
  BrainSpec other = test::TinyText();
  std::get<MemoryExpertSpec>(std::get<MixingHeadSpec>(other.heads[0].kind).experts[0].kind)
      .rows_log2 = 9;
  Write(other);
  EXPECT_THAT(ExamineBrain(directory()).wrong, ElementsAre(HasSubstr("another brain")));
  EXPECT_THAT(RepairBrain(directory()), StatusIs(absl::StatusCode::kFailedPrecondition));

  folder_.Write("brain.textproto", "name: \"x\" sed: 3");
  EXPECT_THAT(ExamineBrain(directory()).wrong,
              ElementsAre(HasSubstr("brain.textproto:1"), HasSubstr("cannot be judged")));
  std::filesystem::remove(BrainPath(directory()));
  EXPECT_THAT(ExamineBrain(directory()).wrong,
              ElementsAre(HasSubstr("brain.textproto"), HasSubstr("cannot be judged")));
}

TEST_F(HealthTest, TellsWhoLearnsIntoItAndLeavesThatAlone) {
  Learn(50);
  const auto writer = Runtime::Open(directory(), {});
  ASSERT_THAT(writer, IsOk());

  const BrainHealth health = ExamineBrain(directory());

  EXPECT_THAT(health.wrong, IsEmpty());
  EXPECT_THAT(health.notes, Contains(HasSubstr("is in use by process")));
}

}  // namespace
}  // namespace gyrus
