// SPDX-License-Identifier: Apache-2.0
// What Snapshots::Forget makes of a brain, beside a naive model of each block.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/rng.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/health.h"
#include "runtime/runtime.h"
#include "runtime/snapshots.h"
#include "tests/support/blocks.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::Blocks;
using test::IsOk;
using test::StatusIs;
using testing::HasSubstr;

using Image = std::map<BlockId, std::string>;

// A brain whose tables merge in every way: memory rows by counts, weights by mean, and the
// histories of a match and of symbols by no law.
BrainSpec OfManyLaws() { return test::TinyText(); }

WallTime Time(int seconds) { return WallTime(std::chrono::seconds(seconds)); }

class ForgetTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(WriteFile(BrainPath(directory()), FormatBrain(OfManyLaws())), IsOk());
    plan_ = *Plan::Create(OfManyLaws());
    store_ = *plan_->MakeStore({}, 1);
  }

  std::string directory() const { return folder_.root(); }

  std::unique_ptr<Snapshots> ToWrite() const {
    auto snapshots = Snapshots::Open(directory(), Snapshots::Access::kWrite);
    EXPECT_THAT(snapshots, IsOk());
    return *std::move(snapshots);
  }

  std::string Now() const {
    const auto runtime = Runtime::Open(directory(), {.read_only = true});
    EXPECT_THAT(runtime, IsOk());
    return Blocks(&(*runtime)->store());
  }

  // Reads `steps` bytes as `text` has them from its place `at`, and saves.
  void Learn(uint64_t at, uint64_t steps, uint64_t (*text)(uint64_t)) const {
    const auto runtime = *Runtime::Open(directory(), {});
    const auto session = *runtime->OpenSession({});
    for (uint64_t i = at; i < at + steps; ++i) {
      const Value value{.present = true, .symbol = static_cast<uint32_t>(text(i))};
      ASSERT_THAT(session->Step({.values = {&value, 1}}), IsOk());
    }
    ASSERT_THAT(runtime->Save({session.get()}, {}), IsOk());
  }

  static uint64_t Prose(uint64_t i) { return test::ProseByte(i); }
  static uint64_t Noise(uint64_t i) { return (i * i * 2654435761U >> 7) & 255; }

  // Which blocks a commit may write.
  struct Range {
    uint32_t from = 0;
    uint32_t to = 12;
    bool lawful = false;  // None of tables without a law.
  };

  // Writes random finite numbers into random blocks, in one commit.
  void Commit(Rng* rng, uint64_t blocks, const Range& range, Image* image) {
    const auto state = StateDb::Open(StatePath(directory()), WriteOptions());
    ASSERT_THAT(state, IsOk());
    Image changed;
    for (uint64_t n = 0; n < blocks; ++n) {
      const auto table = static_cast<uint32_t>(rng->Below(store_->num_tables()));
      const TableSpec& spec = store_->spec(table);
      if (spec.blocks < range.to || (range.lawful && HasNoLaw(table))) continue;
      const auto index = range.from + static_cast<uint32_t>(rng->Below(range.to - range.from));
      std::string bytes(spec.layout.block_bytes(), '\0');
      for (std::size_t i = 0; i < bytes.size(); i += 4) {
        const float value = static_cast<float>(rng->Below(2000)) / 16 - 60;
        std::memcpy(&bytes[i], &value, 4);
      }
      changed[{table, index}] = bytes;
    }
    StateCommit commit;
    commit.number = (*state)->Sessions()->number + 1;
    for (const auto& [id, bytes] : changed) {
      commit.blocks.push_back({id, std::as_bytes(std::span(bytes))});
      (*image)[id] = bytes;
    }
    ASSERT_THAT((*state)->Append(commit), IsOk());
    if (rng->Below(2) == 0) {
      ASSERT_THAT((*state)->Fold(), IsOk());
    }
  }

  StateDb::Options WriteOptions() const {
    StateDb::Options options = StateOptionsOf(*plan_);
    options.mode = StateDb::Mode::kCreate;
    return options;
  }

  std::string BlockOf(const Image& image, BlockId id) const {
    const auto found = image.find(id);
    if (found != image.end()) return found->second;
    const auto* const bytes =
        reinterpret_cast<const char*>(store_->Draft().table(id.table).Read(id.index));
    return {bytes, store_->spec(id.table).layout.block_bytes()};
  }

  std::string OwnerOf(uint32_t table) const {
    const std::string& name = store_->spec(table).name;
    return name.substr(0, name.find('.'));
  }

  bool HasNoLaw(uint32_t table) const {
    bool none = true;
    for (const TensorSpec& tensor : store_->spec(table).layout.tensors()) {
      none = none && tensor.merge == Merge::kNever;
    }
    return none;
  }

  // What the rules say, float by float; only f32 tensors may merge by mean or sum here.
  std::string Expected(BlockId id, const std::string& a, const std::string& b,
                       const std::string& c) const {
    const BlockLayout& layout = store_->spec(id.table).layout;
    std::string out = c;
    const auto part = [&](const std::string& from, std::size_t t) {
      return from.substr(layout.offset(t), layout.tensor_bytes(t));
    };
    bool counts = false;
    for (std::size_t t = 0; t < layout.tensors().size(); ++t) {
      counts |= layout.tensors()[t].merge == Merge::kCounts && part(a, t) != part(b, t);
    }
    for (std::size_t t = 0; t < layout.tensors().size(); ++t) {
      const Merge merge = layout.tensors()[t].merge;
      const bool within = merge == Merge::kCounts ? counts : part(a, t) != part(b, t);
      if (!within) continue;
      std::string made = part(a, t);
      if (merge == Merge::kMean || merge == Merge::kSum) {
        for (std::size_t i = 0; i < made.size(); i += 4) {
          float x[3];
          std::memcpy(&x[0], &part(a, t)[i], 4);
          std::memcpy(&x[1], &part(b, t)[i], 4);
          std::memcpy(&x[2], &part(c, t)[i], 4);
          double y = double{x[0]} + (double{x[2]} - double{x[1]});
          if (merge == Merge::kMean) {
            y = std::min(y, std::max(double{x[0]}, double{x[2]}));
            y = std::max(y, std::min(double{x[0]}, double{x[2]}));
          }
          const auto z = static_cast<float>(y);
          std::memcpy(&made[i], &z, 4);
        }
      }
      out.replace(layout.offset(t), made.size(), made);
    }
    return out;
  }

  test::TempFiles folder_;
  std::unique_ptr<const Plan> plan_;
  std::unique_ptr<Store> store_;
};

