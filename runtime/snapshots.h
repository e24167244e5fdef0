// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "activation/plan.h"
#include "core/store.h"
#include "runtime/store/state_db.h"

namespace gyrus {

// The snapshots that a brain's directory keeps under names. What goes back does so in a new commit,
// and is itself kept under a name before: all can be undone, and numbers never go back.
//
//   GYRUS_ASSIGN_OR_RETURN(auto snapshots, Snapshots::Open("mind", Snapshots::Access::kWrite));
//   GYRUS_RETURN_IF_ERROR(snapshots->Save("monday", time));
//   GYRUS_RETURN_IF_ERROR(snapshots->Rollback("monday", time).status());
//
// To write, nobody else may learn into the brain; whoever does has Runtime::SaveSnapshot. To read
// is free beside a writer.
//
// Ordinary. One thread at a time. Not movable.
class Snapshots {
 public:
  enum class Access { kRead, kWrite };

  // Returns as Runtime::Open, but takes no memory for the brain; Unavailable, with the way out, if
  // another process learns into it.
  static absl::StatusOr<std::unique_ptr<Snapshots>> Open(const std::string& directory,
                                                         Access access);

  // Oldest first.
  absl::StatusOr<std::vector<StateSnapshot>> List() const;

  // Keeps what the brain is now. Returns InvalidArgument for a name that is none, AlreadyExists for
  // one that is taken; as StateDb::Append.
  absl::Status Save(absl::string_view name, WallTime now);

  // As StateDb::TagSnapshot and StateDb::DropSnapshot.
  absl::Status Tag(absl::string_view name, absl::string_view second);
  absl::Status Drop(absl::string_view name);

  // Brings all blocks and all sessions' positions back; sessions that began since are forgotten. So
  // the brain goes on, bit for bit, as it did from there.
  struct Restored {
    std::string saved_as;  // What was there before.
    uint64_t blocks = 0;   // That had changed.
    uint64_t ended = 0;    // Sessions that began since.
    StateSnapshot to;
  };
  absl::StatusOr<Restored> Rollback(absl::string_view name, WallTime now);

  // What differs between two snapshots, table by table; "": now. Tables without a change are left
  // out.
  struct TensorChange {
    std::string name;
    double largest = 0;  // Of any element. Ternary ones and those that are not finite do not count.
  };
  struct TableChange {
    std::string name;
    uint64_t blocks = 0;
    uint64_t changed = 0;
    std::vector<TensorChange> tensors;  // That differ.
  };
  // `to` must be no older than `from`. Returns NotFound, InvalidArgument; as StateDb::Load.
  absl::StatusOr<std::vector<TableChange>> Diff(absl::string_view from, absl::string_view to) const;

 private:
  Snapshots(std::string directory, std::unique_ptr<const Plan> plan,
            std::unique_ptr<StateDb> state);

  absl::Status Explain(const absl::Status& status) const;
  absl::StatusOr<std::string> SaveBefore(absl::string_view what, WallTime now);
  absl::StatusOr<std::unique_ptr<Store>> Start() const;

  const std::string directory_;
  const std::unique_ptr<const Plan> plan_;
  const std::unique_ptr<StateDb> state_;
};

}  // namespace gyrus
