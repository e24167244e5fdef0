// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/bytes.h"
#include "core/fork.h"
#include "core/mutex.h"
#include "core/overlay.h"
#include "runtime/session.h"
#include "runtime/store/user_db.h"

namespace gyrus {

class UserSeat;

// One brain, personal to many: each user has a fork of it and a stream of its own. What a user
// teaches stays with that user; what nobody has taught it, all have in common.
//
//   GYRUS_ASSIGN_OR_RETURN(auto users, runtime->OpenUsers({}));
//   GYRUS_RETURN_IF_ERROR(users->Create("anna"));
//   GYRUS_ASSIGN_OR_RETURN(auto seat, users->OpenSeat(Mode::kInline));
//   GYRUS_RETURN_IF_ERROR(seat->Switch("anna"));
//   GYRUS_ASSIGN_OR_RETURN(uint64_t step, seat->session()->Step(observation, want, &prediction));
//
// Forks keep blocks of heads, experts and areas whose learning is personal, users.resident_bytes at
// most (see Fork); other areas and encoders are the common brain's, and so are a mixing head's
// weights, a memory's states and all of a match expert, which holds what was read word for word.
// While a fork grows to what it may have, its steps take memory. Users live in memory until it
// is full, then whoever sat longest ago goes to the disk (users.db in the brain's directory), and
// comes back to the bit.
//
// The common brain may be open read-only and follow its writer; learned into by an inline session
// only on the one thread that uses the seats, and not in the background.
//
// Thread-safe. Must not outlive the runtime; seats must not outlive it.
class Users {
 public:
  struct Options {
    uint64_t memory_bytes = uint64_t{1} << 30;  // Of all forks and positions in memory, at least
                                                // those at the seats.
  };

  struct Counts {
    uint64_t resident = 0;        // Users in memory now,
    uint64_t resident_bytes = 0;  // and what they take.
    uint64_t loaded = 0;          // Times that a user came from the disk,
    uint64_t evicted = 0;         // and that one left the memory.
  };

  ~Users();
  Users(const Users&) = delete;
  Users& operator=(const Users&) = delete;

  // A new user, who knows what the brain knows; durable with the next Save. Returns AlreadyExists;
  // InvalidArgument for a name that is not 1 to 64 bytes of UTF-8 without control characters.
  absl::Status Create(absl::string_view name);

  // Forgets a user, on the disk too: no byte of its blocks or its name is left in users.db. Returns
  // NotFound; FailedPrecondition while it sits at a seat; Unavailable as UserDb::Drop.
  absl::Status Drop(absl::string_view name);

  // All users by name, as they stand on the disk; so after Save.
  absl::StatusOr<std::vector<UserDb::About>> List();

  // Makes durable where everybody stands who is not at a seat. Returns as UserDb::Store; then
  // nothing is forgotten.
  absl::Status Save();

  // One user's own blocks as a plain safetensors file: per table an index tensor "<table>.index" of
  // shape (n,) and per tensor "<table>.<tensor>" of shape (n, rows, columns). Returns as Drop, or
  // as safetensors::Writer does.
  absl::Status Export(absl::string_view name, const std::string& path);

  // Carries a user over from an older common brain of the same shape to this one: to weights that
  // the user has changed (32-bit floats that merge by mean or sum) is added what the brain has
  // changed since; memory rows stay the user's. Once for each older brain: it is not noted. Without
  // it, the user's blocks stay as they are and the rest is the new brain's. Returns as Drop;
  // InvalidArgument if the shapes differ.
  absl::Status Rebase(absl::string_view name, const Store& old);

  // A place where one user at a time learns (kInline) or is only served (kFrozen). Returns
  // FailedPrecondition while sessions learn in the background or for that mode; InvalidArgument if
  // users.stored_bytes is too little for this brain.
  absl::StatusOr<std::unique_ptr<UserSeat>> OpenSeat(Mode mode);

  Counts counts() const;

 private:
  friend class Runtime;
  friend class UserSeat;

  struct User {
    User(absl::string_view called, const ForkShape* shape) : name(called), fork(shape) {}

    const std::string name;
    Fork fork;
    ByteWriter position;  // Of its stream; empty: at its beginning.
    uint64_t steps = 0;
    uint64_t bytes = 0;  // As counted in resident_bytes.
    bool changed = false;
    bool seated = false;
    std::list<User*>::iterator turn = {};
  };

  Users(const Session::Ground& ground, ForkShape shape, const Options& options,
        std::unique_ptr<UserDb> disk);

  // As Runtime::OpenUsers. `ground` without an overlay.
  static absl::StatusOr<std::unique_ptr<Users>> Open(const Session::Ground& ground,
                                                     const std::string& path,
                                                     const Options& options);

  absl::Status Seat(absl::string_view name, User** user);
  void Leave(User* user);
  absl::StatusOr<User*> FindLocked(absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<User*> FreeLocked(absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<User*> LoadLocked(absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  User* AddLocked(absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveLocked(User* user) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WeighLocked(User* user) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status MakeRoomLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status StoreLocked(const std::vector<User*>& users) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Session::Ground ground_;
  const ForkShape shape_;
  const Options options_;
  mutable Mutex mutex_;
  std::unique_ptr<UserDb> disk_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::unique_ptr<User>> users_ ABSL_GUARDED_BY(mutex_);
  std::list<User*> turns_ ABSL_GUARDED_BY(mutex_);  // Who sat longest ago first.
  Counts counts_ ABSL_GUARDED_BY(mutex_);
};

// A seat: a session whose user changes. One thread at a time; each seat may have its own.
class UserSeat {
 public:
  ~UserSeat();
  UserSeat(const UserSeat&) = delete;
  UserSeat& operator=(const UserSeat&) = delete;

  // Another user takes the seat; whoever had it stands where it stood, and takes nothing along.
  // Takes microseconds for a user in memory. Returns NotFound for nobody's name; FailedPrecondition
  // if that user sits elsewhere; DataLoss if it does not fit this brain; as UserDb for one on the
  // disk. After an error nobody sits here.
  absl::Status Switch(absl::string_view name);

  // Nobody takes the seat.
  void Stand();

  // The user's session: Step and Learn as ever, but not Clone and SetMode. Null while nobody sits.
  Session* session() { return user_ == nullptr ? nullptr : session_.get(); }

 private:
  friend class Users;
  UserSeat(Users* users, Store* store, const ForkShape* shape)
      : users_(users), overlay_(store, shape) {}

  Users* const users_;
  Overlay overlay_;
  std::unique_ptr<Session> session_;
  std::string beginning_;  // Where a new user's stream stands.
  Users::User* user_ = nullptr;
};

}  // namespace gyrus
