// SPDX-License-Identifier: Apache-2.0
// Snapshots of a state beside a model that keeps a copy of everything for each of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/rng.h"
#include "runtime/store/state_db.h"
#include "tests/support/faulty_vfs.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"

namespace gyrus {
namespace {

using test::FaultyVfs;
using test::IsOk;
using test::StatusIs;
using testing::HasSubstr;

constexpr std::size_t kSizes[] = {64, 192};

struct Content {
  SnapshotNumber number = 0;
  std::map<BlockId, std::string> blocks;  // That are not as at the start.
  std::map<std::string, std::string> sessions;

  bool operator==(const Content&) const = default;
};

// The naive one: a whole copy for every name.
struct Model {
  Content now;
  std::map<std::string, Content> named;
  std::vector<std::string> automatic;  // Oldest first.

  bool operator==(const Model&) const = default;
};

using Load = std::function<absl::StatusOr<StateDb::Loaded>(StateDb::BlockVisitor)>;

absl::StatusOr<Content> ContentOf(const Load& load) {
  Content content;
  GYRUS_ASSIGN_OR_RETURN(
      const StateDb::Loaded loaded, load([&](BlockId id, std::span<const std::byte> bytes) {
        content.blocks.erase(id);
        if (!bytes.empty()) {
          content.blocks[id] =
              std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        }
        return absl::OkStatus();
      }));
  content.number = loaded.number;
  for (const auto& session : loaded.sessions) content.sessions[session.name] = session.position;
  return content;
}

absl::StatusOr<Model> ReadAll(const StateDb& state) {
  Model model;
  GYRUS_ASSIGN_OR_RETURN(model.now,
                         ContentOf([&](StateDb::BlockVisitor visit) { return state.Load(visit); }));
  GYRUS_ASSIGN_OR_RETURN(const auto snapshots, state.Snapshots());
  for (const StateSnapshot& snapshot : snapshots) {
    for (const StateSnapshot::Name& name : snapshot.names) {
      GYRUS_ASSIGN_OR_RETURN(model.named[name.name], ContentOf([&](StateDb::BlockVisitor visit) {
                               return state.LoadSnapshot(name.name, visit);
                             }));
      if (name.automatic) model.automatic.push_back(name.name);
    }
  }
  return model;
}

std::set<BlockId> Difference(const Content& a, const Content& b) {
  std::set<BlockId> differ;
  for (const auto& [id, bytes] : a.blocks) {
    const auto other = b.blocks.find(id);
    if (other == b.blocks.end() || other->second != bytes) differ.insert(id);
  }
  for (const auto& [id, bytes] : b.blocks) {
    if (a.blocks.find(id) == a.blocks.end()) differ.insert(id);
  }
  return differ;
}

// Draws what happens to a state, and does the same to the model.
class Fate {
 public:
  explicit Fate(uint64_t seed) : rng_(seed) {}

  absl::Status Next(StateDb* state, const Model& before, Model* after) {
    *after = before;
    switch (rng_.Below(10)) {
      case 0:
        return state->Fold();
      case 1:
        return Drop(state, after);
      case 2:
        return Tag(state, after);
      case 3:
        return GoBack(state, after);
      default:
        return Append(state, after);
    }
  }

 private:
  std::string AnyName(const Model& model) {
    auto name = model.named.begin();
    std::advance(name, rng_.Below(model.named.size()));
    return name->first;
  }

  static void Forget(const std::string& name, Model* model) {
    model->named.erase(name);
    std::erase(model->automatic, name);
  }

  absl::Status Drop(StateDb* state, Model* model) {
    if (model->named.size() < 4) return absl::OkStatus();
    const std::string name = AnyName(*model);
    Forget(name, model);
    return state->DropSnapshot(name);
  }

  absl::Status Tag(StateDb* state, Model* model) {
    if (model->named.empty() || model->named.size() > 8) return absl::OkStatus();
    const std::string name = AnyName(*model);
    const std::string second = absl::StrCat("tag", ++names_);
    model->named[second] = model->named[name];
    return state->TagSnapshot(name, second);
  }

  // As a rollback does: what differs comes back, in a new commit.
  absl::Status GoBack(StateDb* state, Model* model) {
    if (model->named.empty()) return absl::OkStatus();
    const Content then = model->named[AnyName(*model)];
    std::map<BlockId, std::string> back;
    for (const BlockId& id : Difference(model->now, then)) {
      const auto found = then.blocks.find(id);
      back[id] = found != then.blocks.end() ? found->second : std::string(kSizes[id.table], '\0');
    }
    return Commit(state, back, model);
  }