TEST_F(ForgetTest, AnIntervalThatEndsNowLeavesTheBrainAsItWasBefore) {
  Learn(0, 400, Prose);
  ASSERT_THAT(ToWrite()->Save("before", Time(1)), IsOk());
  const std::string before = Now();
  Learn(400, 300, Noise);
  ASSERT_THAT(ToWrite()->Save("after", Time(2)), IsOk());
  const std::string after = Now();

  const auto forgotten = ToWrite()->Forget("before", "after", Time(3));

  ASSERT_THAT(forgotten, IsOk());
  EXPECT_GT(forgotten->exact, 0U);
  EXPECT_EQ(forgotten->approximate + forgotten->lost, 0U);
  EXPECT_EQ(Now(), before);
  Learn(400, 100, Prose);
  const std::string never = Now();
  ASSERT_THAT(ToWrite()->Rollback("before", Time(4)), IsOk());
  Learn(400, 100, Prose);
  EXPECT_EQ(Now(), never);
  ASSERT_THAT(ToWrite()->Rollback(forgotten->saved_as, Time(5)), IsOk());
  EXPECT_EQ(Now(), after);
}

TEST_F(ForgetTest, EqualsANaiveModelBlockByBlock) {
  uint64_t approximate = 0;
  uint64_t lost = 0;
  for (uint64_t seed = 0; seed < 12 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    std::filesystem::remove(StatePath(directory()));
    Rng rng(seed);
    Image image[3];
    Commit(&rng, 60, {}, &image[0]);
    ASSERT_THAT(ToWrite()->Save("before", Time(1)), IsOk());
    image[1] = image[0];
    Commit(&rng, 30, {.lawful = seed % 2 == 0}, &image[1]);
    ASSERT_THAT(ToWrite()->Save("after", Time(2)), IsOk());
    image[2] = image[1];
    Commit(&rng, 30, {}, &image[2]);
    Commit(&rng, 30, {}, &image[2]);

    const auto forgotten = ToWrite()->Forget("before", "after", Time(3));

    ASSERT_THAT(forgotten, IsOk());
    approximate += forgotten->approximate;
    lost += forgotten->lost;
    std::set<std::string> back;
    for (const auto& [id, bytes] : image[2]) {
      if (HasNoLaw(id.table) && BlockOf(image[0], id) != BlockOf(image[1], id)) {
        back.insert(OwnerOf(id.table));
      }
    }
    const auto runtime = *Runtime::Open(directory(), {.read_only = true});
    for (const auto& [id, bytes] : image[2]) {
      const std::string before = BlockOf(image[0], id);
      const bool goes_back = HasNoLaw(id.table) && back.count(OwnerOf(id.table)) > 0;
      const std::string want =
          goes_back ? before : Expected(id, before, BlockOf(image[1], id), bytes);
      const auto* const got = runtime->store().Draft().table(id.table).Read(id.index);
      EXPECT_EQ(std::memcmp(got, want.data(), want.size()), 0)
          << store_->spec(id.table).name << " " << id.index;
    }
  }
  EXPECT_GT(approximate, 0U);
  EXPECT_GT(lost, 0U);
}

