// SPDX-License-Identifier: Apache-2.0
#include "runtime/users.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/rng.h"
#include "core/status_macros.h"
#include "runtime/brain_text.h"
#include "runtime/export.h"
#include "runtime/memory.h"
#include "runtime/store/json_cursor.h"

namespace gyrus {
namespace {

constexpr std::size_t kMostNameBytes = 64;
// Written at once when memory runs out: one wait for the disk for so many.
constexpr std::size_t kMostEvicted = 256;

absl::Status CheckName(absl::string_view name) {
  bool plain = true;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const auto c = static_cast<unsigned char>(name[i]);
    const auto next = static_cast<unsigned char>(i + 1 < name.size() ? name[i + 1] : 0);
    // Those of ASCII, and those of Latin-1, which are 0xC2 0x80 to 0x9F in UTF-8.
    plain = plain && c >= 0x20 && c != 0x7F && !(c == 0xC2 && next < 0xA0);
  }
  if (!name.empty() && name.size() <= kMostNameBytes && plain && IsUtf8(name)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("a user's name must be 1 to ", kMostNameBytes,
                                                 " bytes of UTF-8 without control characters, got ",
                                                 name.size(), " bytes"));
}

absl::Status Nobody(absl::string_view name) {
  return absl::NotFoundError(absl::StrCat("there is no user \"", name, "\""));
}

// b += now - then, where that is finite.
void Carry(std::byte* own, const std::byte* then, const std::byte* now, std::size_t count) {
  float* const b = reinterpret_cast<float*>(own);
  const float* const from = reinterpret_cast<const float*>(then);
  const float* const to = reinterpret_cast<const float*>(now);
  for (std::size_t i = 0; i < count; ++i) {
    const float carried = b[i] + (to[i] - from[i]);
    if (std::isfinite(carried)) b[i] = carried;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Users>> Users::Open(const Session::Ground& ground,
                                                   const std::string& path,
                                                   const Options& options) {
  const BrainSpec& spec = ground.plan->spec();
  GYRUS_ASSIGN_OR_RETURN(ForkShape shape,
                         ForkShape::Create(*ground.store, ground.plan->fork_writes_per_step(),
                                           spec.users.resident_bytes));
  // What is stored is of this brain and of forks of this shape.
  uint64_t mark = shape.max_lines();
  for (const uint32_t writes : ground.plan->fork_writes_per_step()) mark = Mix64(mark + writes);
  const std::string fingerprint = absl::StrCat(Fingerprint(spec), "-", absl::Hex(mark));
  GYRUS_ASSIGN_OR_RETURN(std::unique_ptr<UserDb> disk, UserDb::Open(path, fingerprint));
  return std::unique_ptr<Users>(new Users(ground, std::move(shape), options, std::move(disk)));
}

Users::Users(const Session::Ground& ground, ForkShape shape, const Options& options,
             std::unique_ptr<UserDb> disk)
    : ground_(ground), shape_(std::move(shape)), options_(options), disk_(std::move(disk)) {}

Users::~Users() = default;

absl::Status Users::Create(absl::string_view name) {
  GYRUS_RETURN_IF_ERROR(CheckName(name));
  return WithinMemory([&]() -> absl::Status {
    MutexLock lock(&mutex_);
    const absl::StatusOr<User*> found = FindLocked(name);
    if (found.ok()) {
      return absl::AlreadyExistsError(absl::StrCat("there is a user \"", name, "\" already"));
    }
    if (!absl::IsNotFound(found.status())) return found.status();
    AddLocked(name)->changed = true;
    return MakeRoomLocked();
  });
}

absl::Status Users::Drop(absl::string_view name) {
  return WithinMemory([&]() -> absl::Status {
    MutexLock lock(&mutex_);
    bool known = false;
    if (const auto found = users_.find(name); found != users_.end()) {
      if (found->second->seated) return FreeLocked(name).status();
      RemoveLocked(found->second.get());
      known = true;
    }
    const absl::Status dropped = disk_->Drop(name);
    return known && absl::IsNotFound(dropped) ? absl::OkStatus() : dropped;
  });
}

absl::StatusOr<std::vector<UserDb::About>> Users::List() {
  absl::StatusOr<std::vector<UserDb::About>> all = std::vector<UserDb::About>();
  GYRUS_RETURN_IF_ERROR(WithinMemory([&] {
    MutexLock lock(&mutex_);
    all = disk_->List();
    return all.status();
  }));
  return all;
}

absl::Status Users::Save() {
  return WithinMemory([&]() -> absl::Status {
    // Some at a time, so that memory stays bounded and nobody waits for all.
    while (true) {
      MutexLock lock(&mutex_);
      std::vector<User*> changed;
      for (User* const user : turns_) {
        if (!user->seated && user->changed) changed.push_back(user);  // Whoever sits is its seat's.
        if (changed.size() == kMostEvicted) break;
      }
      if (changed.empty()) return absl::OkStatus();
      GYRUS_RETURN_IF_ERROR(StoreLocked(changed));
    }
  });
}

absl::Status Users::Export(absl::string_view name, const std::string& path) {
  return WithinMemory([&]() -> absl::Status {
    MutexLock lock(&mutex_);
    GYRUS_ASSIGN_OR_RETURN(const User* user, FreeLocked(name));
    GYRUS_RETURN_IF_ERROR(ExportFork(*ground_.store, user->fork, path));
    return MakeRoomLocked();
  });
}

absl::Status Users::Rebase(absl::string_view name, const Store& old) {
  const Store& now = *ground_.store;
  bool same = old.num_tables() == now.num_tables();
  for (uint32_t t = 0; same && t < now.num_tables(); ++t) {
    same = old.spec(t).blocks == now.spec(t).blocks &&
           old.spec(t).layout.block_bytes() == now.spec(t).layout.block_bytes();
  }
  if (!same) {
    return absl::InvalidArgumentError(
        "the older brain has another shape, so that users cannot be carried over from it");
  }
  return WithinMemory([&]() -> absl::Status {
    MutexLock lock(&mutex_);
    GYRUS_ASSIGN_OR_RETURN(User* const user, FreeLocked(name));
    user->fork.Visit([&](uint32_t table, uint32_t index, const std::byte*) {
      const BlockLayout& layout = now.spec(table).layout;
      std::byte* const own = user->fork.Find(table, index);
      const std::byte* const from = old.Draft().table(table).Read(index);
      const std::byte* const to = now.Draft().table(table).Read(index);
      for (std::size_t i = 0; i < layout.tensors().size(); ++i) {
        const TensorSpec& tensor = layout.tensors()[i];
        const bool adds = tensor.merge == Merge::kMean || tensor.merge == Merge::kSum;
        if (tensor.type != ElementType::kF32 || !adds) continue;
        const std::size_t at = layout.offset(i);
        Carry(own + at, from + at, to + at, std::size_t{tensor.rows} * tensor.columns);
      }
    });
    user->changed = true;
    return MakeRoomLocked();
  });
}

absl::StatusOr<std::unique_ptr<UserSeat>> Users::OpenSeat(Mode mode) {
  std::unique_ptr<UserSeat> seat;
  const absl::Status opened = WithinMemory([&]() -> absl::Status {
    seat.reset(new UserSeat(this, ground_.store, &shape_));
    Session::Ground ground = ground_;
    ground.overlay = &seat->overlay_;
    GYRUS_ASSIGN_OR_RETURN(seat->session_,
                           Session::Open(ground, {.name = "user", .mode = mode}, ""));
    const uint64_t most = shape_.max_saved_bytes() + seat->session_->max_position_bytes();
    const uint32_t allowed = ground_.plan->spec().users.stored_bytes;
    if (most > allowed) {
      return absl::InvalidArgumentError(absl::StrCat("users.stored_bytes is ", allowed,
                                                     ", but a user of this brain may take ", most));
    }
    seat->beginning_ = seat->session_->Save();
    return absl::OkStatus();
  });
  GYRUS_RETURN_IF_ERROR(opened);
  return seat;
}

Users::Counts Users::counts() const {
  MutexLock lock(&mutex_);
  return counts_;
}

absl::Status Users::Seat(absl::string_view name, User** user) {
  MutexLock lock(&mutex_);
  GYRUS_ASSIGN_OR_RETURN(*user, FreeLocked(name));
  (*user)->seated = true;
  turns_.splice(turns_.end(), turns_, (*user)->turn);
  return MakeRoomLocked();
}

void Users::Leave(User* user) {
  MutexLock lock(&mutex_);
  user->seated = false;
  WeighLocked(user);
}

absl::StatusOr<Users::User*> Users::FindLocked(absl::string_view name) {
  if (const auto found = users_.find(name); found != users_.end()) return found->second.get();
  return LoadLocked(name);
}

absl::StatusOr<Users::User*> Users::FreeLocked(absl::string_view name) {
  GYRUS_ASSIGN_OR_RETURN(User* const user, FindLocked(name));
  if (!user->seated) return user;
  return absl::FailedPreconditionError(
      absl::StrCat("user \"", name, "\" sits at a seat; let it stand up first"));
}

absl::StatusOr<Users::User*> Users::LoadLocked(absl::string_view name) {
  if (!CheckName(name).ok()) return Nobody(name);
  GYRUS_ASSIGN_OR_RETURN(const std::string data, disk_->Load(name));
  ByteReader reader(data);
  Fork fork(&shape_);
  const auto steps = reader.Get<uint64_t>();
  fork.Restore(&reader);
  if (!reader.ok()) {
    return absl::DataLossError(
        absl::StrCat("what is stored of user \"", name, "\" does not fit this brain"));
  }
  User* const user = AddLocked(name);
  user->fork = std::move(fork);
  user->steps = steps;
  user->position.PutBytes(reader.rest());
  WeighLocked(user);
  ++counts_.loaded;
  return user;
}

Users::User* Users::AddLocked(absl::string_view name) {
  auto user = std::make_unique<User>(name, &shape_);
  User* const added = user.get();
  std::list<User*> turn = {added};  // First, so that nothing can fail between the two.
  users_.emplace(added->name, std::move(user));
  added->turn = turn.begin();
  turns_.splice(turns_.end(), turn);
  ++counts_.resident;
  WeighLocked(added);
  return added;
}

void Users::RemoveLocked(User* user) {
  counts_.resident_bytes -= user->bytes;
  --counts_.resident;
  turns_.erase(user->turn);
  users_.erase(users_.find(user->name));
}

void Users::WeighLocked(User* user) {
  const uint64_t bytes =
      sizeof(User) + user->name.size() + user->fork.bytes() + user->position.bytes().capacity();
  counts_.resident_bytes += bytes - user->bytes;
  user->bytes = bytes;
}

// Brings those who sat longest ago to the disk, until what is left fits with room for some more.
absl::Status Users::MakeRoomLocked() {
  if (counts_.resident_bytes <= options_.memory_bytes) return absl::OkStatus();
  const uint64_t over = counts_.resident_bytes - options_.memory_bytes;
  uint64_t freed = 0;
  std::vector<User*> leaving;
  std::vector<User*> changed;
  for (User* const user : turns_) {
    if (freed >= over && leaving.size() >= kMostEvicted) break;
    if (freed >= over + options_.memory_bytes / 16) break;
    if (user->seated) continue;
    freed += user->bytes;
    leaving.push_back(user);
    if (user->changed) changed.push_back(user);
  }
  GYRUS_RETURN_IF_ERROR(StoreLocked(changed));
  for (User* const user : leaving) RemoveLocked(user);
  counts_.evicted += leaving.size();
  return absl::OkStatus();
}

absl::Status Users::StoreLocked(const std::vector<User*>& users) {
  if (users.empty()) return absl::OkStatus();
  std::vector<UserDb::Row> rows;
  for (const User* const user : users) {
    ByteWriter data;
    data.Put(user->steps);
    user->fork.Save(&data);
    data.PutBytes(user->position.bytes());
    UserDb::Row& row = rows.emplace_back();
    row.about.name = user->name;
    row.about.steps = user->steps;
    row.about.blocks = user->fork.blocks();
    row.data = data.bytes();
  }
  GYRUS_RETURN_IF_ERROR(disk_->Store(rows));
  for (User* const user : users) user->changed = false;
  return absl::OkStatus();
}

UserSeat::~UserSeat() { Stand(); }

void UserSeat::Stand() {
  if (user_ == nullptr) return;
  if (session_->mode() == Mode::kInline) {
    // A chunk of learning steps ends early: what it taught is this user's.
    session_->Settle().IgnoreError();  // Over a fork no spares can be missing.
    user_->position.Clear();
    session_->Save(&user_->position);
    user_->steps = session_->steps();
    user_->changed = true;
  }
  overlay_.Show(nullptr);
  users_->Leave(std::exchange(user_, nullptr));
}

absl::Status UserSeat::Switch(absl::string_view name) {
  if (user_ != nullptr && user_->name == name) return absl::OkStatus();
  Stand();
  Users::User* user = nullptr;
  const absl::Status sat = WithinMemory([&]() -> absl::Status {
    GYRUS_RETURN_IF_ERROR(users_->Seat(name, &user));
    // So that standing up takes none.
    user->position.Reserve(session_->max_position_bytes());
    overlay_.Show(&user->fork);
    const std::string& position = user->position.bytes();
    return session_->MoveTo(position.empty() ? beginning_ : position);
  });
  if (sat.ok()) {
    user_ = user;
    return sat;
  }
  overlay_.Show(nullptr);
  if (user != nullptr) users_->Leave(user);
  return sat;
}

}  // namespace gyrus