  absl::Status Append(StateDb* state, Model* model) {
    std::map<BlockId, std::string> changed;
    const uint64_t blocks = rng_.Below(3) == 0 ? 0 : 1 + rng_.Below(20);
    for (uint64_t n = 0; n < blocks; ++n) {
      const auto table = static_cast<uint32_t>(rng_.Below(2));
      changed[{table, static_cast<uint32_t>(rng_.Below(60))}] =
          std::string(kSizes[table], static_cast<char>(rng_.Below(256)));
    }
    return Commit(state, changed, model);
  }

  absl::Status Commit(StateDb* state, const std::map<BlockId, std::string>& changed, Model* model) {
    StateCommit commit;
    commit.number = model->now.number + (changed.empty() ? 0 : 1);
    for (const auto& [id, bytes] : changed) {
      commit.blocks.push_back({id, std::as_bytes(std::span(bytes))});
      model->now.blocks[id] = bytes;
    }
    model->now.number = commit.number;
    const std::string session = absl::StrCat("s", rng_.Below(3));
    commit.sessions = {{session, absl::StrCat("at ", ++names_)}};
    model->now.sessions[session] = commit.sessions[0].position;
    if (rng_.Below(3) == 0) Name(&commit, model);
    return state->Append(commit);
  }

  void Name(StateCommit* commit, Model* model) {
    const uint32_t keep = rng_.Below(2) == 0 ? 0 : 2;
    const std::string name = absl::StrCat("name", ++names_);
    commit->snapshot = {.name = name, .time = WallTime(), .keep = keep};
    model->named[name] = model->now;
    if (keep == 0) return;
    model->automatic.push_back(name);
    while (model->automatic.size() > keep) Forget(std::string(model->automatic[0]), model);
  }

  Rng rng_;
  uint64_t names_ = 0;
};

class StateSnapshotsTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<StateDb>> Open(const std::string& vfs = "",
                                                StateDb::Mode mode = StateDb::Mode::kCreate) {
    return StateDb::Open(folder_.PathOf("state.db"),
                         {.mode = mode,
                          .fingerprint = "brain",
                          .tables = {{"w", kSizes[0]}, {"memory", kSizes[1]}},
                          .vfs = vfs});
  }

  static absl::Status Put(StateDb* state, SnapshotNumber number, uint32_t index, char fill,
                          const std::string& name = "") {
    const std::string bytes(kSizes[0], fill);
    StateCommit commit;
    commit.number = number;
    commit.blocks = {{{0, index}, std::as_bytes(std::span(bytes))}};
    if (!name.empty()) commit.snapshot = {.name = name, .time = WallTime()};
    return state->Append(commit);
  }