TEST_F(ForgetTest, WhereNothingElseTouchedItsBlocksItIsAsIfItHadNeverBeen) {
  for (uint64_t seed = 0; seed < 6 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    std::filesystem::remove(StatePath(directory()));
    Rng rng(seed);
    Image never;
    Commit(&rng, 60, {}, &never);
    ASSERT_THAT(ToWrite()->Save("before", Time(1)), IsOk());
    Image other;
    Commit(&rng, 30, {.from = 0, .to = 6, .lawful = true}, &other);
    ASSERT_THAT(ToWrite()->Save("after", Time(2)), IsOk());
    Commit(&rng, 30, {.from = 6, .to = 12}, &never);

    const auto forgotten = ToWrite()->Forget("before", "after", Time(3));

    ASSERT_THAT(forgotten, IsOk());
    EXPECT_EQ(forgotten->exact, other.size());
    EXPECT_EQ(forgotten->approximate + forgotten->lost, 0U);
    const auto runtime = *Runtime::Open(directory(), {.read_only = true});
    for (uint32_t t = 0; t < store_->num_tables(); ++t) {
      for (uint32_t i = 0; i < store_->spec(t).blocks; ++i) {
        const std::string want = BlockOf(never, {t, i});
        const auto* const got = runtime->store().Draft().table(t).Read(i);
        ASSERT_EQ(std::memcmp(got, want.data(), want.size()), 0)
            << store_->spec(t).name << " " << i;
      }
    }
  }
}

TEST_F(ForgetTest, SessionsStayWhereTheyAreIfTheyLearnedSince) {
  Learn(0, 400, Prose);
  ASSERT_THAT(ToWrite()->Save("before", Time(1)), IsOk());
  Learn(400, 300, Noise);
  ASSERT_THAT(ToWrite()->Save("after", Time(2)), IsOk());
  Learn(400, 300, Prose);

  const auto forgotten = ToWrite()->Forget("before", "after", Time(3));

  ASSERT_THAT(forgotten, IsOk());
  EXPECT_GT(forgotten->exact, 0U);
  EXPECT_GT(forgotten->approximate, 0U);
  {
    const auto runtime = *Runtime::Open(directory(), {});
    EXPECT_EQ((*runtime->OpenSession({}))->steps(), 1000U);
  }
  Learn(700, 100, Prose);
  EXPECT_THAT(ExamineBrain(directory()).wrong, testing::IsEmpty());
}

TEST_F(ForgetTest, RefusesWhatIsNoInterval) {
  Learn(0, 50, Prose);
  ASSERT_THAT(ToWrite()->Save("first", Time(1)), IsOk());
  ASSERT_THAT(ToWrite()->Save("second", Time(2)), IsOk());
  EXPECT_THAT(ToWrite()->Forget("second", "first", Time(3)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("newer")));
  EXPECT_THAT(ToWrite()->Forget("third", "", Time(3)), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace gyrus
