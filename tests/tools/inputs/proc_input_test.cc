// SPDX-License-Identifier: Apache-2.0
#include "tools/inputs/proc_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"

namespace gyrus {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using test::IsOkAndHolds;
using test::StatusIs;

// A fake machine that switches context 50 times a second.
class ProcInputTest : public testing::Test {
 protected:
  ProcInputTest() { Pass(seconds(0)); }

  void Pass(Nanos time) {
    clock_.Advance(time);
    const int64_t switches = clock_.Now() / milliseconds(20);
    files_.Write("proc/stat", absl::StrCat("ctxt ", switches, "\nprocs_running 2\n"));
  }

  absl::StatusOr<std::unique_ptr<ProcInput>> Open(Nanos period) {
    return ProcInput::Create(clock_, {.root = files_.root(),
                                      .period = period,
                                      .stop = &stop_,
                                      .wait = [this](Nanos time) { Pass(time); }});
  }

  test::FakeClock clock_;
  test::TempFiles files_;
  std::atomic<bool> stop_ = false;
};

TEST_F(ProcInputTest, GivesARecordPerPeriodWithRatesFromTheFirst) {
  ASSERT_OK_AND_ASSIGN(const auto input, Open(milliseconds(500)));
  Record record;

  for (int i = 1; i <= 3; ++i) {
    ASSERT_THAT(input->Next(&record), IsOkAndHolds(true));
    EXPECT_EQ(nanoseconds(record.time_ns), i * milliseconds(500));
    EXPECT_EQ(record.fields[0].value, 50);
    EXPECT_FALSE(record.fields[0].missing);
    EXPECT_EQ(record.fields[1].value, 2);
  }

  EXPECT_EQ(input->schema().kind, Schema::Kind::kTable);
  EXPECT_EQ(input->schema().columns[0].name, "context_switches_per_s");
  EXPECT_EQ(input->schema().columns[0].type, Schema::Type::kReal);
  EXPECT_EQ(input->size_hint(), std::nullopt);
}

TEST_F(ProcInputTest, LeavesOutWhatALateConsumerMissed) {
  ASSERT_OK_AND_ASSIGN(const auto input, Open(seconds(1)));
  Record record;

  Pass(milliseconds(3300));
  ASSERT_THAT(input->Next(&record), IsOkAndHolds(true));
  EXPECT_EQ(nanoseconds(record.time_ns), milliseconds(3300));
  ASSERT_THAT(input->Next(&record), IsOkAndHolds(true));

  EXPECT_EQ(nanoseconds(record.time_ns), seconds(4)) << "back on the grid";
  EXPECT_EQ(record.fields[0].value, 50);
}

TEST_F(ProcInputTest, MarksALostSensorAsMissing) {
  ASSERT_OK_AND_ASSIGN(const auto input, Open(milliseconds(1)));
  Record record;
  Pass(milliseconds(1));
  files_.Write("proc/stat", "procs_running 2\n");

  ASSERT_THAT(input->Next(&record), IsOkAndHolds(true));

  EXPECT_TRUE(record.fields[0].missing);
  EXPECT_FALSE(record.fields[1].missing);
}

TEST_F(ProcInputTest, EndsWhenAskedToStop) {
  ASSERT_OK_AND_ASSIGN(const auto input, Open(seconds(1)));
  Record record;

  stop_ = true;

  EXPECT_THAT(input->Next(&record), IsOkAndHolds(false));
  EXPECT_EQ(clock_.Now(), seconds(0)) << "it did not wait";
}

TEST_F(ProcInputTest, RefusesAPeriodOutOfRange) {
  EXPECT_THAT(Open(nanoseconds(0)), StatusIs(absl::StatusCode::kInvalidArgument,
                                             "period must be in [1, 3600000] ms, got 0 ms"));
  EXPECT_THAT(Open(std::chrono::hours(2)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "period must be in [1, 3600000] ms, got 7200000 ms"));
}

}  // namespace
}  // namespace gyrus