  test::TempFiles folder_;
};

TEST_F(StateSnapshotsTest, EqualsANaiveModelOverRandomLives) {
  int folds = 0;
  for (uint64_t seed = 0; seed < 40 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    FaultyVfs disk(seed);
    Fate fate(seed);
    Model model;
    for (int life = 0; life < 4 && !HasFailure(); ++life) {
      const auto state = Open(disk.name());
      ASSERT_THAT(state, IsOk());
      for (int n = 0; n < 25; ++n) {
        Model after;
        ASSERT_THAT(fate.Next(state->get(), model, &after), IsOk());
        model = std::move(after);
      }
      folds += (*state)->last_fold().ok() ? 1 : 0;
      const auto found = ReadAll(**state);
      ASSERT_THAT(found, IsOk());
      EXPECT_EQ(*found, model);
      for (const auto& [name, content] : model.named) {
        const auto changed = (*state)->Changed(name, "");
        ASSERT_THAT(changed, IsOk());
        for (const BlockId& id : Difference(content, model.now)) {
          EXPECT_TRUE(std::binary_search(changed->begin(), changed->end(), id)) << name;
        }
      }
    }
  }
  EXPECT_GT(folds, 0);
}

TEST_F(StateSnapshotsTest, ArePartOfTheLastDurableCommitAfterEveryPowerCut) {
  for (uint64_t seed = 0; seed < 60 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    FaultyVfs disk(seed);
    Fate fate(seed + 500);
    Rng rng(seed + 1000);
    Model durable;
    Model tried;
    for (int life = 0; life < 6; ++life) {
      auto state = Open(disk.name());
      ASSERT_THAT(state, IsOk());
      const auto found = ReadAll(**state);
      ASSERT_THAT(found, IsOk());
      EXPECT_TRUE(*found == durable || *found == tried) << found->now.number;
      durable = *found;
      disk.FailAfter(rng.Below(200));
      absl::Status status;
      while (status.ok()) {
        status = fate.Next(state->get(), durable, &tried);
        if (status.ok()) durable = tried;
        if (rng.Below(40) == 0) break;  // Closed in order, or as the power goes.
      }
      state->reset();
      disk.CutPower();
    }
  }
}

TEST_F(StateSnapshotsTest, AreNeverReadWithAFlippedBit) {
  int refused = 0;
  for (uint64_t seed = 0; seed < 120 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    FaultyVfs disk(seed);
    Fate fate(seed);
    Model model;
    {
      const auto state = Open(disk.name());
      ASSERT_THAT(state, IsOk());
      for (int n = 0; n < 30; ++n) {
        Model after;
        ASSERT_THAT(fate.Next(state->get(), model, &after), IsOk());
        model = std::move(after);
      }
    }
    disk.FlipBits(1 + static_cast<int>(seed % 3));
    const auto state = Open(disk.name());
    const auto found = state.ok() ? ReadAll(**state) : absl::StatusOr<Model>(state.status());
    if (found.ok()) {
      EXPECT_EQ(*found, model);
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, 40);
}

TEST_F(StateSnapshotsTest, CostOnlyTheBlocksThatHaveChangedSince) {
  const auto state = *Open();
  SnapshotNumber number = 0;
  for (uint32_t b = 0; b < 100; ++b) ASSERT_THAT(Put(state.get(), ++number, b, 'a'), IsOk());
  ASSERT_THAT(Put(state.get(), ++number, 0, 'b', "first"), IsOk());
  ASSERT_THAT(state->Fold(), IsOk());
  EXPECT_EQ((*state->Snapshots())[0].kept_bytes, 0U);

  for (uint32_t b = 0; b < 10; ++b) ASSERT_THAT(Put(state.get(), ++number, b, 'c'), IsOk());
  EXPECT_EQ((*state->Snapshots())[0].kept_bytes, 0U);
  EXPECT_EQ((*state->Snapshots())[0].changed_blocks, 10U);
  ASSERT_THAT(state->Fold(), IsOk());
  // Ten images, each with its id, and a header.
  EXPECT_EQ((*state->Snapshots())[0].kept_bytes, 10 * (kSizes[0] + 8) + 28);

  for (uint32_t b = 0; b < 10; ++b) ASSERT_THAT(Put(state.get(), ++number, b, 'd'), IsOk());
  ASSERT_THAT(state->Fold(), IsOk());
  EXPECT_EQ((*state->Snapshots())[0].kept_bytes, 10 * (kSizes[0] + 8) + 28);
  ASSERT_THAT(Put(state.get(), ++number, 200, 'd'), IsOk());
  ASSERT_THAT(state->Fold(), IsOk());
  // A block that was as at the start: its id alone.
  EXPECT_EQ((*state->Snapshots())[0].kept_bytes, 10 * (kSizes[0] + 8) + 28 + 8 + 28);
}

TEST_F(StateSnapshotsTest, SayWhatTheyRefuse) {
  const auto state = *Open();
  ASSERT_THAT(Put(state.get(), 1, 0, 'a', "first"), IsOk());
  EXPECT_THAT(Put(state.get(), 2, 0, 'a', "first"),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("\"first\"")));
  EXPECT_THAT(Put(state.get(), 2, 0, 'a', "no blanks"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"no blanks\"")));
  EXPECT_THAT(state->TagSnapshot("frist", "second"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("there are first")));
  EXPECT_THAT(state->TagSnapshot("first", "first"), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(state->DropSnapshot("frist"), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_THAT(state->DropSnapshot("first"), IsOk());
  EXPECT_THAT(state->DropSnapshot("first"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("this brain has none")));
}

TEST_F(StateSnapshotsTest, AreReadBesideTheWriter) {
  const auto writer = *Open();
  ASSERT_THAT(Put(writer.get(), 1, 0, 'a', "first"), IsOk());
  const auto reader = *Open("", StateDb::Mode::kReadOnly);
  ASSERT_THAT(Put(writer.get(), 2, 0, 'b'), IsOk());
  ASSERT_THAT(writer->Fold(), IsOk());
  const auto found = ReadAll(*reader);
  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->now.blocks.at({0, 0}), std::string(kSizes[0], 'b'));
  EXPECT_EQ(found->named.at("first").blocks.at({0, 0}), std::string(kSizes[0], 'a'));
  EXPECT_THAT(reader->DropSnapshot("first"), StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace gyrus
