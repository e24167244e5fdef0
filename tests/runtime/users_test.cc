// SPDX-License-Identifier: Apache-2.0
#include "runtime/users.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/rng.h"
#include "runtime/brain_text.h"
#include "runtime/files.h"
#include "runtime/runtime.h"
#include "runtime/store/mapped_file.h"
#include "runtime/store/safetensors.h"
#include "tests/support/no_alloc.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_files.h"
#include "tests/support/tiny_brains.h"

namespace gyrus {
namespace {

using test::IsOk;
using test::ProseByte;
using test::StatusIs;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

BrainSpec TinyPersonal() {
  BrainSpec spec = test::TinyText();
  spec.users.resident_bytes = 128 << 10;
  return spec;
}

// A dense area in front of a softmax.
BrainSpec WithArea(bool personal) {
  AreaSpec area = {.name = "area", .inputs = {"symbol"}, .outputs = 8, .regions = 4, .woken = 2};
  area.router = HashRouterSpec{};
  area.cell = GluCellSpec{.hidden = 8};
  area.learning.personal = personal;
  BrainSpec spec;
  spec.name = "tiny area";
  spec.modalities = {{.name = "byte", .kind = ModalityKind::kSymbol, .size = 256}};
  spec.encoders = {{.name = "symbol", .modality = "byte", .kind = CategoryEncoderSpec{}}};
  spec.areas = {area};
  spec.heads = {{.name = "next", .classes = 16, .kind = SoftmaxHeadSpec{.input = "area"}}};
  spec.users.resident_bytes = 512 << 10;
  return spec;
}

void Teach(Session* session, uint32_t from, uint32_t to) {
  for (uint32_t i = from; i < to; ++i) {
    const Value value{.present = true, .symbol = i * i % 251};
    const auto step = session->Step({.values = {&value, 1}});
    ASSERT_THAT(step, IsOk());
    ASSERT_THAT(session->Learn(*step, {.symbol = value.symbol % 16}), IsOk());
  }
}

std::string Contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class UsersTest : public testing::Test {
 protected:
  void SetUp() override { Begin(TinyPersonal()); }

  // A brain on the disk that has read some prose.
  void Begin(const BrainSpec& spec) {
    seat_ = nullptr;
    users_ = nullptr;
    runtime_ = nullptr;
    ASSERT_THAT(WriteFile(BrainPath(directory()), FormatBrain(spec)), IsOk());
    const auto writer = *Runtime::Open(directory(), {});
    const auto session = *writer->OpenSession({});
    for (uint64_t i = 0; i < 2000; ++i) Say(session.get(), ProseByte(i));
    ASSERT_THAT(writer->Save({session.get()}, {}), IsOk());
  }

  void Open(const Users::Options& options = {}) {
    seat_ = nullptr;
    users_ = nullptr;
    runtime_ = *Runtime::Open(directory(), {.read_only = true});
    users_ = *runtime_->OpenUsers(options);
    seat_ = *users_->OpenSeat(Mode::kInline);
  }

  std::string directory() const { return folder_.root(); }

  // One byte; returns what was expected to be it, and how surely.
  static Prediction Say(Session* session, uint8_t byte) {
    const Value value{.present = true, .symbol = byte};
    Prediction next;
    EXPECT_THAT(session->Step({.values = {&value, 1}}, {.kind = Want::Kind::kBest}, &next), IsOk());
    return next;
  }

  // What a user of that number says, at step i.
  static uint8_t Says(uint32_t user, uint64_t i) {
    const std::string line = absl::StrCat("user ", user, " says ", user * 7919 % 1000, " often; ");
    return static_cast<uint8_t>(line[i % line.size()]);
  }

  static uint32_t Right(Session* session, uint32_t user, uint64_t from, uint64_t to) {
    uint32_t right = 0;
    for (uint64_t i = from; i < to; ++i) {
      const Prediction next = Say(session, Says(user, i));
      right += next.best == Says(user, i + 1) ? 1 : 0;
    }
    return right;
  }

  test::TempFiles folder_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<Users> users_;
  std::unique_ptr<UserSeat> seat_;
};

TEST_F(UsersTest, LearnEachForThemselves) {
  Open();
  ASSERT_THAT(users_->Create("anna"), IsOk());
  ASSERT_THAT(users_->Create("ben"), IsOk());
  ASSERT_THAT(seat_->Switch("anna"), IsOk());
  Right(seat_->session(), 1, 0, 200);
  EXPECT_GT(Right(seat_->session(), 1, 200, 300), 85);
  ASSERT_THAT(seat_->Switch("ben"), IsOk());
  EXPECT_EQ(seat_->session()->steps(), 0);
  EXPECT_LT(Right(seat_->session(), 1, 0, 24), 12) << "ben has not heard it";
  ASSERT_THAT(seat_->Switch("anna"), IsOk());
  EXPECT_EQ(seat_->session()->steps(), 300);
  EXPECT_GT(Right(seat_->session(), 1, 300, 400), 85);
}

TEST_F(UsersTest, LeaveTheCommonBrainAsItIs) {
  Open();
  const auto common = *runtime_->OpenSession({.name = "new", .mode = Mode::kFrozen});
  ASSERT_THAT(users_->Create("anna"), IsOk());
  ASSERT_THAT(seat_->Switch("anna"), IsOk());
  const auto fresh = *Runtime::Open(directory(), {.read_only = true});
  const auto expected = *fresh->OpenSession({.name = "new", .mode = Mode::kFrozen});
  for (uint64_t i = 0; i < 300; ++i) {
    Say(seat_->session(), Says(1, i));
    EXPECT_EQ(Say(common.get(), Says(1, i)).best, Say(expected.get(), Says(1, i)).best);
  }
}

// Whoever is pushed out to the disk between any two visits ends where it would have ended alone.
TEST_F(UsersTest, ComeBackToTheBitFromTheDisk) {
  constexpr uint32_t kUsers = 12;
  std::map<uint32_t, std::vector<uint32_t>> expected;
  Open();
  for (uint32_t user = 0; user < kUsers; ++user) {
    ASSERT_THAT(users_->Create(absl::StrCat("alone", user)), IsOk());
    ASSERT_THAT(seat_->Switch(absl::StrCat("alone", user)), IsOk());
    for (uint64_t i = 0; i < 300; ++i) {
      expected[user].push_back(Say(seat_->session(), Says(user, i)).best);
    }
  }
  for (uint32_t user = 0; user < kUsers; ++user) {
    ASSERT_THAT(users_->Create(absl::StrCat(user)), IsOk());
  }
  std::map<uint32_t, uint64_t> at;
  Rng rng(5, 0);
  for (int visit = 0; visit < 300; ++visit) {
    if (visit % 100 == 0) {
      seat_->Stand();
      ASSERT_THAT(users_->Save(), IsOk());
      Open({.memory_bytes = 400 << 10});
    }
    const auto user = static_cast<uint32_t>(rng.Below(kUsers));
    ASSERT_THAT(seat_->Switch(absl::StrCat(user)), IsOk());
    EXPECT_EQ(seat_->session()->steps(), at[user]);
    for (uint64_t end = at[user] + rng.Below(20); at[user] < std::min<uint64_t>(end, 300);) {
      ASSERT_EQ(Say(seat_->session(), Says(user, at[user])).best, expected[user][at[user]])
          << "user " << user << " at " << at[user];
      ++at[user];
    }
  }
  EXPECT_GT(users_->counts().evicted, 20);
  EXPECT_LE(users_->counts().resident_bytes, 500 << 10);
}

TEST_F(UsersTest, SeeWhatTheCommonBrainLearnsMeanwhile) {
  Open();
  ASSERT_THAT(users_->Create("anna"), IsOk());
  ASSERT_THAT(seat_->Switch("anna"), IsOk());
  Right(seat_->session(), 1, 0, 100);
  {
    const auto writer = *Runtime::Open(directory(), {});
    const auto session = *writer->OpenSession({});
    for (uint64_t i = 0; i < 600; ++i) Say(session.get(), Says(2, i));
    ASSERT_THAT(writer->Save({session.get()}, {}), IsOk());
  }
  ASSERT_THAT(users_->Create("early"), IsOk());
  ASSERT_THAT(seat_->Switch("early"), IsOk());
  EXPECT_LT(Right(seat_->session(), 2, 0, 24), 14);
  ASSERT_THAT(runtime_->Refresh(), IsOk());
  ASSERT_THAT(users_->Create("ben"), IsOk());
  ASSERT_THAT(seat_->Switch("ben"), IsOk());
  EXPECT_GT(Right(seat_->session(), 2, 24, 124), 85);
}

TEST_F(UsersTest, OfAFrozenSeatChangeNothing) {
  Open();
  ASSERT_THAT(users_->Create("anna"), IsOk());
  ASSERT_THAT(seat_->Switch("anna"), IsOk());
  Right(seat_->session(), 1, 0, 200);
  seat_->Stand();
  const auto frozen = *users_->OpenSeat(Mode::kFrozen);
  for (int time = 0; time < 2; ++time) {
    ASSERT_THAT(frozen->Switch("anna"), IsOk());
    EXPECT_EQ(frozen->session()->steps(), 200);
    EXPECT_GT(Right(frozen->session(), 1, 200, 300), 85);
    frozen->Stand();
  }
  ASSERT_THAT(seat_->Switch("anna"), IsOk());
  EXPECT_EQ(seat_->session()->steps(), 200);
}

TEST_F(UsersTest, AreGoneFromTheFileOnceDropped) {
  Open();
  for (const char* const name : {"anna", "benedict"}) {
    ASSERT_THAT(users_->Create(name), IsOk());
    ASSERT_THAT(seat_->Switch(name), IsOk());
    Right(seat_->session(), name[0] == 'a' ? 1 : 2, 0, 400);
    seat_->Stand();
    ASSERT_THAT(users_->Save(), IsOk());
  }
  const auto stored = [&](const std::string& name) {
    const Sqlite database = *Sqlite::Open(UsersPath(directory()), Sqlite::Mode::kReadOnly);
    auto row = *database.Prepare("SELECT data FROM users WHERE name=?");
    EXPECT_TRUE(*row.Bind(name).Step());
    return std::string(reinterpret_cast<const char*>(row.Blob(0).data()), row.Blob(0).size());
  };
  const auto file = [&] {
    return Contents(UsersPath(directory())) + Contents(UsersPath(directory()) + "-wal");
  };
  const std::string of_ben = stored("benedict");
  const std::string of_anna = stored("anna");
  const std::string with = file();

  ASSERT_THAT(users_->Drop("benedict"), IsOk());

  const std::string left = file();
  EXPECT_THAT(left, HasSubstr("anna"));
  EXPECT_EQ(left.find("benedict"), std::string::npos);
  // Every piece of his that is not also hers, and more than a few bytes repeated.
  uint32_t searched = 0;
  for (std::size_t at = 0; at + 16 <= of_ben.size(); at += 4) {
    const std::string piece = of_ben.substr(at, 16);
    if (std::set<char>(piece.begin(), piece.end()).size() < 6) continue;
    if (of_anna.find(piece) != std::string::npos) continue;
    searched += with.find(piece) != std::string::npos ? 1 : 0;
    EXPECT_EQ(left.find(piece), std::string::npos) << "at " << at;
  }
  EXPECT_GT(searched, 500);
  EXPECT_THAT(seat_->Switch("benedict"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(users_->Drop("benedict"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(seat_->Switch("anna"), IsOk());
}

TEST_F(UsersTest, TravelAsTheirOwnBlocks) {
  Open();
  ASSERT_THAT(users_->Create("anna"), IsOk());
  ASSERT_THAT(seat_->Switch("anna"), IsOk());
  Right(seat_->session(), 1, 0, 50);
  EXPECT_THAT(users_->Export("anna", folder_.PathOf("anna.safetensors")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("sits at a seat")));
  seat_->Stand();
  ASSERT_THAT(users_->Export("anna", folder_.PathOf("anna.safetensors")), IsOk());

  const MappedFile file = *MappedFile::Open(folder_.PathOf("anna.safetensors"));
  const auto contents = safetensors::Parse(file.bytes());
  ASSERT_THAT(contents, IsOk());
  std::map<std::string, std::vector<uint64_t>> shapes;
  for (const auto& tensor : contents->tensors) shapes[tensor.entry.name] = tensor.entry.shape;
  ASSERT_THAT(shapes["memory.rows.index"], SizeIs(1));
  const uint64_t rows = shapes["memory.rows.index"][0];
  EXPECT_GT(rows, 50);
  EXPECT_THAT(shapes["memory.rows.p"], ElementsAre(rows, 1, 15));
}

// The weights of an area, by region, of those that an export holds.
std::map<uint32_t, std::vector<float>> Weights(const std::string& path) {
  const MappedFile file = *MappedFile::Open(path);
  const auto contents = *safetensors::Parse(file.bytes());
  std::span<const std::byte> index;
  std::map<std::string, std::span<const std::byte>> tensors;
  for (const auto& tensor : contents.tensors) {
    if (tensor.entry.name == "area.weights.index") index = tensor.data;
    if (tensor.entry.name.rfind("area.weights.", 0) == 0) tensors[tensor.entry.name] = tensor.data;
  }
  std::map<uint32_t, std::vector<float>> rows;
  const std::size_t n = index.size() / sizeof(uint32_t);
  for (std::size_t i = 0; i < n; ++i) {
    uint32_t row = 0;
    std::memcpy(&row, index.data() + i * sizeof(row), sizeof(row));
    const auto first = std::next(tensors.begin(), tensors.begin()->second.data() == index.data());
    const std::size_t bytes = first->second.size() / n;
    rows[row].resize(bytes / sizeof(float));
    std::memcpy(rows[row].data(), first->second.data() + i * bytes, bytes);
  }
  return rows;
}

TEST_F(UsersTest, AreCarriedOverToANewerBrain) {
  test::TempFiles folder;
  ASSERT_THAT(WriteFile(BrainPath(folder.root()), FormatBrain(WithArea(true))), IsOk());
  const auto learn_in_common = [&](uint32_t from, uint32_t to) {
    const auto writer = *Runtime::Open(folder.root(), {});
    const auto session = *writer->OpenSession({});
    Teach(session.get(), from, to);
    ASSERT_THAT(writer->Save({session.get()}, {}), IsOk());
  };
  learn_in_common(0, 200);
  const auto old = *Runtime::Open(folder.root(), {.read_only = true});
  {
    const auto users = *old->OpenUsers({});
    const auto seat = *users->OpenSeat(Mode::kInline);
    ASSERT_THAT(users->Create("anna"), IsOk());
    ASSERT_THAT(seat->Switch("anna"), IsOk());
    Teach(seat->session(), 500, 600);
    seat->Stand();
    ASSERT_THAT(users->Save(), IsOk());
    ASSERT_THAT(users->Export("anna", folder_.PathOf("before")), IsOk());
  }
  learn_in_common(200, 400);
  const auto now = *Runtime::Open(folder.root(), {.read_only = true});
  const auto users = *now->OpenUsers({});
  ASSERT_THAT(users->Rebase("anna", old->store()), IsOk());
  ASSERT_THAT(users->Export("anna", folder_.PathOf("after")), IsOk());

  const auto before = Weights(folder_.PathOf("before"));
  const auto after = Weights(folder_.PathOf("after"));
  ASSERT_FALSE(before.empty());
  ASSERT_EQ(after.size(), before.size());
  const uint32_t table = now->plan().areas()[0].weights_table;
  const BlockLayout& layout = now->store().spec(table).layout;
  bool moved = false;
  for (const auto& [row, own] : before) {
    std::size_t first = 0;  // Tensors are sorted by name in the export.
    for (std::size_t i = 1; i < layout.tensors().size(); ++i) {
      if (layout.tensors()[i].name < layout.tensors()[first].name) first = i;
    }
    const auto tensor_of = [&](const Runtime& runtime) {
      const std::byte* const block =
          const_cast<Runtime&>(runtime).store().Draft().table(table).Read(row);
      return reinterpret_cast<const float*>(block + layout.offset(first));
    };
    for (std::size_t c = 0; c < own.size(); ++c) {
      const float then = tensor_of(*old)[c];
      const float since = tensor_of(*now)[c];
      EXPECT_EQ(after.at(row)[c], own[c] + (since - then));
      moved = moved || since != then;
    }
  }
  EXPECT_TRUE(moved);
  EXPECT_THAT(users->Rebase("anna", (*Runtime::Create(TinyPersonal(), {}))->store()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another shape")));
}

TEST_F(UsersTest, RefuseWhatMakesNoSense) {
  Open();
  EXPECT_EQ(seat_->session(), nullptr);
  for (const std::string& name : {std::string(), std::string(65, 'a'), std::string("a\nb"),
                                  std::string("\xc2\x9b"), std::string("\xff")}) {
    EXPECT_THAT(users_->Create(name),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must be 1 to 64 bytes")));
  }
  EXPECT_THAT(seat_->Switch("nobody"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no user \"nobody\"")));
  ASSERT_THAT(users_->Create("anna"), IsOk());
  EXPECT_THAT(users_->Create("anna"), StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_THAT(seat_->Switch("anna"), IsOk());
  const auto other = *users_->OpenSeat(Mode::kInline);
  EXPECT_THAT(other->Switch("anna"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("sits at a seat")));
  EXPECT_THAT(users_->Drop("anna"), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(seat_->session()->SetMode(Mode::kFrozen),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(users_->OpenSeat(Mode::kBackground), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(runtime_->OpenUsers({}), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT((*Runtime::Create(TinyPersonal(), {}))->OpenUsers({}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("without a directory")));
}

TEST_F(UsersTest, NeedRoomForTwoStepsOfTheirBrain) {
  BrainSpec spec = WithArea(true);
  spec.users.resident_bytes = 4096;
  test::TempFiles folder;
  ASSERT_THAT(WriteFile(BrainPath(folder.root()), FormatBrain(spec)), IsOk());
  const auto runtime = *Runtime::Open(folder.root(), {});
  EXPECT_THAT(runtime->OpenUsers({}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a fork of at most 4096")));
}

TEST_F(UsersTest, DamageOneNotTheOthers) {
  Open();
  for (const char* const name : {"anna", "ben"}) {
    ASSERT_THAT(users_->Create(name), IsOk());
    ASSERT_THAT(seat_->Switch(name), IsOk());
    Right(seat_->session(), 1, 0, 100);
  }
  seat_->Stand();
  ASSERT_THAT(users_->Save(), IsOk());
  seat_ = nullptr;
  users_ = nullptr;
  {
    const Sqlite database = *Sqlite::Open(UsersPath(directory()), Sqlite::Mode::kReadWrite);
    ASSERT_THAT(database.Run("UPDATE users SET data=zeroblob(length(data)) WHERE name='ben'"),
                IsOk());
  }
  Open();
  EXPECT_THAT(seat_->Switch("ben"), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("\"ben\"")));
  EXPECT_EQ(seat_->session(), nullptr);
  ASSERT_THAT(seat_->Switch("anna"), IsOk());
  EXPECT_EQ(seat_->session()->steps(), 100);
  ASSERT_THAT(users_->Drop("ben"), IsOk());
  EXPECT_THAT(users_->Create("ben"), IsOk());
}

TEST_F(UsersTest, StepAndLearnWithoutAllocations) {
  Open();
  ASSERT_THAT(users_->Create("anna"), IsOk());
  ASSERT_THAT(seat_->Switch("anna"), IsOk());
  Rng rng(7, 0);
  // Until the fork has all the memory that it may have.
  for (int i = 0; i < 6000; ++i) {
    Say(seat_->session(), static_cast<uint8_t>('a' + rng.Below(26)));
  }
  const test::NoAllocScope scope;
  for (int i = 0; i < 500; ++i) {
    const Value value{.present = true, .symbol = static_cast<uint32_t>('a' + rng.Below(26))};
    if (!seat_->session()->Step({.values = {&value, 1}}).ok()) break;
  }
  EXPECT_EQ(scope.count(), 0);
  EXPECT_EQ(seat_->session()->steps(), 6500);
}

TEST_F(UsersTest, SitAtManySeatsAtOnce) {
  Open({.memory_bytes = 300 << 10});
  for (int user = 0; user < 8; ++user) ASSERT_THAT(users_->Create(absl::StrCat(user)), IsOk());
  const auto serve = [&](uint32_t first) {
    const auto seat = *users_->OpenSeat(Mode::kInline);
    for (uint64_t round = 0; round < 10; ++round) {
      for (uint32_t user = first; user < 8; user += 2) {
        ASSERT_THAT(seat->Switch(absl::StrCat(user)), IsOk());
        ASSERT_EQ(seat->session()->steps(), round * 20);
        Right(seat->session(), user, round * 20, round * 20 + 20);
      }
    }
  };
  std::thread even([&] { serve(0); });
  serve(1);
  even.join();
  ASSERT_THAT(users_->Save(), IsOk());
  const auto listed = users_->List();
  ASSERT_THAT(listed, IsOk());
  ASSERT_THAT(*listed, SizeIs(8));
  for (const UserDb::About& about : *listed) EXPECT_EQ(about.steps, 200);
}

// A dense area in front of a softmax: frozen in forks unless it is personal.
TEST_F(UsersTest, LearnInAreasThatArePersonal) {
  for (const bool personal : {false, true}) {
    const BrainSpec spec = WithArea(personal);
    test::TempFiles folder;
    ASSERT_THAT(WriteFile(BrainPath(folder.root()), FormatBrain(spec)), IsOk());
    const auto runtime = *Runtime::Open(folder.root(), {});
    const auto users = *runtime->OpenUsers({});
    const auto seat = *users->OpenSeat(Mode::kInline);
    ASSERT_THAT(users->Create("anna"), IsOk());
    ASSERT_THAT(seat->Switch("anna"), IsOk());
    Teach(seat->session(), 0, 300);
    seat->Stand();
    ASSERT_THAT(users->Export("anna", folder.PathOf("anna")), IsOk());
    const bool holds = Contents(folder.PathOf("anna")).find("area.weights") != std::string::npos;
    EXPECT_EQ(holds, personal);
  }
}

}  // namespace
}  // namespace gyrus
